//! The platform API with the client's key and connections.

use fal_client::platform::{Basis, Paginate, TryStreamExt};

use super::*;

#[tokio::test]
async fn a_stream_of_models_fetches_all_pages() {
    let (_emulator, client) = instant().await;
    let platform = client.platform().await.unwrap();
    let all: Vec<_> = platform.list_models().limit(2).stream().try_collect().await.unwrap();
    assert!(all.len() > 4, "{}", all.len());
    let mut ids: Vec<_> = all.iter().map(|model| model.endpoint_id.as_str()).collect();
    assert!(ids.contains(&"fal-ai/flux/dev"));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "a model came twice");
}

#[tokio::test]
async fn an_estimate_multiplies_the_price_by_the_number_of_images() {
    let (_emulator, client) = instant().await;
    let one = client.estimate(input!(dev { prompt: "a cat", num_images: 1 })).await.unwrap();
    let four = client.estimate(input!(dev { prompt: "a cat", num_images: 4 })).await.unwrap();
    assert!((four.total_cost - 4.0 * one.total_cost).abs() < 1e-9, "{one:?} {four:?}");
    assert!(matches!(&four.basis, Basis::Units { quantity, .. } if *quantity == 4.0), "{four:?}");
    assert_eq!(four.currency, "USD");

    let past = client.estimate(input!(dev { prompt: "a cat" })).await.unwrap();
    assert_eq!(past.basis, Basis::PastCalls);
    assert!(past.total_cost > 0.0);
}

#[tokio::test]
async fn an_error_of_the_platform_becomes_an_error_of_the_client() {
    let (_emulator, client) = instant().await;
    let input = fal_client::untyped::input("acme/nothing", serde_json::json!({}));
    let error = client.estimate(input).await.unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
    assert_eq!(error.endpoint(), Some("acme/nothing"));
    assert!(error.message().contains("acme/nothing"), "{error}");
    assert_eq!(error.error_type(), Some("not_found"));

    let platform = client.platform().await.unwrap();
    let error = platform.list_prices().endpoint_id(Vec::new()).send().await.unwrap_err();
    let error = fal_client::Error::from(error);
    assert_eq!(error.status().map(|status| status.as_u16()), Some(400));
}

#[tokio::test]
async fn the_platform_is_a_config_error_behind_a_proxy_for_model_calls() {
    let (emulator, _) = instant().await;
    let client =
        Client::builder().emulator(emulator.url()).proxy_url("http://127.0.0.1:9/proxy").build().unwrap();
    let error = client.platform().await.unwrap_err();
    assert!(error.is_config() && error.to_string().contains("proxy_url"), "{error}");
}

#[tokio::test]
async fn a_submitted_request_is_listed_with_its_input() {
    let (_emulator, client) = instant().await;
    let job = client.submit(small()).await.unwrap();
    let platform = client.platform().await.unwrap();
    let list = platform.list_requests().endpoint_id(vec!["fal-ai/flux/dev".to_owned()]);
    let list = list.start("2020-01-01T00:00:00+00:00").expand(vec!["payloads".to_owned()]).limit(1);
    let requests: Vec<_> = list.stream().try_collect().await.unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].request_id.as_str(), requests[0].status_code), (job.request_id(), Some(200)));
    assert_eq!(requests[0].json_input.as_ref().unwrap()["prompt"], "a cat");
}
