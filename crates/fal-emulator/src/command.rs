//! The command `fal-emulator`: a local fal until it is stopped. Other programs can offer it as a command of their own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue};
use clap::{Parser, ValueEnum};
use serde_json::json;

use crate::billing::format_usd;
use crate::endpoint_id::EndpointId;
use crate::{Emulator, Error, Pace};

mod child;
mod environment_command;
mod recording_command;
mod signals;

use child::{ChildFiles, Environment, GuardArguments};
use environment_command::EnvironmentArguments;
use recording_command::RecordingArguments;
use signals::Signals;

#[derive(Parser)]
#[command(
    name = "fal-emulator",
    version,
    about,
    after_help = "Examples:
  fal-emulator --port 8787             serve; the first line on stdout is a JSON object of base URLs
  fal-emulator -- python app.py        run an unmodified app against the emulator, in any language that
                                       supports HTTPS_PROXY and SSL_CERT_FILE, and in Node 18 or later
  eval \"$(fal-emulator env --port 8787)\"  direct the commands of this shell to `fal-emulator --tls --port 8787`",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    subcommand: Option<Subcommand>,

    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Address to listen on; anyone who can reach it may call, upload and script
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,

    /// Also answer requests whose `Host` is this name, such as the name of a container; `*.example.com` allows all
    /// names below a domain; may be repeated
    #[arg(long = "allow-host", value_name = "NAME")]
    allowed_hosts: Vec<String>,

    /// Serve https and a proxy beside http on the same port, with a certificate for fal's own host names
    #[arg(long)]
    tls: bool,

    /// Write the CA certificate that clients have to trust to this file, as PEM
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_out: Option<PathBuf>,

    /// Write that certificate and those that this machine trusts to this file, for clients that also call other hosts
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_bundle_out: Option<PathBuf>,

    /// Keep requests, results and files in this folder so that they survive a restart
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Document of a model to serve beside the built-in ones, as fal publishes it, or a folder of documents; may be
    /// repeated
    #[arg(long = "schema", value_name = "FILE|DIR")]
    added_schemas: Vec<PathBuf>,

    /// Folder of model documents to serve instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,

    /// Answer to calls of models that no document describes
    #[arg(long, value_name = "ANSWER", default_value = "refuse")]
    unknown_models: UnknownModels,

    /// App of your own to serve too, with the OpenAPI document that it publishes; may be repeated
    #[arg(long = "app", value_name = "OWNER/ALIAS=FILE", value_parser = parse_app)]
    apps: Vec<(String, PathBuf)>,

    /// Prices of endpoints, in JSON or TOML, such as a page of the platform API; others are invented
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// Scenario to start with, in TOML or JSON: the behaviour of endpoints, and rules about single requests
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Write each received request to this file, as a line of JSON without the key
    #[arg(long, value_name = "FILE")]
    requests_out: Option<PathBuf>,

    /// Write the requests and their responses to this file at the end, without keys, as an HTTP Archive
    #[arg(long, value_name = "FILE")]
    har_out: Option<PathBuf>,

    /// Answer 401 to calls without `Authorization: Key <KEY>`
    #[arg(long, value_name = "KEY")]
    require_key: Option<String>,

    /// Time that a request spends in each position of the queue, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30)]
    queue_time: u64,

    /// Time that a request runs, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 210)]
    run_time: u64,

    /// Number of requests to keep in memory after they have ended
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    keep: usize,

    /// Give each call without a seed a random one; by default the same input has the same output
    #[arg(long)]
    random: bool,

    /// Print each request to stderr
    #[arg(short, long)]
    verbose: bool,

    #[command(flatten)]
    recording: RecordingArguments,

    /// Command to run with an environment that directs its calls of fal to the emulator; both end together
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UnknownModels {
    /// 404, as fal answers for models that do not exist
    Refuse,
    /// An output in the shape that the id suggests, for any input
    Accept,
}

#[derive(clap::Subcommand)]
enum Subcommand {
    /// Print the variables that direct the commands of a shell to a running `fal-emulator --tls`
    Env(EnvironmentArguments),
    /// End a command whose emulator was killed
    #[command(hide = true)]
    Guard(GuardArguments),
}

