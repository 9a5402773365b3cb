//! Code beside the client that uses reqwest by itself. A process of its own, because a crypto provider is for a process.

use fal_client::Client;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

#[tokio::test]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
async fn plain_client_of_reqwest_works_beside_ours() {
    // With ring, reqwest has no provider of its own until ours is installed.
    if cfg!(not(feature = "rustls-aws-lc-rs")) {
        Client::builder().key("test:key").build().unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 4096]).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = http.get(url).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(body, "ok");
}
