//! Calls without an async runtime.

use fal_client::blocking::{Blocking, BlockingStream};
use serde_json::json;

use crate::{
    job::accepted,
    model::cat,
    server::{Received, Server, json as answer},
};

/// Starts a server in its own thread, which lives as long as the process.
fn server() -> Server {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::start(|request: &Received, url: &str| match request.path.as_str() {
                "/queue/acme/app/edit" => accepted(url),
                path if path.ends_with("/status") => answer(200, &json!({"status": "COMPLETED"})),
                _ => answer(200, &json!({"seed": 1})),
            });
            send.send(server.await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receive.recv().unwrap()
}

#[test]
fn every_call_can_block() {
    let client = server().client();
    assert_eq!(client.run(cat()).runner_hint("h").block().unwrap().seed, 1);
    let (send, queued) = std::sync::mpsc::channel();
    let call = client.subscribe(cat()).on_queued(move |ticket| send.send(ticket).unwrap());
    assert_eq!(call.block().unwrap().seed, 1);
    let resumed = client.resume(queued.recv().unwrap());
    assert_eq!(resumed.wait().block().unwrap().seed, 1);
    let job = client.submit(cat()).block().unwrap();
    assert!(job.status().block().unwrap().is_completed());
    assert_eq!(job.result().block().unwrap().seed, 1);
    assert_eq!(job.wait().block().unwrap().seed, 1);
    job.cancel().block().unwrap();
    let updates: Vec<_> = job.updates().blocking_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(updates.len(), 1);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            std::thread::spawn(move || client.run(cat()).block().unwrap().seed)
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 1));
}

#[tokio::test]
async fn blocking_inside_a_runtime_is_a_config_error() {
    let client = server().client();
    let error = client.run(cat()).block().unwrap_err();
    assert!(error.is_config() && error.to_string().contains(".await"), "{error}");
    let mut updates = client.endpoint::<crate::model::Model>().job("r1").updates().blocking_iter();
    assert!(updates.next().unwrap().unwrap_err().is_config());
    assert!(updates.next().is_none());
}
