//! A call whose process is killed while it waits is finished by another process.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use fal_client::queue::Ticket;

use super::*;

/// The environment variable of the process that subscribes: the emulator's URL.
const URL: &str = "FAL_TESTS_QUEUED_URL";

/// The text before the ticket. If tests run one by one, the name of the test stands on the same line and must not contain it.
const MARKER: &str = "Its ticket: ";

async fn subscribe(url: &str) {
    let client = Client::builder().emulator(url).build().unwrap();
    let call = client.subscribe(small()).on_queued(|ticket| {
        println!("{MARKER}{}", serde_json::to_string(&ticket).unwrap());
    });
    call.await.unwrap();
    panic!("it was to be killed before this");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_of_a_killed_process_is_fetched_with_its_ticket() {
    if let Ok(url) = std::env::var(URL) {
        return subscribe(&url).await;
    }
    // It runs until the process was killed.
    let run = Duration::from_secs(3600);
    let pace = Pace::default().ahead(0).run(run);
    let emulator = Emulator::builder().pace(pace).start().await.unwrap();
    let mut worker = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "queued::output_of_a_killed_process_is_fetched_with_its_ticket"])
        .env(URL, emulator.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(worker.stdout.take().unwrap());
    let ticket = tokio::task::spawn_blocking(move || {
        let mut lines = output.lines().map(Result::unwrap);
        lines.find_map(|line| line.split_once(MARKER).map(|(_, ticket)| ticket.to_owned())).unwrap()
    });
    let ticket = ticket.await.unwrap();
    worker.kill().unwrap(); // SIGKILL
    assert!(!worker.wait().unwrap().success());
    emulator.advance(run);

    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    let ticket: Ticket<dev::Model> = serde_json::from_str(&ticket).unwrap();
    let reply = client.resume(ticket).wait().await.unwrap();
    assert_eq!(reply.seed, 7);
    assert_eq!(emulator.received_inputs::<dev::Model>().len(), 1);
}
