//! Accepting connections and serving them.

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

use super::tunnel;
use super::wire::{Orders, Reset, Wire};
use crate::clock::Clock;
use crate::hosts;

/// How long a client may take for a TLS handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long replies under way may take once the emulator is to stop.
const GRACE: Duration = Duration::from_secs(3);
/// How long to wait when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Who may enter: connections that are reset before a byte of them is read.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    refused: AtomicUsize,
}

impl Gate {
    pub(crate) fn refuse(&self, connections: usize) {
        self.refused.store(connections, Ordering::SeqCst);
    }

    fn refuses(&self) -> bool {
        self.refused
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
                // Without number.
                usize::MAX => Some(left),
                left => left.checked_sub(1),
            })
            .is_ok()
    }
}

/// What a connection needs to be served.
pub(crate) struct Serving {
    pub(crate) router: Router,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) tls: Option<TlsAcceptor>,
    /// How long a client may take to send the head of a request.
    pub(crate) read_time: Duration,
}

impl Serving {
    /// Serves until `stopped` changes or its sender is gone, then finishes the replies under way.
    pub(crate) async fn run(self, listener: TcpListener, mut stopped: watch::Receiver<()>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                _ = stopped.changed() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.welcome(&mut connections, stream, peer, &stopped),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        let finished = async { while connections.join_next().await.is_some() {} };
        if timeout(GRACE, finished).await.is_err() {
            tracing::debug!("connections were still open at the end");
        }
    }

    fn welcome(
        &self,
        connections: &mut JoinSet<()>,
        stream: TcpStream,
        peer: SocketAddr,
        stopped: &watch::Receiver<()>,
    ) {
        if self.gate.refuses() {
            stream.reset_on_close();
            return;
        }
        stream.set_nodelay(true).ok();
        let (router, clock, stopped) = (self.router.clone(), Arc::clone(&self.clock), stopped.clone());
        let (tls, read_time) = (self.tls.clone(), self.read_time);
        connections.spawn(async move {
            let served = match tls {
                None => serve(Wire::new(stream, clock), router, stopped, read_time).await,
                Some(tls) => {
                    let stream = match tunnel::enter(stream, peer).await {
                        Ok(Some(stream)) => stream,
                        Ok(None) => return,
                        Err(error) => return tracing::debug!(%error, %peer, "a tunnel ended early"),
                    };
                    match timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
                        Ok(Ok(stream)) => serve(Wire::new(stream, clock), router, stopped, read_time).await,
                        Ok(Err(error)) => {
                            return tracing::debug!(%error, %peer, "a caller does not take our TLS");
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

async fn serve<S: AsyncRead + AsyncWrite + Reset + Send + Unpin + 'static>(
    wire: Wire<S>,
    router: Router,
    mut stopped: watch::Receiver<()>,
    read_time: Duration,
) -> Result<(), hyper::Error> {
    let control = wire.control();
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        hosts::prefix(&mut request);
        control.order(Orders::default());
        request.extensions_mut().insert(control.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(read_time)
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        done = connection.as_mut() => return done,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
