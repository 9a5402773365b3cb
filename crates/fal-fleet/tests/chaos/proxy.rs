//! A network between workers and a server, which can stop and break.

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// The address of a server.
#[derive(Debug, Clone)]
pub(crate) enum Upstream {
    Tcp(String),
    Unix(PathBuf),
}

/// The state of the network.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    is_stalled: bool,
    /// Rises when all connections are cut.
    cuts: u64,
}

/// A proxy on a port of this machine.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<watch::Sender<State>>,
}

impl Proxy {
    pub(crate) async fn start(upstream: Upstream) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(watch::Sender::new(State::default()));
        let states = state.clone();
        tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { continue };
                tokio::spawn(serve(client, upstream.clone(), states.subscribe()));
            }
        });
        Self { port, state }
    }

    /// Lets nothing through for a while.
    pub(crate) fn stall(&self, time: Duration) {
        self.state.send_modify(|state| state.is_stalled = true);
        let state = self.state.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            state.send_modify(|state| state.is_stalled = false);
        });
    }

    /// Breaks all connections.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }
}

async fn serve(client: TcpStream, upstream: Upstream, states: watch::Receiver<State>) {
    let cuts = states.borrow().cuts;
    let mut breaks = states.clone();
    let (from_client, to_client) = client.into_split();
    let copies = async {
        match upstream {
            Upstream::Tcp(address) => {
                let Ok(server) = TcpStream::connect(address).await else { return };
                let (from_server, to_server) = server.into_split();
                relay((from_client, to_server), (from_server, to_client), states).await;
            }
            Upstream::Unix(path) => {
                let Ok(server) = UnixStream::connect(path).await else { return };
                let (from_server, to_server) = server.into_split();
                relay((from_client, to_server), (from_server, to_client), states).await;
            }
        }
    };
    tokio::select! {
        () = copies => {}
        _ = breaks.wait_for(|state| state.cuts > cuts) => {}
    }
}

/// Copies both ways until one of them ends.
async fn relay(
    up: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    down: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    states: watch::Receiver<State>,
) {
    tokio::select! {
        () = copy(up.0, up.1, states.clone()) => {}
        () = copy(down.0, down.1, states) => {}
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut states: watch::Receiver<State>,
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
        if states.wait_for(|state| !state.is_stalled).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
