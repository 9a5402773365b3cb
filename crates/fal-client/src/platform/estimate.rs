//! The cost of a call before it is made.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use fal_core::IntoInput;
use fal_platform::{
    Auth, Platform,
    types::{
        CallQuantity, CostEstimate, EstimateByCalls, EstimateByCallsEstimateType, EstimateByUnits,
        EstimateByUnitsEstimateType, EstimateRequest, UnitQuantity,
    },
};
use http::StatusCode;

use super::interceptor::MiddlewareInterceptor;
use crate::{Client, Error, ErrorKind, Pending, Result, redact::single_line};

/// The estimated cost of a call.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// The cost, in `currency`.
    pub total_cost: f64,
    /// The currency, as three letters of ISO 4217.
    pub currency: String,
    /// The basis of the estimate.
    pub basis: Basis,
}

/// Prints one line, such as `about 0.1000 USD, for 4 images`.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "about {:.4} {}, ", self.total_cost, single_line(&self.currency, 10))?;
        match &self.basis {
            Basis::Units { quantity, unit } => {
                let plural =
                    if unit.ends_with('s') || (quantity - 1.0).abs() < f64::EPSILON { "" } else { "s" };
                write!(f, "for {quantity} {}{plural}", single_line(unit, 50))
            }
            Basis::PastCalls => f.write_str("the average of earlier calls"),
        }
    }
}

/// The basis of an [`Estimate`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Basis {
    /// The number of billing units follows from the input, and each has a price.
    #[non_exhaustive]
    Units {
        /// The number of units.
        quantity: f64,
        /// The name of the unit, such as `image`.
        unit: String,
    },
    /// The average cost of earlier calls of this endpoint, with any input.
    PastCalls,
}

impl Client {
    /// Returns the platform API (models, prices, usage, requests, keys and more) with this client's key and
    /// connections.
    ///
    /// A [provider](crate::Credentials::provider) of keys is asked once, here. The errors of the API convert to
    /// [`Error`] with `?`. Its requests pass the client's middleware. They are not retried, and the client's headers, its
    /// layers and its hook for attempts do not apply.
    ///
    /// ```no_run
    /// # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
    /// let models = client.platform().await?.list_models().q("flux").send().await?;
    /// for model in &models.models {
    ///     println!("{}", model.endpoint_id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Auth` if the provider of the key fails; `Config` with a `proxy_url`, which forwards only calls of models.
    pub async fn platform(&self) -> Result<Platform> {
        let transport = &self.0.transport;
        if transport.proxy.is_some() {
            let message = "the platform API cannot be reached through `proxy_url`; use a client without one";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let mut auth = transport.authorization.header().await?.map_or(Auth::none(), Auth::from_header);
        if !transport.middleware.is_empty() {
            auth = auth.intercepted_by(Arc::new(MiddlewareInterceptor::new(self.clone())));
        }
        let platform = &transport.hosts.platform;
        let base = format!("{}/v1", platform.as_str().trim_end_matches('/'));
        Ok(Platform::with_base_url(&base, transport.http.choose(platform, false).clone(), auth))
    }

    /// Estimates the cost of a call with this input. Nothing is run.
    ///
    /// If the endpoint is priced by the image and the input has `num_images`, the price is multiplied. Otherwise
    /// the estimate is the average cost of earlier calls. `POST api.fal.ai/v1/models/pricing/estimate`.
    ///
    /// ```no_run
    /// # use fal_client::untyped;
    /// # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
    /// # let input = untyped::input("fal-ai/flux/dev", serde_json::json!({"prompt": "a cat", "num_images": 4}));
    /// let estimate = client.estimate(input).await?;
    /// println!("{estimate}"); // about 0.1000 USD, for 4 images
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`platform`](Self::platform), and `NotFound` for an endpoint without a price.
    #[doc(alias("price", "cost"))]
    pub fn estimate<I: IntoInput>(&self, input: I) -> Pending<Estimate> {
        let (client, id) = (self.clone(), input.endpoint_id().into_owned());
        let images = num_images(&input.into_input());
        Pending::new(async move {
            client.fetch_estimate(&id, images).await.map_err(|error| error.with_endpoint(id))
        })
    }

    async fn fetch_estimate(&self, id: &str, images: Option<f64>) -> Result<Estimate> {
        let platform = self.platform().await?;
        let prices =
            platform.list_prices().endpoint_id(vec![id.to_owned()]).send().await?.into_inner().prices;
        let unit = prices.into_iter().find(|price| price.endpoint_id == id).map(|price| price.unit);
        let by_image = unit.filter(|unit| matches!(unit.as_str(), "image" | "images"));
        let (request, basis) = match by_image.zip(images) {
            Some((unit, quantity)) => (by_units(id, quantity), Basis::Units { quantity, unit }),
            None => (by_calls(id), Basis::PastCalls),
        };
        let CostEstimate { total_cost, currency, .. } =
            platform.estimate_cost().body(request).send().await?.into_inner();
        Ok(Estimate { total_cost, currency, basis })
    }
}

/// Returns the number of images that the input asks for.
fn num_images(input: &impl serde::Serialize) -> Option<f64> {
    serde_json::to_value(input).ok()?.get("num_images")?.as_f64()
}

fn by_units(id: &str, unit_quantity: f64) -> EstimateRequest {
    EstimateByUnits {
        endpoints: [(id.to_owned(), UnitQuantity { unit_quantity })].into(),
        estimate_type: EstimateByUnitsEstimateType::UnitPrice,
    }
    .into()
}

fn by_calls(id: &str) -> EstimateRequest {
    EstimateByCalls {
        endpoints: [(id.to_owned(), CallQuantity { call_quantity: 1 })].into(),
        estimate_type: EstimateByCallsEstimateType::HistoricalApiPrice,
    }
    .into()
}

impl From<fal_platform::Error> for Error {
    fn from(error: fal_platform::Error) -> Self {
        use fal_platform::Error as E;
        match error {
            E::ErrorResponse(reply) => {
                let (status, headers) = (reply.status(), reply.headers().clone());
                let body = serde_json::to_vec(&reply.into_inner()).unwrap_or_default();
                Self::from_response(status, &headers, body.into())
            }
            E::UnexpectedResponse(reply) => {
                Self::from_response(reply.status(), reply.headers(), Bytes::new())
            }
            E::InvalidResponsePayload(body, cause) => {
                let message =
                    format!("a response of the platform API does not have the documented form: {cause}");
                let kind = ErrorKind::Decode { path: ".".to_owned() };
                Self::new(kind, message).with_response(StatusCode::OK, body).with_source(cause)
            }
            E::CommunicationError(cause) | E::ResponseBodyError(cause) | E::InvalidUpgrade(cause) => {
                let message = format!("the platform API could not be reached: {cause}");
                Self::new(ErrorKind::Transport, message).with_source(cause)
            }
            E::InvalidRequest(message) | E::Custom(message) => Self::new(ErrorKind::Config, message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimate_prints_as_one_line() {
        let print = |basis| Estimate { total_cost: 0.1, currency: "USD".to_owned(), basis }.to_string();
        let units = |quantity, unit: &str| Basis::Units { quantity, unit: unit.to_owned() };
        assert_eq!(print(units(4.0, "image")), "about 0.1000 USD, for 4 images");
        assert_eq!(print(units(1.0, "image")), "about 0.1000 USD, for 1 image");
        assert_eq!(print(units(2.5, "megapixels")), "about 0.1000 USD, for 2.5 megapixels");
        assert_eq!(print(Basis::PastCalls), "about 0.1000 USD, the average of earlier calls");
    }
}
