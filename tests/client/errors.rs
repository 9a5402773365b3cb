//! Errors of the client and of the service, and their messages.

use std::sync::mpsc;

use fal_client::{Error, ErrorKind, Retry, reconcile::Reconciled};
use fal_emulator::{FaultPoint, RequestKind, ResponseTemplate};
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_validation_error_of_the_service_lists_the_fields() {
    let (_emulator, client) = instant().await;
    // `extra` sends values that the typed setters do not take.
    let input = dev::Input::builder().prompt("a cat").extra("num_images", 9).extra("output_format", "gif");
    let error = client.run(input).await.unwrap_err();
    let ErrorKind::Validation(fields) = error.kind() else { panic!("{error:?}") };
    let fields: Vec<_> =
        fields.iter().map(|field| (field.path.as_str(), field.error_type.as_str())).collect();
    assert_eq!(fields, [("body.num_images", "less_than_equal"), ("body.output_format", "literal_error")]);
    assert_eq!(error.status().map(|status| status.as_u16()), Some(422));
    assert!(error.request_id().is_some() && error.body().is_some());
    assert!(error.to_string().starts_with("fal-ai/flux/dev: 422 "), "{error}");
}

#[tokio::test]
async fn a_validation_error_in_the_queue_comes_with_the_result() {
    let (_emulator, client) = instant().await;
    let input = dev::Input::builder().prompt("a cat").extra("num_inference_steps", json!("many"));
    let job = client.submit(input).await.unwrap();
    let error = job.wait().await.unwrap_err();
    assert!(error.is_validation(), "{error:?}");
    assert_eq!(error.request_id(), Some(job.request_id()));
    assert_eq!(error.endpoint(), Some("fal-ai/flux/dev"));
}

#[tokio::test]
async fn rules_that_types_cannot_express_are_checked_before_sending() {
    use fal_kling_video::v2_1::master::text_to_video;
    let (emulator, client) = instant().await;
    let input = || input!(text_to_video { prompt: "ž".repeat(2501) });
    let error = client.run(input()).await.unwrap_err();
    assert!(error.is_invalid_input(), "{error:?}");
    assert!(error.to_string().contains("body.prompt"), "{error}");
    assert!(error.status().is_none());

    // A schema may be older than the service, so the check can be skipped. Then the service refuses.
    let error = client.run(input()).skip_validation().await.unwrap_err();
    assert!(error.is_validation(), "{error:?}");
    emulator.shutdown().await;
    assert!(client.run(small()).retry(fal_client::Retry::none()).await.unwrap_err().is_transport());
}

#[tokio::test]
async fn an_unknown_key_is_an_auth_error_that_does_not_show_the_key() {
    let emulator = Emulator::builder().pace(Pace::instant()).require_key("id:right").start().await.unwrap();
    let builder = || Client::builder().emulator(emulator.url());
    assert!(builder().key("id:right").build().unwrap().run(small()).await.is_ok());

    let client = builder().key("id:wrong-secret").build().unwrap();
    let error = client.run(small()).await.unwrap_err();
    assert!(error.is_auth(), "{error:?}");
    assert!(!format!("{error} {error:?} {client:?}").contains("wrong-secret"));
}

#[tokio::test]
async fn an_unknown_endpoint_is_not_found() {
    let (_emulator, client) = instant().await;
    let error = client.run(fal_client::untyped::input("acme/nothing", json!({}))).await.unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("acme/nothing"), "{error}");
}

/// Returns if the request of a failed call is over, was accepted, and may have been accepted.
fn fate(error: &Error) -> (bool, bool, bool) {
    (error.has_ended(), error.was_accepted(), error.may_be_accepted())
}

#[tokio::test]
async fn request_that_is_over_is_told_from_one_that_may_run_and_one_that_was_not_accepted() {
    let (emulator, _) = instant().await;
    let quick = Retry::default().base_delay(Duration::from_millis(1)).max_delay(Duration::from_millis(2));
    let client = Client::builder().emulator(emulator.url()).retry(quick).build().unwrap();

    // Accepted, and over with a failure of the model.
    for (status, may_be_accepted) in [(500, true), (502, true), (503, false), (422, false)] {
        emulator.reset();
        emulator.on_endpoint("fal-ai/flux/dev").fail(status, json!({ "detail": "out of memory" }));
        let (queued, given) = mpsc::channel();
        let call = client.subscribe(small()).on_queued(move |ticket| queued.send(ticket).unwrap());
        let error = call.await.unwrap_err();
        assert_eq!(fate(&error), (true, true, may_be_accepted), "{status}: {error}");
        let sent = emulator.requests().len();
        let Reconciled::Found(ticket) = error.reconcile::<dev::Model>(&client).await.unwrap() else {
            panic!("{error}")
        };
        assert_eq!(emulator.requests().len(), sent);
        assert_eq!((Some(ticket.request_id()), ticket.clone()), (error.request_id(), given.recv().unwrap()));
        // The answer to a direct call may be that of a server in front of the model.
        let error = client.run(small()).await.unwrap_err();
        assert_eq!(fate(&error), (false, false, may_be_accepted), "{status}: {error}");
    }

    // Sent, without an answer.
    emulator.reset();
    emulator.on_request(RequestKind::Submit).reset(FaultPoint::Reply);
    let error = client.subscribe(small()).await.unwrap_err();
    assert_eq!(fate(&error), (false, false, true), "{error}");

    // Not accepted.
    emulator.reset();
    emulator.on_request(RequestKind::Submit).respond(ResponseTemplate::json(422, json!({ "detail": "no" })));
    let error = client.subscribe(small()).await.unwrap_err();
    assert_eq!(fate(&error), (false, false, false), "{error}");

    // Accepted, and lost sight of.
    for kind in [RequestKind::Status, RequestKind::Result] {
        emulator.reset();
        emulator.on_request(RequestKind::StatusStream).respond(ResponseTemplate::json(404, json!({})));
        emulator.on_request(kind).respond(ResponseTemplate::json(404, json!({ "detail": "gone" })));
        let error = client.subscribe(small()).await.unwrap_err();
        assert_eq!(fate(&error), (false, true, true), "{kind:?}: {error}");
    }
}

#[tokio::test]
async fn request_that_was_accepted_may_run_while_the_service_cannot_be_reached() {
    let (emulator, _) = stuck().await;
    let quick = Retry::default().base_delay(Duration::from_millis(1)).max_delay(Duration::from_millis(2));
    let client = Client::builder().emulator(emulator.url()).retry(quick).build().unwrap();
    let job = client.submit(small()).await.unwrap();
    emulator.shutdown().await;
    let error = job.wait().await.unwrap_err();
    assert!(error.is_transport(), "{error:?}");
    assert_eq!(fate(&error), (false, true, true), "{error}");
}

#[tokio::test]
async fn request_that_was_cancelled_is_over() {
    let (_emulator, client) = stuck().await;
    // The time for the submit counts, too.
    let error = client.subscribe(small()).timeout(Duration::from_secs(5)).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("cancelled before it ran"), "{error}");
    assert_eq!(fate(&error), (true, true, true), "{error}");
    let job = client.submit(small()).await.unwrap();
    job.cancel().await.unwrap();
    let error = job.wait().await.unwrap_err();
    assert_eq!(fate(&error), (true, true, false), "{error}");
}
