//! The HTTP client as a service of tower, and inside the layers of the caller.

use std::{
    fmt,
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Uri, header::AUTHORIZATION};
use reqwest::Body;
use tower_service::Service;

use super::{Failure, Http};
use crate::{BoxFuture, error::chain, middleware::BoxError, reconcile::SentRequest, sync::lock};

/// The HTTP client of a [`Client`](crate::Client) as a service of tower, which
/// [`ClientBuilder::layer`](crate::ClientBuilder::layer) wraps.
#[derive(Debug, Clone)]
pub struct HttpService {
    http: Http,
}

/// A function that wraps the HTTP client in the layers of the caller.
pub(crate) type Wrap = Box<dyn FnOnce(HttpService) -> LayeredHttp + Send>;

/// The HTTP client inside the layers of the caller.
pub(crate) struct LayeredHttp(Box<dyn Fn(Attached) -> Sending + Send + Sync>);

type Attached = http::Request<Body>;
type Sending = BoxFuture<'static, Result<reqwest::Response, BoxError>>;

/// Travels with a request through the layers, and tells the innermost service about it.
#[derive(Clone)]
struct Passport {
    /// The URL for which the headers were made.
    uri: Uri,
    /// Use the client that does not decompress.
    verbatim: bool,
    /// Set once the request is handed to the HTTP client.
    is_sent: Arc<AtomicBool>,
    /// The record of a submit, in which the body that is sent is noted.
    record: Option<Arc<SentRequest>>,
}

impl Passport {
    /// Notes that the request is handed to the HTTP client, with the body that the layers have left.
    fn note_sent(&self, request: &reqwest::Request) {
        self.is_sent.store(true, Ordering::Relaxed);
        let Some(record) = &self.record else { return };
        match request.body().map(Body::as_bytes) {
            None => record.set_body(None),
            Some(Some(bytes)) => record.set_body(Some(&Bytes::copy_from_slice(bytes))),
            // A layer may have put other content into the stream of a large body.
            Some(None) => record.set_may_differ(),
        }
    }
}

impl HttpService {
    pub(crate) fn new(http: Http) -> Self {
        Self { http }
    }
}

impl Service<http::Request<Body>> for HttpService {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<http::Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let passport = request.extensions().get::<Passport>();
        let is_at_its_host = passport.is_some_and(|passport| {
            let (uri, made_for) = (request.uri(), &passport.uri);
            (uri.scheme(), uri.authority()) == (made_for.scheme(), made_for.authority())
        });
        if !is_at_its_host && request.headers().contains_key(AUTHORIZATION) {
            let message = "a layer sends the key to another host than that of the request";
            return Box::pin(async move { Err(message.into()) });
        }
        let (http, passport) = (self.http.clone(), passport.cloned());
        Box::pin(async move {
            let request = reqwest::Request::try_from(request)?;
            let mut verbatim = false;
            if let Some(passport) = passport {
                passport.note_sent(&request);
                verbatim = passport.verbatim;
            }
            Ok(http.execute(request, verbatim).await?.into())
        })
    }
}

impl LayeredHttp {
    pub(crate) fn new<S, B>(service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<B>, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + 'static,
        B: http_body::Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + Sync + 'static,
    {
        // Some services of tower are not `Sync`, and a lock around the clone asks less of them.
        let service = Mutex::new(service);
        Self(Box::new(move |request| {
            let mut service = lock(&service).clone();
            Box::pin(async move {
                poll_fn(|context| service.poll_ready(context)).await.map_err(Into::into)?;
                let response = service.call(request).await.map_err(Into::into)?;
                Ok(response.map(Body::wrap).into())
            })
        }))
    }

    /// Sends a request through the layers.
    pub(super) async fn execute(
        &self,
        request: reqwest::Request,
        verbatim: bool,
        record: Option<Arc<SentRequest>>,
    ) -> Result<reqwest::Response, Failure> {
        let mut request = http::Request::<Body>::try_from(request).map_err(Failure::from_reqwest)?;
        let is_sent = Arc::new(AtomicBool::new(false));
        if let Some(record) = &record {
            // Until the innermost service sees this request, and not another that a layer has made.
            record.set_may_differ();
        }
        let passport = Passport { uri: request.uri().clone(), verbatim, is_sent: is_sent.clone(), record };
        request.extensions_mut().insert(passport);
        let failed = match (self.0)(request).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        Err(match failed.downcast::<reqwest::Error>() {
            Ok(cause) => Failure::from_reqwest(*cause),
            Err(cause) if is_sent.load(Ordering::Relaxed) && !is_connect(&*cause) => Failure::Layer(cause),
            Err(cause) => Failure::UnsentLayer(cause),
        })
    }
}

/// Returns true if a failure to connect is behind an error.
fn is_connect(error: &(dyn std::error::Error + 'static)) -> bool {
    chain(error).any(|cause| {
        let is_own = cause.downcast_ref().is_some_and(reqwest::Error::is_connect);
        // The source of an I/O error is the source of its content, which is left out.
        let content = cause.downcast_ref().and_then(std::io::Error::get_ref);
        is_own || content.is_some_and(|content| is_connect(content))
    })
}

impl fmt::Debug for LayeredHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayeredHttp").finish_non_exhaustive()
    }
}
