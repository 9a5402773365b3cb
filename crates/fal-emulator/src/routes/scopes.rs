//! Scopes: the parts of an emulator that single tests have to themselves, so that tests can run at the same time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tower_service::Service as _;

use super::admin::is_foreign;
use super::parameters::Parameters;
use super::single_router;
use crate::app::App;
use crate::percent;
use crate::reply::Reply;
use crate::script::{Target, classify};
use crate::sync::lock;

/// The header by which a request names its scope.
const SCOPE: HeaderName = HeaderName::from_static("x-fal-emulator-scope");
/// The path at which a scope is ended.
const END: &str = "/_emulator/scope";
/// The largest number of scopes at a time.
const MAX_SCOPES: usize = 1_000;
/// The longest name, in characters.
const MAX_NAME: usize = 100;
/// The number of ended scopes whose names are kept.
const MAX_ENDED: usize = 10_000;

/// The open scopes.
pub(super) struct Scopes {
    /// The state of requests without a scope.
    app: Arc<App>,
    ca: Option<String>,
    open: Mutex<HashMap<String, Scope>>,
    ended: Mutex<EndedScopes>,
}

/// The names of the scopes that ended last.
#[derive(Default)]
struct EndedScopes {
    names: HashSet<String>,
    /// The same names, the oldest first. A name that was opened again may be left here.
    order: VecDeque<String>,
}

#[derive(Clone)]
struct Scope {
    app: Arc<App>,
    router: Router,
}

impl Scopes {
    pub(super) fn new(app: Arc<App>, ca: Option<String>) -> Self {
        Self { app, ca, open: Mutex::default(), ended: Mutex::default() }
    }

    /// Returns the scope of a request, or `None` if it belongs to none.
    ///
    /// A scope that the header names, or the parameter `scope` of the admin API, is opened if it is new. Other requests
    /// belong to an open scope by what they ask for, or by their key.
    ///
    /// # Errors
    ///
    /// Returns a 422 if the name is not valid, or if too many scopes are open, and a 401 for the key of a scope that has
    /// ended.
    fn find(&self, request: &Request) -> Result<Option<Scope>, Reply> {
        let headers = request.headers();
        if let Some(name) = named_scope(request)? {
            // A page of another site may call models, but it must not use up the scopes.
            if self.is_of_foreign_page(headers) {
                return Ok(lock(&self.open).get(&name).cloned());
            }
            return self.open(&name).map(Some);
        }
        let of_key = || credentials(headers, "key")?.split(':').next();
        let of_upload_token =
            || credentials(headers, "bearer")?.strip_prefix(&self.app.cdn_token)?.strip_prefix('-');
        let of_token = || {
            let Query(parameters) = Query::<Parameters>::try_from_uri(request.uri()).ok()?;
            let token = parameters.get("fal_jwt_token").or_else(|| parameters.get("identity"))?;
            self.app.tokens.scope(token)
        };
        let name = of_key().or_else(of_upload_token).map(str::to_owned).or_else(of_token);
        if let Some(name) = name.as_ref().filter(|name| lock(&self.ended).names.contains(*name)) {
            // Served without a scope, the call would look like one of the test that is running.
            return Err(ended(name));
        }
        let open = lock(&self.open);
        if open.is_empty() {
            return Ok(None);
        }
        let of_name = || open.get(name.as_ref()?);
        let of_target = || match classify(request.method(), request.uri().path()) {
            (_, Target::Job(id)) => open.values().find(|scope| scope.app.queue.holds(id)),
            _ => None,
        };
        let of_file = || open.get(&*self.app.store.scope(&file_path(request.uri().path())?)?);
        let found = of_target().or_else(of_name).or_else(of_file);
        Ok(found.cloned())
    }

    fn is_of_foreign_page(&self, headers: &HeaderMap) -> bool {
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        text(header::ORIGIN).is_some_and(|origin| !self.app.hosts.trusts_origin(origin, text(header::HOST)))
    }

