//! Saving the files of outputs.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use fal_client::untyped::Any;
use fal_emulator::RequestKind;
use fal_fleet::{
    Done, MediaFile, MediaStore,
    object_store::{ObjectStore, ObjectStoreExt, memory::InMemory},
};
use serde_json::{Value, json};

use crate::support::{DEV, Stage, inputs};

on_both_ledgers! {
    files_are_saved_once_under_their_names_although_the_handler_fails,
    equal_names_of_different_requests_are_kept_apart,
    a_failed_save_is_tried_again_and_nothing_is_paid_again,
    a_file_that_fal_no_longer_has_is_handed_over_with_the_reason,
    files_of_other_hosts_and_large_files_are_not_saved,
}

/// Works with a store until nothing is left, and returns the files that each call of the handler got, by key. The first
/// `failures` calls fail.
async fn work(stage: &Stage, store: MediaStore, failures: usize) -> Vec<(String, Vec<MediaFile>)> {
    let offered = Mutex::new(Vec::new());
    let handler = async |done: Done<Any>| {
        let mut offered = offered.lock().unwrap();
        offered.push((done.key().to_owned(), done.media().to_vec()));
        if offered.len() <= failures { Err("the disk is full".into()) } else { Ok(()) }
    };
    stage.worker().save_media(store).run::<Any, _>(handler).await.unwrap();
    offered.into_inner().unwrap()
}

/// Returns the names of all files below a folder, with `/` between folders.
fn names(folder: &Path) -> BTreeSet<String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, root, found),
                false => {
                    found.insert(path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/"));
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(folder, folder, &mut found);
    found
}

fn downloads(stage: &Stage) -> usize {
    stage.emulator.requests().iter().filter(|request| request.kind == RequestKind::Media).count()
}

fn input(mut parameters: Value) -> fal_client::untyped::Input {
    parameters["output_format"] = "png".into();
    fal_client::untyped::input(DEV, parameters)
}

async fn files_are_saved_once_under_their_names_although_the_handler_fails(stage: Stage) {
    let folder = tempfile::tempdir().unwrap();
    let two = json!({ "prompt": "a cat, «tom»", "num_images": 2, "seed": 7 });
    stage.fleet.batch("cats & dogs").enqueue([("../tom", input(two))]).await.unwrap();
    let location = folder.path().join("out").display().to_string();
    let store = MediaStore::open(&location, "{batch}/{key}-{index}.{ext}").unwrap();
    let offered = work(&stage, store, 2).await;
    assert_eq!(
        names(folder.path()).into_iter().collect::<Vec<_>>(),
        ["0", "1"]
            .map(|index| [
                format!("out/cats _ dogs/_tom-{index}.png"),
                format!("out/cats _ dogs/_tom-{index}.png.json")
            ])
            .concat()
    );
    assert_eq!((offered.len(), downloads(&stage), stage.submits()), (3, 2, 1));
    for (_, files) in &offered {
        assert_eq!(files.iter().map(|file| &*file.field).collect::<Vec<_>>(), ["images-0", "images-1"]);
        for file in files {
            let saved = fs::read(file.path().unwrap()).unwrap();
            assert_eq!(
                (file.bytes, file.content_type.as_deref()),
                (Some(saved.len() as u64), Some("image/png"))
            );
            assert!(saved.starts_with(b"\x89PNG"));
        }
    }
    let description = fs::read(folder.path().join("out/cats _ dogs/_tom-1.png.json")).unwrap();
    let description: Value = serde_json::from_slice(&description).unwrap();
    for (field, expected) in [
        ("batch", json!("cats & dogs")),
        ("key", json!("../tom")),
        ("model", json!(DEV)),
        ("field", json!("images-1")),
        ("prompt", json!("a cat, «tom»")),
        ("seed", json!(7)),
    ] {
        assert_eq!(description[field], expected, "{field}");
    }
    assert_eq!(description["input"]["num_images"], 2);
    assert!(
        description["cost_usd"].as_str().is_some_and(|cost| cost.parse::<f64>().unwrap() > 0.0),
        "{description}"
    );
    assert!(description["request_id"].is_string() && description["done_at"].as_str().unwrap().ends_with('Z'));
    let listed = "select count(*) from fal.media where key = '../tom' and location like 'file:///%/_tom-_.png' and bytes > 0";
    assert_eq!(stage.number(listed).await, 2);
}

async fn equal_names_of_different_requests_are_kept_apart(stage: Stage) {
    let folder = tempfile::tempdir().unwrap();
    // A file of somebody else.
    fs::write(folder.path().join("dog.png"), "mine").unwrap();
    let keys = ["a/b", "a_b", "A_B", "a:b", "dog", "con", "x", "x.png"];
    let requests = keys.map(|key| (key, input(json!({ "prompt": "a cat", "num_images": 2 }))));
    stage.fleet.batch("cats").enqueue(requests).await.unwrap();
    let location = format!("file://{}", folder.path().display());
    let offered = work(&stage, MediaStore::open(&location, "{key}.{ext}").unwrap(), 0).await;
    assert_eq!(fs::read(folder.path().join("dog.png")).unwrap(), b"mine");
    let saved = names(folder.path());
    assert_eq!(saved.len(), 1 + 2 * 2 * keys.len(), "{saved:?}");
    let folded: BTreeSet<String> = saved.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(folded.len(), saved.len(), "names that some file systems take for one: {saved:?}");
    assert!(saved.contains("_con.png") && !saved.contains("con.png"), "{saved:?}");
    let mut paths: Vec<_> =
        offered.iter().flat_map(|(_, files)| files.iter().map(|file| file.path().unwrap())).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 2 * keys.len());
    assert!(paths.iter().all(|path| path.starts_with(folder.path()) && path.exists()));
}

