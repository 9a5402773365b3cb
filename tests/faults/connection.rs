//! Faults of connections that are not yet open.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use fal_client::Client;
use tokio::net::TcpSocket;

use crate::{
    case::quick,
    injection::{INJECTIONS, Injection},
};

fn first_requests() -> impl Iterator<Item = &'static Injection> {
    INJECTIONS.iter().filter(|injection| injection.is_first_request())
}

/// Without a connection nothing was sent, so that even billable requests may be repeated.
#[tokio::test]
async fn every_request_is_repeated_after_a_refused_connection() {
    for injection in first_requests() {
        // It is bound and does not listen, so that its port refuses connections and nobody else gets it.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let attempts = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&attempts);
        let builder = Client::builder().emulator(url).retry(quick()).on_attempt(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let error = injection.call(&builder.build().unwrap(), "r1").await.unwrap_err();
        assert!(error.is_transport(), "{}: {error:?}", injection.name);
        assert_eq!(attempts.load(Ordering::SeqCst), injection.attempts, "{}", injection.name);
    }
}

/// The network decides if the client notices the reset while it connects, and knows that nothing was sent, or after it
/// has sent the request.
#[tokio::test]
async fn a_connection_that_is_reset_unread_fails_or_is_repeated() {
    for injection in first_requests() {
        for refused in [1, usize::MAX] {
            let emulator = Injection::start_emulator().await;
            injection.script(&emulator);
            let request_id = injection.submit_job(&emulator).await;
            let client = Client::builder().emulator(emulator.url()).retry(quick()).build().unwrap();
            emulator.refuse_connections(refused);
            let before = emulator.requests().len();
            let outcome = injection.call(&client, &request_id).await;
            let seen = emulator.requests().len() - before;
            let is_as_expected = match &outcome {
                Ok(value) => refused == 1 && *value == 7,
                Err(error) => error.is_transport() && seen == 0 && (injection.is_billable() || refused > 1),
            };
            assert!(is_as_expected, "{}, {refused} refused: {seen} seen, {outcome:?}", injection.name);
        }
    }
}
