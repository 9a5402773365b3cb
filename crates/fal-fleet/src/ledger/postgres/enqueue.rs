//! Adding requests.

use tokio_postgres::GenericClient;

use crate::{
    Result,
    ledger::{
        enqueue::{Enqueued, NewRequest, check_keys, other_input},
        settings::SavedBatch,
    },
};

/// Adds requests to a batch, and leaves those that it has.
///
/// # Errors
///
/// `OtherInput` if the batch has a key with another input; the transaction is then to be rolled back.
pub(crate) async fn add(
    client: &impl GenericClient,
    batch: SavedBatch,
    requests: &[NewRequest],
) -> Result<Enqueued> {
    check_keys(requests)?;
    let column = |part: fn(&NewRequest) -> &str| requests.iter().map(part).collect::<Vec<&str>>();
    let keys = column(|request| &request.key);
    let endpoints = column(|request| &request.endpoint);
    let inputs = column(|request| &request.input);
    let contents: Vec<Option<String>> =
        requests.iter().map(|request| batch.reuse.content(&request.endpoint, &request.input)).collect();
    let statement = client
        .prepare(
            "insert into fal.request (batch, key, endpoint, input, fingerprint, content)
             select $1, key, endpoint, input::json, sha256(convert_to(endpoint || ' ' || input, 'UTF8')), content
             from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as new (key, endpoint, input, content)
             on conflict (batch, key) do nothing",
        )
        .await?;
    let added = client.execute(&statement, &[&batch.id, &keys, &endpoints, &inputs, &contents]).await?;
    let known = u64::try_from(requests.len()).unwrap_or(u64::MAX).saturating_sub(added);
    if known > 0 {
        let statement = client
            .prepare(
                "select r.key from unnest($2::text[], $3::text[], $4::text[]) as new (key, endpoint, input)
                 join fal.request r on r.batch = $1 and r.key = new.key
                 where r.fingerprint <> sha256(convert_to(new.endpoint || ' ' || new.input, 'UTF8')) limit 1",
            )
            .await?;
        if let Some(row) = client.query_opt(&statement, &[&batch.id, &keys, &endpoints, &inputs]).await? {
            return Err(other_input(row.get(0)));
        }
    }
    Ok(Enqueued { added, known })
}
