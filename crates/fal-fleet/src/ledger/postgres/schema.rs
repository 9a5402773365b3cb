//! The schema `fal` of the database, and its versions.

use deadpool_postgres::Client;

use crate::{Result, ledger::newer_schema};

/// The versions of the schema, from the first. Each is applied once, and never changed.
const VERSIONS: [&str; 8] = [
    include_str!("schema.sql"),
    include_str!("schema-2.sql"),
    include_str!("media.sql"),
    include_str!("trace.sql"),
    include_str!("upload.sql"),
    include_str!("retry.sql"),
    include_str!("outputs.sql"),
    include_str!("accepted.sql"),
];

/// The key of the lock that is held while the schema is changed.
const LOCK: i64 = 0x66_61_6c_66_6c_65_65_74;

/// Creates the schema, or brings it to the newest version.
///
/// # Errors
///
/// If the user of the connection may not do so, or the database was changed by a newer version of this crate.
pub(crate) async fn migrate(client: &mut Client) -> Result<()> {
    let transaction = client.transaction().await?;
    transaction.execute("select pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let is_new: bool =
        transaction.query_one("select to_regclass('fal.migration') is null", &[]).await?.get(0);
    let applied = match is_new {
        true => {
            transaction.batch_execute("create schema if not exists fal").await?;
            0
        }
        false => {
            let row =
                transaction.query_one("select coalesce(max(version), 0) from fal.migration", &[]).await?;
            usize::try_from(row.get::<_, i32>(0)).unwrap_or(0)
        }
    };
    if applied > VERSIONS.len() {
        return Err(newer_schema(applied, VERSIONS.len()));
    }
    for version in VERSIONS.iter().skip(applied) {
        transaction.batch_execute(version).await?;
    }
    transaction.commit().await?;
    Ok(())
}
