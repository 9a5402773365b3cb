//! Files of inputs that were uploaded.

use std::time::Duration;

use super::Postgres;
use crate::{Result, ledger::request::TakenUpload};

impl Postgres {
    pub(crate) async fn take_upload(
        &self,
        address: &str,
        at_least: Duration,
        lease: Duration,
    ) -> Result<TakenUpload> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "with taken as (
                     insert into fal.upload as u (address, expires_at) values ($1, now() + make_interval(secs => $3))
                     on conflict (address) do update set url = null, expires_at = excluded.expires_at
                     where u.expires_at <= now() + case when u.url is null then interval '0' else make_interval(secs => $2) end
                     returning u.address)
                 select exists (select from taken),
                        (select url from fal.upload where address = $1 and not exists (select from taken))",
            )
            .await?;
        let params = (at_least.as_secs_f64(), lease.as_secs_f64());
        let row = client.query_one(&statement, &[&address, &params.0, &params.1]).await?;
        Ok(TakenUpload::new(row.get(0), row.get(1)))
    }

    pub(crate) async fn uploaded(&self, address: &str, url: Option<&str>, keep: Duration) -> Result<()> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "with gone as (delete from fal.upload where expires_at < now() - interval '1 day' and address <> $1)
                 update fal.upload set url = $2, expires_at = now() + make_interval(secs => $3) where address = $1",
            )
            .await?;
        client.execute(&statement, &[&address, &url, &keep.as_secs_f64()]).await?;
        Ok(())
    }
}