async fn a_failed_save_is_tried_again_and_nothing_is_paid_again(stage: Stage) {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder is to be.
    fs::write(folder.path().join("cats"), "").unwrap();
    stage.fleet.batch("cats").enqueue(inputs(1)).await.unwrap();
    let store = MediaStore::open(&folder.path().display().to_string(), "{batch}/{key}.{ext}").unwrap();
    let mends = async {
        while stage
            .number("select count(*) from fal.request where error ->> 'message' like '%cannot be%'")
            .await
            == 0
        {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        fs::remove_file(folder.path().join("cats")).unwrap();
    };
    let (offered, ()) = tokio::join!(work(&stage, store, 0), mends);
    assert_eq!((offered.len(), stage.submits()), (1, 1));
    assert_eq!(names(folder.path()).len(), 2);
}

async fn a_file_that_fal_no_longer_has_is_handed_over_with_the_reason(stage: Stage) {
    stage.emulator.on_request(RequestKind::Media).fail(404, json!({ "detail": "Not found" })).times(1);
    stage
        .fleet
        .batch("cats")
        .enqueue([("tom", input(json!({ "prompt": "a cat", "num_images": 2 })))])
        .await
        .unwrap();
    let bucket = Arc::new(InMemory::new());
    let store = MediaStore::with_store(bucket.clone(), "memory:///cats/", "{key}/{name}.{ext}").unwrap();
    let offered = work(&stage, store, 0).await;
    let [lost, saved] = &*offered[0].1 else { panic!("{offered:?}") };
    assert!(
        lost.location.is_none() && lost.error.as_ref().is_some_and(|error| error.contains("404")),
        "{lost:?}"
    );
    assert_eq!(saved.location.as_deref(), Some("memory:///cats/tom/images-1.png"));
    let object = bucket.get(&"tom/images-1.png".into()).await.unwrap();
    let content_type = object.attributes.get(&fal_fleet::object_store::Attribute::ContentType).unwrap();
    assert_eq!((&**content_type, Some(object.meta.size)), ("image/png", saved.bytes));
}

async fn files_of_other_hosts_and_large_files_are_not_saved(stage: Stage) {
    stage.fleet.batch("cats").enqueue(inputs(1)).await.unwrap();
    let bucket: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = MediaStore::with_store(bucket.clone(), "memory:///", "{key}.{ext}").unwrap();
    let offered = work(&stage, store.clone().hosts(["fal.media"]), 0).await;
    assert!(offered[0].1[0].error.is_some(), "{offered:?}");
    assert_eq!(downloads(&stage), 0);
    stage.fleet.batch("dogs").enqueue(inputs(1)).await.unwrap();
    let offered = work(&stage, store.max_bytes(10), 0).await;
    assert!(offered[0].1[0].error.as_ref().is_some_and(|error| error.contains("10")), "{offered:?}");
}

#[test]
fn stores_that_cannot_be_opened_say_why() {
    let failure =
        |location: &str, template: &str| MediaStore::open(location, template).unwrap_err().to_string();
    assert!(failure("ftp://me:hunter2@host/cats", "{key}").contains("ftp://"));
    assert!(!failure("ftp://me:hunter2@host/cats", "{key}").contains("hunter2"));
    assert!(failure("out", "{kye}.png").contains("{kye}"));
    assert!(failure("out", "../{key}.png").contains(".."));
    for (url, has_feature) in [
        ("s3://renders/cats", cfg!(feature = "s3")),
        ("gs://renders/cats", cfg!(feature = "gcs")),
        ("abfss://renders@account.dfs.core.windows.net/cats?sig=hunter2", cfg!(feature = "azure")),
    ] {
        match MediaStore::open(url, "{key}") {
            Ok(store) => {
                let shown = format!("{store:?}");
                assert!(has_feature && shown.contains("renders") && !shown.contains("hunter2"), "{shown}");
            }
            Err(error) => {
                assert!(!has_feature && error.to_string().contains("features of fal-fleet"), "{error}")
            }
        }
    }
    let store = MediaStore::open("out", "{key}.{ext}").unwrap();
    assert!(format!("{store:?}").contains("/out"), "{store:?}");
}
