//! A proxy that leads every tunnel to one emulator, whatever host it is for: so the clients speak to fal's own
//! host names, and nothing on the machine has to be changed.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

/// The longest head of a request to the proxy, in bytes.
const LONGEST_HEAD: usize = 8192;

/// Starts a proxy in threads that live as long as the process, and gives its URL.
pub(super) fn start(emulator: SocketAddr) -> Result<String, String> {
    let listener =
        TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no port for a proxy: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || tunnel(client, emulator));
        }
    });
    Ok(format!("http://{address}"))
}

/// Answers `CONNECT` and joins both ends until one of them closes.
fn tunnel(mut client: TcpStream, emulator: SocketAddr) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        client.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    if !head.starts_with(b"CONNECT ") {
        return client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n");
    }
    let mut server = TcpStream::connect(emulator)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        std::io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Write).ok();
    });
    std::io::copy(&mut server, &mut client).ok();
    client.shutdown(Shutdown::Write)
}