/// Runs the command with these arguments until it is stopped, and returns its exit code.
///
/// `program` is the call of the current executable that starts the command: `["fal-emulator"]`, or
/// `["other", "emulator"]` for a program that offers it as a command of its own. Ends the process after a wrong argument and
/// after `--help`.
pub async fn run(program: &[&str], arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = [OsString::from(program.join(" "))].into_iter().chain(arguments).collect();
    let mut arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => return explain_arguments(&error, &words),
    };
    let done = match arguments.subcommand.take() {
        Some(Subcommand::Guard(arguments)) => return child::guard(arguments).await,
        Some(Subcommand::Env(arguments)) => environment_command::run(&arguments).await,
        None => serve(arguments, program).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fal-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the help that was asked for, or the mistake in the arguments.
fn explain_arguments(error: &clap::Error, words: &[OsString]) -> ExitCode {
    if error.use_stderr() && words.get(1).is_some_and(|word| word == "env") {
        environment_command::stop_script("http://127.0.0.1:8787");
    }
    match with_separator(error, words) {
        Some(command) => eprintln!("fal-emulator: put `--` before the command to run: {command}"),
        // A closed output has no reader that could be told.
        None => drop(error.print()),
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Returns the command line with `--` where it was forgotten before a command to run.
fn with_separator(error: &clap::Error, words: &[OsString]) -> Option<String> {
    let of_kind = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    let word = of_kind(ContextKind::InvalidSubcommand).or_else(|| of_kind(ContextKind::InvalidArg))?;
    let position = words.iter().skip(1).position(|other| other == word)? + 1;
    if word.starts_with('-') || words.get(1).is_some_and(|first| first == "env" || first == "guard") {
        return None;
    }
    let (options, command) = words.split_at(position);
    let separator = OsString::from("--");
    let all = options.iter().chain([&separator]).chain(command);
    Some(all.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
}

async fn serve(arguments: Arguments, program: &[&str]) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let pace = Pace::default()
        .per_position(Duration::from_millis(arguments.queue_time))
        .run(Duration::from_millis(arguments.run_time));
    let mut builder =
        Emulator::builder().host(arguments.host).port(arguments.port).pace(pace).keep(arguments.keep);
    let has_command = !arguments.command.is_empty();
    if arguments.tls || has_command {
        builder = builder.tls();
    }
    for name in &arguments.allowed_hosts {
        builder = builder.allow_host(name);
    }
    if let Some(path) = arguments.data {
        builder = builder.data_dir(path);
    }
    if let Some(path) = arguments.schemas {
        builder = builder.schemas_dir(path);
    }
    for path in arguments.added_schemas {
        builder = builder.add_schemas(path);
    }
    if arguments.unknown_models == UnknownModels::Accept {
        builder = builder.accept_unknown_models();
    }
    for (id, document) in arguments.apps {
        builder = builder.app(id, document);
    }
    if let Some(path) = arguments.prices {
        builder = builder.prices(path);
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
    if arguments.random {
        builder = builder.random_seeds();
    }
    builder = builder.warning_log(|line| eprintln!("fal-emulator: {line}"));
    if arguments.verbose {
        builder = builder.request_log(|line| eprintln!("fal-emulator: {line}"));
    }
    builder = arguments.recording.apply(builder)?;
    // Before the URLs are printed: a reader of them may stop the server right away.
    let mut signals = Signals::new();
    let emulator = builder.start().await?;
    if let (Some(path), Some(ca)) = (&arguments.ca_out, emulator.ca_certificate()) {
        std::fs::write(path, ca).map_err(|source| Error::Write { path: path.clone(), source })?;
    }
    if let (Some(path), Some(ca)) = (&arguments.ca_bundle_out, emulator.ca_certificate()) {
        child::write_bundle(path, ca).map_err(|source| Error::Write { path: path.clone(), source })?;
    }
    if let Some(path) = &arguments.har_out {
        // The command does not run if the file cannot be written.
        emulator.write_har(path)?;
    }
    arguments.recording.announce(&emulator, has_command);
    let code = if has_command {
        let models = emulator.endpoints().len();
        eprintln!("fal-emulator: {models} models at {}, for the command in place of fal", emulator.url());
        let files = ChildFiles::create(emulator.ca_certificate().unwrap_or_default())?;
        let url = emulator.url().replacen("https", "http", 1);
        let key = emulator.caller_key().or(arguments.require_key.as_deref());
        let inherited = inherited_variables();
        let environment = Environment::new(&url, files.paths(), key, &inherited);
        let code = child::run(&arguments.command, &environment, &files, &mut signals, program).await?;
        if !child::NOT_STARTED.contains(&code) {
            print_summary(&emulator, true).await;
        }
        code.into()
    } else {
        print_urls(&emulator);
        signals.next().await;
        eprintln!("fal-emulator: stopping");
        print_summary(&emulator, false).await;
        ExitCode::SUCCESS
    };
    emulator.finish_recording().await;
    arguments.recording.summarize(&emulator);
    if let Some(error) = arguments.har_out.and_then(|path| emulator.write_har(path).err()) {
        eprintln!("fal-emulator: {error}");
    }
    emulator.shutdown().await;
    Ok(code)
}

/// Returns the environment of this process. Variables that are not Unicode are left out; they are inherited unchanged.
fn inherited_variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Prints to stderr how many requests came and what they would have cost. A command that sent none may have called fal itself.
async fn print_summary(emulator: &Emulator, has_command: bool) {
    let count = emulator.request_count();
    let refused = emulator.refused_hosts();
    if count == 0 && has_command {
        eprintln!(
            "fal-emulator: warning: no request came. If the command calls fal, its HTTP client ignores HTTPS_PROXY; \
             fal then refused its calls, because its key is worth nothing. Let it call {} directly",
            emulator.urls().run.replacen("https", "http", 1)
        );
    } else {
        eprintln!("fal-emulator: {} came", count_of(count, "request"));
    }
    let cost = emulator.cost().await;
    if cost.calls > 0 {
        let note = match cost.invented_part() {
            part if part.is_empty() => part,
            part => format!(", {part}; --prices FILE sets real ones"),
        };
        eprintln!(
            "fal-emulator: this run would have cost ${} for {} of {}{note}",
            format_usd(cost.usd),
            count_of(cost.calls, "call"),
            count_of(cost.endpoints as u64, "endpoint")
        );
    }
    if !refused.is_empty() {
        eprintln!("fal-emulator: refused requests for names that it does not serve: {}", refused.join(", "));
    }
}

fn count_of(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Parses `owner/alias=file`.
fn parse_app(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((id, path)) if EndpointId::parse(id).is_some() && !path.is_empty() => {
            Ok((id.to_owned(), path.into()))
        }
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
