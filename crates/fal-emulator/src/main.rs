//! The `fal-emulator` command: a local fal until it is stopped.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use fal_emulator::{Emulator, Error, Pace};
use serde_json::json;

mod guest;
mod stop;

use guest::Guest;

#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "Examples:
  fal-emulator --port 8787             serve; the first line on stdout is a JSON object of base URLs
  fal-emulator -- python app.py        run an app, for which this is fal: unmodified, in any language that
                                       heeds HTTPS_PROXY and SSL_CERT_FILE (Node 24 or later)"
)]
struct Arguments {
    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Address to listen on; anyone who reaches it can call, upload and script
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,

    /// Serve https, with a certificate for fal's own host names
    #[arg(long)]
    tls: bool,

    /// Write the certificate of the authority that clients have to trust, as PEM
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_out: Option<PathBuf>,

    /// Keep requests, results and files in this folder, so that they survive a restart
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Folder of model documents to serve instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,

    /// App of your own to serve too, by the OpenAPI document it publishes itself; may be repeated
    #[arg(long = "app", value_name = "OWNER/ALIAS=FILE", value_parser = app)]
    apps: Vec<(String, PathBuf)>,

    /// Scenario to start with, in TOML or JSON: how endpoints behave, and rules about single requests
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Write each request that comes to this file, as a line of JSON without the key
    #[arg(long, value_name = "FILE")]
    requests_out: Option<PathBuf>,

    /// Answer 401 to calls without `Authorization: Key <KEY>`
    #[arg(long, value_name = "KEY")]
    require_key: Option<String>,

    /// How long each place in the queue takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30)]
    queue_time: u64,

    /// How long a request runs, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 210)]
    run_time: u64,

    /// Run this command with an environment that leads its calls of fal here, and end when it does
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fal-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let pace = Pace::default()
        .per_position(Duration::from_millis(arguments.queue_time))
        .run(Duration::from_millis(arguments.run_time));
    let mut builder = Emulator::builder().host(arguments.host).port(arguments.port).pace(pace);
    let is_host = !arguments.command.is_empty();
    if arguments.tls || is_host {
        builder = builder.tls();
    }
    if let Some(path) = arguments.data {
        builder = builder.data_dir(path);
    }
    if let Some(path) = arguments.schemas {
        builder = builder.schemas_dir(path);
    }
    for (id, document) in arguments.apps {
        builder = builder.app(id, document);
    }
    if let Some(path) = arguments.scenario {
        builder = builder.scenario(path);
    }
    if let Some(path) = arguments.requests_out {
        builder = builder.requests_file(path);
    }
    if let Some(key) = &arguments.require_key {
        builder = builder.require_key(key);
    }
    // Before the announcement: whoever reads it may stop the server right away.
    let stop = stop::Signals::new();
    let emulator = builder.start().await?;
    if let (Some(path), Some(ca)) = (&arguments.ca_out, emulator.ca()) {
        std::fs::write(path, ca).map_err(|source| Error::Write { path: path.clone(), source })?;
    }
    let code = if is_host {
        let models = emulator.endpoints().len();
        eprintln!("fal-emulator: {models} models at {}, which is fal to the command", emulator.url());
        run(&arguments.command, &emulator, arguments.require_key.as_deref(), stop).await?
    } else {
        announce(&emulator);
        stop.wait().await;
        eprintln!("fal-emulator: stopping");
        ExitCode::SUCCESS
    };
    emulator.shutdown().await;
    Ok(code)
}

/// Runs a command to its end, or until a signal stops both.
async fn run(
    command: &[OsString],
    emulator: &Emulator,
    key: Option<&str>,
    stop: stop::Signals,
) -> std::io::Result<ExitCode> {
    let mut guest = Guest::start(command, emulator, key)?;
    tokio::select! {
        status = guest.wait() => Ok(guest::code(status?).into()),
        () = stop.wait() => Ok(ExitCode::FAILURE),
    }
}

/// `owner/alias=file`.
fn app(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((id, path)) if id.contains('/') && !path.is_empty() => Ok((id.to_owned(), path.into())),
        _ => Err("expected OWNER/ALIAS=FILE".to_owned()),
    }
}

fn announce(emulator: &Emulator) {
    let urls = emulator.urls();
    let line = json!({
        "run": urls.run, "queue": urls.queue, "rest": urls.rest,
        "cdn": urls.cdn, "ws": urls.ws, "platform": urls.platform,
    });
    let mut stdout = std::io::stdout();
    // A reader that has gone away does not need the line; the server runs on.
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).ok();
    let models = emulator.endpoints().len();
    eprintln!(
        "fal-emulator: {models} models at {}, which is also a page to look at; Ctrl-C stops",
        emulator.url()
    );
}
