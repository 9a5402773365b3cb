//! Makes a picture for every row of a table.
//!
//! ```sh
//! cargo run -p fal-client --example csv_images -- cats.csv pictures --budget 5
//! ```
//!
//! The folder of the pictures has a journal. A run that was killed continues there: no request is sent twice, and all
//! runs together stay within the budget.

use std::{cell::Cell, error::Error, fs, path::PathBuf};

use clap::Parser;
use fal_client::{
    Client, Usd,
    batch::{Concurrency, FileJournal},
    input,
    storage::MediaExt,
};
use fal_flux::dev;
use futures_util::StreamExt;
use indicatif::ProgressBar;
use serde::Deserialize;

#[cfg(test)]
mod tests;

/// Makes a picture for every row of a table.
#[derive(Parser)]
struct Args {
    /// A CSV file with the columns name and prompt, and optionally size and steps
    table: PathBuf,
    /// The folder of the pictures and of the journal
    folder: PathBuf,
    /// The most that all runs for this folder spend together, in US dollars
    #[arg(long, default_value = "1.00")]
    budget: Usd,
    /// The format of the pictures, png or jpeg
    #[arg(long, default_value = "png")]
    format: dev::OutputFormat,
}

/// A row of the table. Its types refuse what the model does not allow.
#[derive(Deserialize)]
struct Row {
    name: String,
    prompt: String,
    size: Option<dev::ImageSize>,
    steps: Option<dev::NumInferenceSteps>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(&Client::from_env()?, Args::parse()).await
}

async fn run(client: &Client, args: Args) -> Result<(), Box<dyn Error>> {
    let Args { table, folder, budget, format } = args;
    let rows: Vec<Row> = csv::Reader::from_path(table)?.into_deserialize().collect::<Result<_, _>>()?;
    let bar = ProgressBar::new(rows.len() as u64);
    let inputs = rows.into_iter().map(move |Row { name, prompt, size, steps }| {
        let input =
            input!(dev { prompt, image_size: size, num_inference_steps: steps, output_format: format });
        (name, input)
    });

    fs::create_dir_all(&folder)?;
    let mut batch = client
        .batch_by_key(inputs)
        .concurrency(Concurrency::adaptive())
        .journal(FileJournal::open(folder.join("journal.jsonl"))?)
        .budget(budget)
        .resubmit_failed(|error| !error.is_callers_fault());
    println!("{}", batch.estimate().await?);

    let mut replies = batch.as_completed().await?;
    let (acknowledger, failed) = (replies.acknowledger(), Cell::new(0));
    // Four pictures are saved at a time, while the batch goes on.
    let saved = replies.by_ref().for_each_concurrent(4, async |(name, reply)| {
        let path = folder.join(format!("{name}.{format}"));
        let saved = async {
            reply?.images[0].save(client, path).await?;
            acknowledger.acknowledge(&name).await // The next run skips this row.
        };
        if let Err(error) = saved.await {
            bar.println(format!("{name}: {error}"));
            failed.update(|failed| failed + 1);
        }
        bar.inc(1);
    });
    saved.await;
    println!("{}", replies.spent().await?);
    match (replies.stop_reason(), failed.get()) {
        (Some(reason), _) => Err(reason.into()),
        (None, 0) => Ok(()),
        (None, failed) => Err(format!("{failed} failed: run this again").into()),
    }
}
