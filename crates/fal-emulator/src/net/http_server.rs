//! Accepts connections and serves HTTP on them.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::faulty_stream::{FaultyStream, ReplyFaults, ResetOnClose};
use super::traffic::Traffic;
use super::tunnel::{self, Accepted};
use super::upstream_proxy::UpstreamProxies;
use crate::clock::Clock;
use crate::hosts::HostPolicy;

/// The time limit for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The time that replies under way get at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);
/// The time for which a connection may be idle between two requests. Pools of clients close theirs sooner; one that was closed
/// while a busy client was about to use it would fail its request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// The pause after a failed `accept`, which usually means that file descriptors ran out.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Decides which connections are reset before a byte of them is read.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    refused: AtomicUsize,
}

impl Gate {
    /// Resets this many connections from now on; `usize::MAX` resets all.
    pub(crate) fn refuse(&self, connections: usize) {
        self.refused.store(connections, Ordering::SeqCst);
    }

    /// Takes one of the refusals that are left. Returns true if there was one.
    fn take_refusal(&self) -> bool {
        self.refused
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
                // Unlimited.
                usize::MAX => Some(left),
                left => left.checked_sub(1),
            })
            .is_ok()
    }
}

/// An HTTP server on one port.
pub(crate) struct HttpServer {
    pub(crate) handler: RequestHandler,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) proxies: Arc<UpstreamProxies>,
}

impl HttpServer {
    /// Serves until `stopped` changes or its sender is dropped, then finishes the replies under way.
    pub(crate) async fn run(self, listener: TcpListener, mut stopped: watch::Receiver<()>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                _ = stopped.changed() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.accept(&mut connections, stream, peer, &stopped),
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        let finished = async { while connections.join_next().await.is_some() {} };
        if timeout(SHUTDOWN_GRACE, finished).await.is_err() {
            tracing::debug!("some connections were still open at shutdown");
        }
    }

    fn accept(
        &self,
        connections: &mut JoinSet<()>,
        stream: TcpStream,
        peer: SocketAddr,
        stopped: &watch::Receiver<()>,
    ) {
        if self.gate.take_refusal() {
            stream.reset_on_close();
            return;
        }
        stream.set_nodelay(true).ok();
        let clock = Arc::clone(&self.clock);
        let (tls, proxies) = (self.tls.clone(), Arc::clone(&self.proxies));
        let handler = self.handler.clone();
        let stopped = stopped.clone();
        connections.spawn(async move {
            // Each phase is in a box of its own, so that a connection does not take the memory of the largest one for its
            // whole life.
            let accepted = match &tls {
                None => Accepted::Plain(stream),
                Some(_) => match Box::pin(tunnel::accept(stream, peer, &proxies, &handler.traffic)).await {
                    Ok(Some(accepted)) => accepted,
                    Ok(None) => return,
                    Err(error) => {
                        return tracing::debug!(%error, %peer, "a connection to the proxy ended early");
                    }
                },
            };
            let served = match (accepted, tls) {
                (Accepted::Tls(stream), Some(tls)) => {
                    match timeout(HANDSHAKE_TIMEOUT, Box::pin(tls.accept(stream))).await {
                        Ok(Ok(stream)) => {
                            Box::pin(handler.serve(FaultyStream::new(stream, clock), stopped, true)).await
                        }
                        Ok(Err(error)) => {
                            return tracing::debug!(%error, %peer, "a TLS handshake failed");
                        }
                        Err(_) => return,
                    }
                }
                (Accepted::Plain(stream) | Accepted::Tls(stream), _) => {
                    Box::pin(handler.serve(FaultyStream::new(stream, clock), stopped, false)).await
                }
            };
            if let Err(error) = served {
                tracing::debug!(%error, %peer, "a connection ended early");
            }
        });
    }
}

/// The handler of the requests on a connection.
#[derive(Clone)]
pub(crate) struct RequestHandler {
    pub(crate) router: Router,
    pub(crate) hosts: Arc<HostPolicy>,
    pub(crate) traffic: Arc<Traffic>,
    /// The time limit for receiving the head of the first request of a connection.
    pub(crate) head_timeout: Duration,
}

impl RequestHandler {
    /// Serves the requests of a connection.
    async fn serve<S: AsyncRead + AsyncWrite + ResetOnClose + Send + Unpin + 'static>(
        self,
        stream: FaultyStream<S>,
        mut stopped: watch::Receiver<()>,
        is_tls: bool,
    ) -> Result<(), hyper::Error> {
        let control = stream.control();
        let first_request = Arc::new(Notify::new());
        let is_late = {
            let first_head = timeout(self.head_timeout, Arc::clone(&first_request).notified_owned());
            async move {
                if first_head.await.is_ok() {
                    pending().await
                }
            }
        };
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            first_request.notify_one();
            control.set_faults(ReplyFaults::default());
            request.extensions_mut().insert(control.clone());
            detach_head(&mut request);
            let is_proxied = request.uri().host().is_some();
            let handled = match self.hosts.route(&mut request, is_tls) {
                Ok(()) => Ok(router.call(request)),
                Err(refusal) => {
                    if let Some(host) = &refusal.unserved {
                        self.traffic.refuse_host(host);
                    }
                    Err(refusal.into_reply().into_response())
                }
            };
            async move {
                let mut response = match handled {
                    Ok(response) => response.await?,
                    Err(response) => response,
                };
                // The next request on a connection to a proxy may be for another host, and only the host of the first
                // one was checked.
                if is_proxied && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            done = connection.as_mut() => return done,
            () = is_late => return Ok(()),
            _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }
}

/// Copies the head of a request out of the buffer of its connection. Otherwise that buffer would stay in memory for as long
/// as the request is handled and recorded, and the connection would take another one.
fn detach_head<B>(request: &mut Request<B>) {
    if let Ok(uri) = Uri::try_from(request.uri().to_string()) {
        *request.uri_mut() = uri;
    }
    let headers = copy_headers(request.headers());
    *request.headers_mut() = headers;
}

/// Copies headers into one buffer of their own.
fn copy_headers(headers: &HeaderMap) -> HeaderMap {
    let all = Bytes::from(headers.values().map(HeaderValue::as_bytes).collect::<Vec<_>>().concat());
    let mut copy = HeaderMap::with_capacity(headers.len());
    let mut start = 0;
    for (name, value) in headers {
        let end = start + value.len();
        // Bytes of a value are those of a value.
        if let Ok(value) = HeaderValue::from_maybe_shared(all.slice(start..end)) {
            copy.append(name, value);
        }
        start = end;
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detached_head_says_the_same() {
        for uri in ["/a/%ff?b=%20&c#d", "*", "http://fal.run:80/a?b", "/"] {
            let sent =
                || Request::builder().uri(uri).header("a", "1").header("b", "").header("a", "2").body(());
            let (original, mut detached) = (sent().unwrap(), sent().unwrap());
            detach_head(&mut detached);
            assert_eq!((detached.uri(), detached.headers()), (original.uri(), original.headers()));
        }
    }
}
