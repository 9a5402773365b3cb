//! The cost of a call before it is made.

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

use crate::{Client, Error, ErrorKind, Result};

/// What a call would cost, roughly.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// The cost, in `currency`.
    pub total_cost: f64,
    /// Currency, as three letters of ISO 4217.
    pub currency: String,
    /// What the estimate was made from.
    pub basis: Basis,
}

/// What an [`Estimate`] was made from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Basis {
    /// The input says how many billing units there will be, and each has a price.
    #[non_exhaustive]
    Units {
        /// How many.
        quantity: f64,
        /// Of what, such as `image`.
        unit: String,
    },
    /// What calls of this endpoint have cost before, whatever they were given.
    PastCalls,
}

impl Client {
    /// The platform API: models, prices, usage, requests, keys and more, with this client's key and connections.
    ///
    /// A key of a [provider](crate::Credentials::provider) is asked for once, here. Its errors turn into
    /// [`Error`] with `?`. Requests are not repeated, and per-client headers and hooks do not apply.
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
    /// `Auth` when the key cannot be had, `Config` with a `proxy_url`, which only takes calls of models.
    pub async fn platform(&self) -> Result<Platform> {
        let transport = &self.0.transport;
        if transport.proxy.is_some() {
            let message = "the platform API cannot be reached through `proxy_url`; use a client without one";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let auth = transport.authorization.header().await?.map_or(Auth::none(), Auth::header);
        let base = format!("{}/v1", transport.hosts.platform.as_str().trim_end_matches('/'));
        Ok(Platform::with_base_url(&base, transport.http.clone(), auth))
    }

    /// What a call with this input would cost. Nothing is run.
    ///
    /// Where the endpoint is paid by the image and the input has `num_images`, the price is multiplied; elsewhere
    /// the estimate is what calls have cost before on average. `POST api.fal.ai/v1/models/pricing/estimate`.
    ///
    /// ```no_run
    /// # use fal_client::untyped;
    /// # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
    /// # let input = untyped::input("fal-ai/flux/dev", serde_json::json!({"prompt": "a cat", "num_images": 4}));
    /// let estimate = client.estimate(input).await?;
    /// println!("about {:.3} {}", estimate.total_cost, estimate.currency);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`platform`](Self::platform), and `NotFound` for an endpoint without a price.
    pub async fn estimate<I: IntoInput>(&self, input: I) -> Result<Estimate> {
        let id = input.endpoint_id().into_owned();
        let images = images(&input.into_input());
        self.estimate_of(&id, images).await.map_err(|error| error.with_endpoint(id))
    }

    async fn estimate_of(&self, id: &str, images: Option<f64>) -> Result<Estimate> {
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

/// How many images the input asks for.
fn images(input: &impl serde::Serialize) -> Option<f64> {
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
                Self::from_answer(status, &headers, body.into())
            }
            E::UnexpectedResponse(reply) => Self::from_answer(reply.status(), reply.headers(), Bytes::new()),
            E::InvalidResponsePayload(body, cause) => {
                let message = format!("an answer of the platform API is not what it should be: {cause}");
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