    fn open(&self, name: &str) -> Result<Scope, Reply> {
        check_name(name)?;
        let mut open = lock(&self.open);
        if let Some(scope) = open.get(name) {
            return Ok(scope.clone());
        }
        if open.len() >= MAX_SCOPES {
            return Err(refusal(format!(
                "{MAX_SCOPES} scopes are open; end those that are no longer needed: DELETE {END}?scope=…"
            )));
        }
        let app = Arc::new(self.app.in_scope(name));
        let scope = Scope { router: single_router(Arc::clone(&app), self.ca.clone()), app };
        lock(&self.ended).names.remove(name);
        open.insert(name.to_owned(), scope.clone());
        Ok(scope)
    }

    /// Ends a scope. Returns false if it is not open.
    fn end(&self, name: &str) -> bool {
        let was_open = lock(&self.open).remove(name).is_some();
        if was_open {
            lock(&self.ended).add(name);
        }
        was_open
    }
}

impl EndedScopes {
    fn add(&mut self, name: &str) {
        if !self.names.insert(name.to_owned()) {
            return;
        }
        self.order.push_back(name.to_owned());
        if self.order.len() > MAX_ENDED
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
    }
}

/// Passes a request on to its scope.
pub(super) async fn dispatch(State(scopes): State<Arc<Scopes>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/_emulator/") && is_foreign(request.headers()) {
        // Refused there, before it opens a scope.
        return next.run(request).await;
    }
    if path == END && request.method() == Method::DELETE {
        return match named_scope(&request) {
            Ok(Some(name)) => Reply::ok(json!({"ended": scopes.end(&name)})),
            Ok(None) => refusal("name the scope to end: ?scope=…".to_owned()),
            Err(refusal) => refusal,
        }
        .into_response();
    }
    match scopes.find(&request) {
        Ok(Some(mut scope)) => {
            let called: Result<Response, Infallible> = scope.router.call(request).await;
            called.unwrap_or_else(|never| match never {})
        }
        Ok(None) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Returns the scope that a request names: in the header, or in the parameter `scope` of the admin API.
///
/// # Errors
///
/// Returns a 422 if the header is not text.
fn named_scope(request: &Request) -> Result<Option<String>, Reply> {
    if let Some(name) = request.headers().get(SCOPE) {
        let name = name.to_str().map_err(|_| invalid_name())?;
        return Ok(Some(name.to_owned()));
    }
    let path = request.uri().path();
    if !path.starts_with("/_emulator/") || path.starts_with("/_emulator/page/") {
        return Ok(None);
    }
    let parameters = Query::<Parameters>::try_from_uri(request.uri());
    Ok(parameters.ok().and_then(|Query(parameters)| parameters.get("scope").map(str::to_owned)))
}

fn check_name(name: &str) -> Result<(), Reply> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if (1..=MAX_NAME).contains(&name.len()) && is_plain { Ok(()) } else { Err(invalid_name()) }
}

fn invalid_name() -> Reply {
    refusal(format!("the name of a scope is 1 to {MAX_NAME} letters, digits, dots, dashes and underscores"))
}

/// Creates the reply to the key of a scope that has ended.
fn ended(name: &str) -> Reply {
    let text = format!(
        "The scope {name} has ended, so its key is no longer valid. A client has kept the key of an earlier test: give it \
         the key of the scope that is open"
    );
    Reply::detail(StatusCode::UNAUTHORIZED, text)
}

fn refusal(text: String) -> Reply {
    Reply::detail(StatusCode::UNPROCESSABLE_ENTITY, text)
}

/// Returns the credentials of a request with this scheme.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (sent, value) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    sent.eq_ignore_ascii_case(scheme).then(|| value.trim())
}

/// Returns the path of the file that a request to the CDN is about.
fn file_path(path: &str) -> Option<String> {
    let path = path.strip_prefix("/cdn/upload/").or_else(|| path.strip_prefix("/cdn/files/"))?;
    let path = path.split("/multipart/").next().unwrap_or_default();
    String::from_utf8(percent::decode(path.strip_suffix("/sign").unwrap_or(path))).ok()
}
