//! The lookup of models: built in, of documents that the user names, cached, or from the platform API.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use fal_client::Client;
use fal_client::untyped::EndpointId;
use fal_emulator::catalogue::{Catalogue, CatalogueModel};
use serde_json::Value;

use super::search::{self, Found};
use crate::failure::{Failure, Result};
use crate::folders;
use crate::session::Session;

/// The time for which fetched documents and searches are kept.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns a model by its id or the URL of its page.
///
/// A model that is not built in is fetched from the platform API if there is a key, once a day.
pub(crate) async fn find(session: &Session, id: &str) -> Result<CatalogueModel> {
    let id = EndpointId::parse(id)?.to_string();
    let mut catalogue = session.catalogue()?;
    if let Some(model) = catalogue.get(&id) {
        return Ok(model);
    }
    if let Some(record) = fetch(session, &id).await? {
        let added =
            catalogue.add_record(record).map_err(|problem| Failure::usage(format!("{id}: {problem}")))?;
        if let Some(model) = added.and_then(|id| catalogue.get(&id)) {
            return Ok(model);
        }
    }
    Err(Failure::usage(unknown(&catalogue, &id, session.can_call())))
}

/// Returns the message for an id that is not known.
fn unknown(catalogue: &Catalogue, id: &str, can_ask: bool) -> String {
    let similar = catalogue.similar_ids(id);
    let remedy = match (similar.as_slice(), can_ask) {
        ([], true) => "`fal-cli models WORDS` finds models".to_owned(),
        ([], false) => {
            "with a key it is looked up at fal, and `--schema FILE` reads its document from a file".to_owned()
        }
        (similar, _) => format!("did you mean {}?", similar.join(", ")),
    };
    format!("there is no model `{id}`; {remedy}")
}

/// Fetches the record of a model from the platform API or the cache. Returns `None` without a key, and if it has none.
async fn fetch(session: &Session, id: &str) -> Result<Option<Value>> {
    if !session.can_call() {
        return Ok(None);
    }
    let key = format!("models/{}.json", id.replace('/', "__"));
    let record = async {
        let platform = session.client().await?.platform().await?;
        let page =
            platform.list_models().endpoint_id(vec![id.to_owned()]).expand(vec!["openapi-3.0".to_owned()]);
        let page = page.send().await.map_err(fal_client::Error::from)?.into_inner();
        let record = page.models.into_iter().find(|record| record.endpoint_id == id);
        let record = record.filter(|record| record.openapi.is_some());
        Ok(record.and_then(|record| serde_json::to_value(record).ok()))
    };
    cached(session, &key, record).await
}

/// Returns the models for a wish: the known ones as [`search::search`] ranks them, then those that only the platform has. A
/// platform that cannot be searched is a failure beside the known ones.
pub(crate) async fn search(
    session: &Session,
    words: &[String],
    task: Option<&str>,
    is_offline: bool,
) -> Result<(Vec<Found>, Option<Failure>)> {
    let catalogue = session.catalogue()?;
    check_task(task, catalogue.summaries().map(|model| model.category))?;
    let mut found = search::search(catalogue.summaries().map(Found::from), words, task);
    // The platform would answer with all of its models to a wish without a word, such as `?`.
    let has_words = words.concat().contains(char::is_alphanumeric);
    if is_offline || !session.can_call() || found.is_empty() && !has_words {
        return Ok((found, None));
    }
    match search_platform(session, words, task).await {
        Ok(others) => {
            let is_new = |other: &Found| !found.iter().any(|known| known.id == other.id);
            let others: Vec<Found> = others.into_iter().filter(is_new).collect();
            found.extend(others);
            Ok((found, None))
        }
        Err(failure) => Ok((found, Some(failure))),
    }
}

fn check_task<'a>(task: Option<&str>, categories: impl Iterator<Item = &'a str>) -> Result<()> {
    let Some(task) = task else { return Ok(()) };
    let mut known: Vec<&str> = categories.filter(|category| !category.is_empty()).collect();
    known.sort_unstable();
    known.dedup();
    match known.contains(&task) {
        true => Ok(()),
        false => {
            Err(Failure::usage(format!("there is no category `{task}`; there are {}", known.join(", "))))
        }
    }
}

/// Returns the models that the platform API finds, from its first page.
async fn search_platform(session: &Session, words: &[String], task: Option<&str>) -> Result<Vec<Found>> {
    let query = words.join(" ");
    let name = format!("{query} {}", task.unwrap_or_default());
    let name: String =
        name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
    let search = async {
        let platform = session.client().await?.platform().await?;
        let mut request = platform.list_models().limit(100);
        if !query.is_empty() {
            request = request.q(query);
        }
        if let Some(task) = task {
            request = request.category(task);
        }
        let page = request.send().await.map_err(fal_client::Error::from)?.into_inner();
        let found = page.models.into_iter().map(|record| {
            let metadata = record.metadata;
            let text = |of: fn(&fal_client::platform::types::ModelMetadata) -> &String| {
                metadata.as_ref().map(|metadata| of(metadata).clone()).unwrap_or_default()
            };
            Found {
                name: text(|metadata| &metadata.display_name),
                category: text(|metadata| &metadata.category),
                description: text(|metadata| &metadata.description),
                id: record.endpoint_id,
            }
        });
        Ok(serde_json::to_value(found.collect::<Vec<_>>()).ok())
    };
    let found = cached(session, &format!("searches/{name}.json"), search).await?;
    Ok(found.and_then(|found| serde_json::from_value(found).ok()).unwrap_or_default())
}

/// Returns a value of the cache, or else fetches and keeps it. Answers of an emulator are not kept.
async fn cached(
    session: &Session,
    key: &str,
    fetch: impl Future<Output = Result<Option<Value>>>,
) -> Result<Option<Value>> {
    let path = (!session.is_local()).then(|| folders::cache().ok()).flatten().map(|cache| cache.join(key));
    if let Some(value) = path.as_ref().and_then(read_fresh) {
        return Ok(Some(value));
    }
    let value = fetch.await?;
    if let (Some(path), Some(value)) = (path, &value) {
        // A cache that cannot be written costs a request the next time.
        folders::write_private(&path, value.to_string().as_bytes()).ok();
    }
    Ok(value)
}

fn read_fresh(path: &PathBuf) -> Option<Value> {
    let age = SystemTime::now().duration_since(std::fs::metadata(path).ok()?.modified().ok()?).ok()?;
    (age < MAX_AGE).then(|| serde_json::from_slice(&std::fs::read(path).ok()?).ok())?
}

/// Returns the price of a model's billing unit and the name of the unit, or `None` if it is not known.
pub(crate) async fn price(client: &Client, id: &str) -> Option<fal_client::platform::types::Price> {
    let platform = client.platform().await.ok()?;
    let page = platform.list_prices().endpoint_id(vec![id.to_owned()]).send().await.ok()?.into_inner();
    page.prices.into_iter().find(|price| price.endpoint_id == id)
}
