//! Tests of all operations against a server that follows the document.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod shapes;

use fal_platform::{Error, Paginate, Platform, TryStreamExt, types};
use serde::de::DeserializeOwned;
use shapes::{Document, Fill, Server};

fn body<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_value(Document::load().instance(name, Fill::Everything)).unwrap()
}

fn ids() -> Vec<String> {
    vec!["fal-ai/flux/dev".to_owned(), "fal-ai/flux/schnell".to_owned()]
}

macro_rules! calls {
    ($($call:expr;)*) => {
        $(if let Err(error) = $call.send().await {
            panic!("{}: {error}", stringify!($call));
        })*
    };
}

async fn call_everything(p: &Platform) {
    calls! {
        p.list_models();
        p.list_prices().endpoint_id(ids());
        p.estimate_cost().body(body::<types::EstimateRequest>("EstimateRequest"));
        p.list_usage();
        p.list_analytics().endpoint_id(ids());
        p.list_billing_events();
        p.delete_request_payloads().request_id("a");
        p.list_requests().endpoint_id(ids());
        p.search_requests();
        p.list_workflows();
        p.create_workflow().body(body::<types::NewWorkflow>("NewWorkflow"));
        p.get_workflow().username("a").workflow_name("a");
        p.list_assets();
        p.list_collections();
        p.create_collection().body(body::<types::NewCollection>("NewCollection"));
        p.get_collection().collection_id("a");
        p.update_collection().collection_id("a").body(body::<types::CollectionChanges>("CollectionChanges"));
        p.delete_collection().collection_id("a");
        p.get_collection_hierarchy().collection_id("a");
        p.favorite_collection().collection_id("a");
        p.unfavorite_collection().collection_id("a");
        p.move_collection().collection_id("a").body(body::<types::CollectionMove>("CollectionMove"));
        p.list_collection_assets().collection_id("a");
        p.add_to_collection().collection_id("a").body(body::<types::AssetReference>("AssetReference"));
        p.remove_from_collection().collection_id("a").body(body::<types::AssetReference>("AssetReference"));
        p.list_characters();
        p.create_character().body(body::<types::NewCharacter>("NewCharacter"));
        p.update_character().character_id("a").body(body::<types::CharacterChanges>("CharacterChanges"));
        p.get_character().character_id("a");
        p.delete_character().character_id("a");
        p.favorite_character().character_id("a");
        p.unfavorite_character().character_id("a");
        p.list_tags();
        p.create_tag().body(body::<types::NewTag>("NewTag"));
        p.set_asset_tags().body(body::<types::AssetTags>("AssetTags"));
        p.update_tag().tag_id("a").body(body::<types::TagChanges>("TagChanges"));
        p.delete_tag().tag_id("a");
        p.create_asset().body(body::<types::NewAsset>("NewAsset"));
        p.get_asset().asset_id("a");
        p.get_asset_lineage().asset_id("a");
        p.favorite_asset().body(body::<types::AssetReference>("AssetReference"));
        p.unfavorite_asset().body(body::<types::AssetReference>("AssetReference"));
        p.list_asset_tags().asset_id("a");
        p.assign_tag().tag_id("a").body(body::<types::AssetReference>("AssetReference"));
        p.unassign_tag().tag_id("a").body(body::<types::AssetReference>("AssetReference"));
        p.get_file_acl().url("a");
        p.set_file_acl().url("a").body(body::<types::NewAcl>("NewAcl"));
        p.sign_file_url().url("a").body(body::<types::SignRequest>("SignRequest"));
        p.get_storage_settings();
        p.set_storage_settings().body(body::<types::NewStorageSettings>("NewStorageSettings"));
        p.list_app_analytics().endpoint_id(ids());
        p.list_apps();
        p.get_app_queue().owner("a").name("a");
        p.flush_app_queue().owner("a").name("a");
        p.get_runner_history().owner("a").name("a");
        p.list_app_events().owner("a").name("a");
        p.list_app_revisions().owner("a").name("a");
        p.list_root();
        p.list_directory().dir("a");
        p.download_file().file("a");
        p.upload_file_from_url().file("a").body(body::<types::FileSource>("FileSource"));
        p.get_metrics();
        p.list_logs().body(vec![body::<types::LabelFilter>("LabelFilter")]);
        p.stream_logs().body(vec![body::<types::LabelFilter>("LabelFilter")]);
        p.list_app_requests().endpoint_id(ids());
        p.list_app_usage();
        p.list_instances();
        p.create_instance().body(body::<types::NewInstance>("NewInstance"));
        p.get_instance().id("a");
        p.delete_instance().id("a");
        p.list_keys();
        p.create_key().body(body::<types::NewKey>("NewKey"));
        p.delete_key().key_id("a");
        p.get_billing();
        p.get_focus_report().source(types::ReportSource::Invoice);
        p.get_model_access_controls();
        p.list_organization_billing_events();
        p.get_organization_focus_report().source(types::ReportSource::Invoice);
        p.list_teams();
        p.list_organization_usage();
        p.get_meta();
    }
    p.upload_file("data/archive.zip", &b"PK"[..], true).await.unwrap();
}

#[tokio::test]
async fn every_operation_reads_its_reply() {
    for fill in [Fill::Everything, Fill::Least] {
        let server = Server::start(fill).await;
        call_everything(&server.platform).await;
        let missed: Vec<_> = Document::load().operations().difference(&server.seen()).cloned().collect();
        assert_eq!(missed, Vec::<String>::new(), "{fill:?}");
    }
}

#[tokio::test]
async fn an_error_reply_is_returned_in_the_error() {
    let server = Server::start(Fill::Everything).await;
    let error = server.platform.list_prices().endpoint_id(Vec::new()).send().await.unwrap_err();
    let Error::ErrorResponse(reply) = error else { panic!("{error}") };
    assert_eq!(reply.status(), 400);
    assert_eq!(reply.error.type_, types::ErrorType::ValidationError);
    assert_eq!(reply.error.message, "query parameter `endpoint_id` is missing");
}

#[tokio::test]
async fn a_stream_ends_if_the_service_repeats_a_cursor() {
    let server = Server::start(Fill::Everything).await;
    let models: Vec<_> = server.platform.list_models().stream().try_collect().await.unwrap();
    // A page has two items, and the second page returns the same cursor as the first.
    assert_eq!(models.len(), 4);
}

#[test]
fn an_unknown_value_of_an_enum_is_kept() {
    let read: types::InstanceStatus = serde_json::from_str("\"hibernating\"").unwrap();
    assert_eq!(read, types::InstanceStatus::Other("hibernating".to_owned()));
    assert_eq!(serde_json::to_string(&read).unwrap(), "\"hibernating\"");
    let read: types::Region = serde_json::from_str("\"eu-west\"").unwrap();
    assert_eq!(read, types::Region::EuWest);
}
