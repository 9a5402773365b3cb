//! Accepts connections and serves HTTP on them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::faulty_stream::{FaultyStream, ReplyFaults, ResetOnClose};
use super::tunnel;
use crate::clock::Clock;
use crate::hosts;

/// The time limit for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The time that replies under way get at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);
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
    pub(crate) router: Router,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) tls: Option<TlsAcceptor>,
    /// The time limit for receiving the head of a request.
    pub(crate) read_timeout: Duration,
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
        let (router, clock, stopped) = (self.router.clone(), Arc::clone(&self.clock), stopped.clone());
        let (tls, read_timeout) = (self.tls.clone(), self.read_timeout);
        connections.spawn(async move {
            let served = match tls {
                None => serve(FaultyStream::new(stream, clock), router, stopped, read_timeout).await,
                Some(tls) => {
                    let stream = match tunnel::accept(stream, peer).await {
                        Ok(Some(stream)) => stream,
                        Ok(None) => return,
                        Err(error) => return tracing::debug!(%error, %peer, "a proxy tunnel ended early"),
                    };
                    match timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                        Ok(Ok(stream)) => {
                            serve(FaultyStream::new(stream, clock), router, stopped, read_timeout).await
                        }
                        Ok(Err(error)) => {
                            return tracing::debug!(%error, %peer, "a TLS handshake failed");
                        }
                        Err(_) => return,
                    }
                }
            };
            if let Err(error) = served {
                tracing::debug!(%error, %peer, "a connection ended early");
            }
        });
    }
}

async fn serve<S: AsyncRead + AsyncWrite + ResetOnClose + Send + Unpin + 'static>(
    wire: FaultyStream<S>,
    router: Router,
    mut stopped: watch::Receiver<()>,
    read_timeout: Duration,
) -> Result<(), hyper::Error> {
    let control = wire.control();
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        hosts::add_service_prefix(&mut request);
        control.set_faults(ReplyFaults::default());
        request.extensions_mut().insert(control.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(read_timeout)
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        done = connection.as_mut() => return done,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
