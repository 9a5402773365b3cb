//! Sends a request with `reqwest::Client::new()`, before and without building a client of fal.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await?;
        let _ = socket.read(&mut [0; 4096]).await?;
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await
    });
    let body = reqwest::Client::new().get(url).send().await?.text().await?;
    // Linked, but not built.
    let size = size_of::<fal_client::ClientBuilder>();
    println!("{body} {}", if size > 0 { "beside the client" } else { "alone" });
    Ok(())
}
