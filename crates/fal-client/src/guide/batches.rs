//! Thousands of calls: keys, a journal, and a budget.
//!
//! # A batch that may be killed
//!
//! ```no_run
//! use fal_client::{Client, Usd, batch::{Concurrency, FileJournal}, input, storage::MediaExt};
//! use fal_flux::dev;
//!
//! # async fn example(client: Client, rows: Vec<(String, String)>) -> fal_client::Result<()> {
//! let inputs = rows.into_iter().map(|(name, prompt)| (name, input!(dev { prompt: prompt })));
//! let mut batch = client
//!     .batch_by_key(inputs)
//!     .concurrency(Concurrency::adaptive())
//!     .journal(FileJournal::open("cats.jsonl")?)
//!     .budget(Usd::dollars(20));
//! println!("{}", batch.estimate().await?);
//!
//! let mut done = batch.as_completed().await?;
//! while let Some((name, reply)) = done.next().await {
//!     match reply {
//!         Ok(reply) => {
//!             reply.images[0].save(&client, format!("{name}.jpg")).await?;
//!             done.acknowledge(&name).await?;
//!         }
//!         Err(error) => eprintln!("{name}: {error}"),
//!     }
//!     eprintln!("{}", done.progress());
//! }
//! println!("{}", done.spent().await?);
//! # Ok(())
//! # }
//! ```
//!
//! The journal notes each request before it is sent. A process that starts again with the same journal waits for what was
//! sent, skips what was acknowledged, and sends the rest: no request twice. A request that fal no longer knows is a `NotFound`
//! error, which `resubmit_failed` can send again. An emulator forgets requests when it ends, unless it has `--data DIR`.
//!
//! | Wanted | Option |
//! |---|---|
//! | Rows that move between runs | [`batch_by_key`](crate::Client::batch_by_key), or [`by_content`](crate::batch::BatchRequest::by_content) |
//! | A finished batch that makes no request when run again | [`keep_outputs`](crate::batch::BatchRequest::keep_outputs), or acknowledge every reply |
//! | Failures tried again in the next run | [`resubmit_failed`](crate::batch::BatchRequest::resubmit_failed) |
//! | Certainty about requests whose answer was lost | [`reconcile`](crate::batch::BatchRequest::reconcile) |
//! | Work that goes on by itself after the account was topped up | [`wait_while_locked`](crate::batch::BatchRequest::wait_while_locked) |
//! | A progress bar | [`on_progress`](crate::batch::BatchRequest::on_progress), [`watch`](crate::batch::Completions::watch) |
//!
//! A batch runs in one process, while its replies are polled. Work that takes long, such as saving, goes on beside it in tasks
//! or with `for_each_concurrent`, as in the example `csv_images`.
//!
//! # Cost
//!
//! - [`estimate`](crate::batch::BatchRequest::estimate) looks the price of each endpoint up once, and counts units where they
//!   follow from the input.
//! - [`budget`](crate::batch::BatchRequest::budget) reserves the largest cost of a request before it is sent, and settles it by
//!   what fal charges. All runs with one journal stay within it together.
//! - Where the cost does not follow from the input, such as seconds of GPU time, set
//!   [`max_per_request`](crate::batch::Budget::max_per_request).
//! - [`Reply::billable_units`](crate::Reply::billable_units) are the units of one call.
//! - With the feature `platform`, [`Client::estimate`](crate::Client::estimate) is the cost of one call, and
//!   [`Client::platform`](crate::Client::platform) has prices, usage and the balance.
//!
//! Amounts are [`Usd`](crate::Usd), exact to 18 decimals:
//!
//! ```
//! use fal_client::Usd;
//!
//! let limit: Usd = "12.50".parse()?;
//! assert_eq!(limit + Usd::cents(50), Usd::dollars(13));
//! # Ok::<(), fal_client::Error>(())
//! ```
//!
//! # Compare models
//!
//! [`Client::compare`](crate::Client::compare) runs one task on several models, and gives outputs with time and cost:
//!
//! ```no_run
//! # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
//! use fal_client::task;
//!
//! let compared = client
//!     .compare(task::text_to_image("a cat reading a map"))
//!     .on::<fal_flux::dev::Model>()
//!     .on::<fal_flux::schnell::Model>()
//!     .await;
//! # let _ = compared;
//! # Ok(())
//! # }
//! ```
