//! Resuming a job with another client, as another process would.

use fal_client::queue::Ticket;

use super::*;

#[tokio::test]
async fn a_ticket_is_resumed_by_a_second_client() {
    let (emulator, first) = instant().await;
    let stored = {
        let job = first.submit(small()).await.unwrap();
        serde_json::to_string(&job.ticket()).unwrap()
    };
    drop(first);

    let second = Client::builder().emulator(emulator.url()).build().unwrap();
    let ticket: Ticket<dev::Model> = serde_json::from_str(&stored).unwrap();
    let reply = second.resume(ticket).wait().await.unwrap();
    assert_eq!(reply.seed, 7);
    assert_eq!(reply.images[0].width, 64);
}

#[tokio::test]
async fn a_ticket_of_another_endpoint_is_refused() {
    let (_emulator, client) = instant().await;
    let job = client.submit(small()).await.unwrap();
    let stored = serde_json::to_string(&job.ticket()).unwrap();
    let error = serde_json::from_str::<Ticket<fal_flux::schnell::Model>>(&stored).unwrap_err();
    assert!(
        error.to_string().contains("a ticket of `fal-ai/flux/dev`, not of `fal-ai/flux/schnell`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_request_id_is_enough_to_fetch_a_result() {
    let (_emulator, client) = instant().await;
    let id = client.submit(small()).await.unwrap().request_id().to_owned();
    assert_eq!(client.endpoint::<dev::Model>().job(id).result().await.unwrap().prompt, "a cat");
}
