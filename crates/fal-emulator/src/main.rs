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

mod child;
mod signals;

use child::ChildCommand;
use signals::Signals;

#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "Examples:
  fal-emulator --port 8787             serve; the first line on stdout is a JSON object of base URLs
  fal-emulator -- python app.py        run an unmodified app against the emulator, in any language that
                                       supports HTTPS_PROXY and SSL_CERT_FILE (Node 24 or later)"
)]
struct Arguments {
    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Address to listen on; anyone who can reach it may call, upload and script
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,

    /// Serve https, with a certificate for fal's own host names
    #[arg(long)]
    tls: bool,

    /// Write the CA certificate that clients have to trust to this file, as PEM
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_out: Option<PathBuf>,

    /// Keep requests, results and files in this folder so that they survive a restart
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Folder of model documents to serve instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,

    /// App of your own to serve too, with the OpenAPI document that it publishes; may be repeated
    #[arg(long = "app", value_name = "OWNER/ALIAS=FILE", value_parser = parse_app)]
    apps: Vec<(String, PathBuf)>,

    /// Scenario to start with, in TOML or JSON: the behaviour of endpoints, and rules about single requests
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Write each received request to this file, as a line of JSON without the key
    #[arg(long, value_name = "FILE")]
    requests_out: Option<PathBuf>,

    /// Answer 401 to calls without `Authorization: Key <KEY>`
    #[arg(long, value_name = "KEY")]
    require_key: Option<String>,

    /// Time that a request spends in each position of the queue, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30)]
    queue_time: u64,

    /// Time that a request runs, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 210)]
    run_time: u64,

    /// Command to run with an environment that directs its calls of fal to the emulator; both end together
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
    let has_command = !arguments.command.is_empty();
    if arguments.tls || has_command {
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
    // Before the URLs are printed: a reader of them may stop the server right away.
    let signals = Signals::new();
    let emulator = builder.start().await?;
    if let (Some(path), Some(ca)) = (&arguments.ca_out, emulator.ca_certificate()) {
        std::fs::write(path, ca).map_err(|source| Error::Write { path: path.clone(), source })?;
    }
    let code = if has_command {
        let models = emulator.endpoints().len();
        eprintln!("fal-emulator: {models} models at {}, for the command in place of fal", emulator.url());
        run(&arguments.command, &emulator, arguments.require_key.as_deref(), signals).await?
    } else {
        print_urls(&emulator);
        signals.wait().await;
        eprintln!("fal-emulator: stopping");
        ExitCode::SUCCESS
    };
    emulator.shutdown().await;
    Ok(code)
}

/// Runs a command until it ends, or until a signal stops both.
async fn run(
    command: &[OsString],
    emulator: &Emulator,
    key: Option<&str>,
    signals: Signals,
) -> std::io::Result<ExitCode> {
    let mut child = ChildCommand::start(command, emulator, key)?;
    tokio::select! {
        status = child.wait() => Ok(child::exit_code(status?).into()),
        () = signals.wait() => Ok(ExitCode::FAILURE),
    }
}

/// Parses `owner/alias=file`.
fn parse_app(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((id, path)) if id.contains('/') && !path.is_empty() => Ok((id.to_owned(), path.into())),
        _ => Err("expected OWNER/ALIAS=FILE".to_owned()),
    }
}

/// Prints the base URLs to stdout, and a message for people to stderr.
fn print_urls(emulator: &Emulator) {
    let urls = emulator.urls();
    let line = json!({
        "run": urls.run, "queue": urls.queue, "rest": urls.rest,
        "cdn": urls.cdn, "ws": urls.ws, "platform": urls.platform,
    });
    let mut stdout = std::io::stdout();
    // A closed stdout is no reason to stop the server.
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).ok();
    let models = emulator.endpoints().len();
    eprintln!(
        "fal-emulator: {models} models at {}, which also shows a web page; Ctrl-C stops",
        emulator.url()
    );
}
