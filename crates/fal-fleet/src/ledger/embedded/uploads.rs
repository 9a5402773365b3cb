//! Files of inputs that were uploaded.

use std::time::Duration;

use rusqlite::OptionalExtension;

use super::Embedded;
use crate::{Result, ledger::request::TakenUpload};

impl Embedded {
    pub(crate) async fn take_upload(
        &self,
        address: &str,
        at_least: Duration,
        lease: Duration,
    ) -> Result<TakenUpload> {
        let address = address.to_owned();
        self.run(move |unit| {
            let taken = unit.execute(
                "insert into fal.upload (address, expires_at) values (?1, ?2)
                 on conflict (address) do update set url = null, expires_at = excluded.expires_at
                 where expires_at <= case when url is null then ?3 else ?4 end",
                (&address, unit.after(lease), unit.now, unit.after(at_least)),
            )?;
            let mut statement = unit.prepare_cached("select url from fal.upload where address = ?1")?;
            let url: Option<Option<String>> = statement.query_row([&address], |row| row.get(0)).optional()?;
            Ok(TakenUpload::new(taken == 1, url.flatten()))
        })
        .await
    }

    pub(crate) async fn uploaded(&self, address: &str, url: Option<&str>, keep: Duration) -> Result<()> {
        let (address, url) = (address.to_owned(), url.map(str::to_owned));
        self.run(move |unit| {
            let yesterday = unit.now - 86_400.0;
            unit.execute(
                "delete from fal.upload where expires_at < ?1 and address <> ?2",
                (yesterday, &address),
            )?;
            let params = (&address, url, unit.after(keep));
            unit.execute("update fal.upload set url = ?2, expires_at = ?3 where address = ?1", params)?;
            Ok(())
        })
        .await
    }
}
