//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::ArgValueCompleter;
use fal_client::Usd;

use crate::completion;
use crate::output::picture::Protocol;
use crate::webhooks;

/// Every model of fal from a terminal
#[derive(Parser)]
#[command(name = "fal-cli", version, about, long_about = None, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "Examples:
  fal-cli models flux --task text-to-image
  fal-cli show fal-ai/flux/dev
  fal-cli run fal-ai/flux/dev prompt=\"a cat reading a map\" -o 'out/{name}.{ext}'
  fal-cli run fal-ai/flux/dev --help          every parameter of the model
  fal-cli run --emulator fal-ai/flux/dev prompt=\"a cat\"   without a key, at no cost

Exit codes: 0 done, 1 the model or the service failed, 2 wrong use or input, 3 the key is missing or refused,
4 not found, 5 no connection or too late, 6 dearer than allowed, 130 interrupted.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options of every command.
#[derive(Args, Clone)]
pub(crate) struct Global {
    /// Print JSON: one object on stdout, and failures as one object on stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Profile of the configuration file to use
    #[arg(long, global = true, value_name = "NAME", env = "FAL_PROFILE")]
    pub(crate) profile: Option<String>,

    /// Read the key from the first line of stdin
    #[arg(long, global = true)]
    pub(crate) key_stdin: bool,

    /// Call a local fal: the emulator at this URL, or one inside this program
    #[arg(long, global = true, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) emulator: Option<String>,

    /// Document of a model that is not known yet, as fal publishes it, or a folder of documents; may be repeated
    #[arg(long = "schema", global = true, value_name = "FILE|DIR")]
    pub(crate) schemas: Vec<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Find models by words of their id, name, category and description, or by a wish: describe an image
    Models(ModelsArguments),
    /// Show the parameters, the output and the price of a model
    Show(ShowArguments),
    /// Run a model and wait for its output
    Run(RunArguments),
    /// Submit a request to the queue and print its id
    Submit(SubmitArguments),
    /// Print the state of a request
    Status(StatusArguments),
    /// Wait for the output of a request
    Wait(WaitArguments),
    /// Print the output of a request that is done
    Result(ResultArguments),
    /// Cancel a request
    Cancel(RequestArguments),
    /// Print the log lines of a request
    Log(LogArguments),
    /// Wait for every request that this program has submitted and nobody has fetched
    Resume(ResumeArguments),
    /// Save the files of a request that is done
    Save(SaveArguments),
    /// Upload files and print their URLs
    Upload(UploadArguments),
    /// Download files by their URLs
    Download(DownloadArguments),
    /// Run a model for every row of a table
    Batch(BatchArguments),
    /// Run several models with the same parameters and write a page that shows their outputs side by side
    Compare(CompareArguments),
    /// List the latest requests of models, from the platform
    History(HistoryArguments),
    /// Show what calls have cost, by model, from the platform
    Usage(UsageArguments),
    /// Add the Rust crate of a model to the package in this folder, and print a first call
    Add(AddArguments),
    /// Deliver webhooks to a local program: those of an emulator, or the results of requests in fal's queue
    Listen(ListenArguments),
    /// Send a signed example of a webhook to a local program
    Trigger(TriggerArguments),
    /// Serve every model to agents, as tools of the Model Context Protocol
    Mcp(McpArguments),
    /// Print the script by which a shell completes models, parameters and values
    Completions {
        /// Shell: bash, zsh, fish, powershell or elvish
        shell: String,
    },
    /// Print the man page of this program, or of one of its commands
    Man {
        /// Name of the command
        command: Option<String>,
    },
    /// Run fal-emulator, a local fal, with its own options
    #[command(disable_help_flag = true)]
    Emulator(ProgramArguments),
    /// Run fal-codegen, which generates Rust types from documents, with its own options
    #[command(disable_help_flag = true)]
    Codegen(ProgramArguments),
    /// Store keys in profiles
    #[command(subcommand)]
    Profile(ProfileCommand),
}

#[derive(Args)]
pub(crate) struct ModelsArguments {
    /// Words of the models, or a wish in plain words, such as: remove the background of a video
    pub(crate) words: Vec<String>,

    /// Only models of this category, such as image-to-video
    #[arg(long, value_name = "CATEGORY")]
    pub(crate) task: Option<String>,

    /// Largest number of models; 0 lists all
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub(crate) limit: usize,

    /// Search only the models that this program knows, not those of the platform
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Args)]
pub(crate) struct ShowArguments {
    /// Id of the model, or the URL of its page
    #[arg(add = ArgValueCompleter::new(completion::models))]
    pub(crate) id: String,

    /// Print the JSON Schema of the input
    #[arg(long)]
    pub(crate) input_schema: bool,
}

#[derive(Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) options: RunOptions,

    #[command(flatten)]
    pub(crate) call: Call,
}

/// A model and its input, as the user wrote them.
#[derive(Args)]
#[command(after_help = PARAMETER_HELP)]
pub(crate) struct Call {
    /// JSON object with parameters, from a file or from stdin (-)
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,

    /// Send the input without checking it
    #[arg(long)]
    pub(crate) unchecked: bool,

    /// Print the help of the model
    #[arg(long, hide = true)]
    pub(crate) model_help: bool,

    /// Id of the model, or the URL of its page
    #[arg(value_name = "MODEL", add = ArgValueCompleter::new(completion::models))]
    pub(crate) id: String,

    /// Parameters of the model: name=value, name:=json, name=@file or --name value
    #[arg(value_name = "PARAMETER", trailing_var_arg = true, allow_hyphen_values = true)]
    #[arg(add = ArgValueCompleter::new(completion::parameters))]
    pub(crate) parameters: Vec<String>,
}

/// The forms of a parameter.
pub(crate) const PARAMETER_HELP: &str = "Parameters:
  name=value        text, or what the schema says: a number, true or false, a listed value
  name:=json        any JSON: loras:='[{\"path\": \"…\"}]'
  name=@file        a file: uploaded, or its text for a parameter that takes text; @- reads stdin
  name=-            stdin: URLs or paths, such as the output of another `fal-cli run`, or a text
  name.part=value   a part of an object: image_size.width=640
  --name value      the same as name=value; --name and --no-name for true and false
  Repeat a parameter that is a list for each of its items.";

#[derive(Args)]
pub(crate) struct RunOptions {
    /// Save the files of the output: a folder, or a path with {model}, {name}, {index}, {seed}, {request} and {ext}
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<String>,

    /// Show the pictures of the output in the terminal
    #[arg(long, value_name = "PROTOCOL", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "auto")]
    pub(crate) show: Option<Protocol>,

    /// Print the events of the model as they come, a line of JSON each; not through the queue
    #[arg(long)]
    pub(crate) stream: bool,

    /// Print the log lines of the model
    #[arg(long)]
    pub(crate) logs: bool,

    /// Check the input and print it with the cost, but send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Refuse to run if the estimated cost is higher, in US dollars, or not known
    #[arg(long, value_name = "USD")]
    pub(crate) yes_cost: Option<Usd>,

    /// Give up after this many seconds, and cancel the request
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, allow_negative_numbers = true)]
    pub(crate) timeout: Option<Duration>,

    /// Cancel the request on Ctrl-C, in place of leaving it
    #[arg(long)]
    pub(crate) cancel_on_interrupt: bool,
}

#[derive(Args)]
pub(crate) struct SubmitArguments {
    #[command(flatten)]
    pub(crate) options: SubmitOptions,

    #[command(flatten)]
    pub(crate) call: Call,
}

#[derive(Args)]
pub(crate) struct SubmitOptions {
    /// URL that gets the output when it is there
    #[arg(long, value_name = "URL")]
    pub(crate) webhook: Option<String>,

    /// Let other requests of the account go first
    #[arg(long)]
    pub(crate) low_priority: bool,

    /// Check the input and print it with the cost, but send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Refuse to submit if the estimated cost is higher, in US dollars, or not known
    #[arg(long, value_name = "USD")]
    pub(crate) yes_cost: Option<Usd>,
}

#[derive(Args)]
pub(crate) struct RequestArguments {
    /// Id of the request, or `last` for the latest of this program
    pub(crate) request: String,

    /// Model of the request, if this program did not submit it
    #[arg(long, value_name = "ID")]
    pub(crate) model: Option<String>,
}

#[derive(Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) request: RequestArguments,
}

#[derive(Args)]
pub(crate) struct WaitArguments {
    #[command(flatten)]
    pub(crate) request: RequestArguments,

    /// Save the files of the output, as `run` does
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<String>,

    /// Print the log lines of the model
    #[arg(long)]
    pub(crate) logs: bool,

    /// Give up after this many seconds; the request goes on
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, allow_negative_numbers = true)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Args)]
pub(crate) struct ResultArguments {
    #[command(flatten)]
    pub(crate) request: RequestArguments,

    /// Save the files of the output, as `run` does
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<String>,
}

#[derive(Args)]
pub(crate) struct SaveArguments {
    #[command(flatten)]
    pub(crate) request: RequestArguments,

    /// Folder, or path with places, as of `run`
    #[arg(short, long, value_name = "PATH", default_value = "./")]
    pub(crate) output: String,
}

#[derive(Args)]
pub(crate) struct LogArguments {
    #[command(flatten)]
    pub(crate) request: RequestArguments,

    /// Print new lines until the request is done
    #[arg(short, long)]
    pub(crate) follow: bool,
}

#[derive(Args)]
pub(crate) struct ResumeArguments {
    /// Save the files of the outputs, as `run` does
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<String>,

    /// List the requests, and wait for none
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Args)]
pub(crate) struct UploadArguments {
    /// Files to upload; - reads stdin
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct DownloadArguments {
    /// URLs to download
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,

    /// Folder, or path with {index} and {ext}
    #[arg(short, long, value_name = "PATH", default_value = "./")]
    pub(crate) output: String,
}

#[derive(Args)]
pub(crate) struct BatchArguments {
    #[command(flatten)]
    pub(crate) options: BatchOptions,

    #[command(flatten)]
    pub(crate) call: Call,
}

/// The options of a batch. Its rows are the first of the parameters.
#[derive(Args)]
pub(crate) struct BatchOptions {
    /// Save the files of the outputs: a path with places, as of `run`, and with {row} and the columns
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<String>,

    /// Requests at the same time: a number, or auto to find what the account runs at once
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = parse_concurrency)]
    pub(crate) at_once: AtOnce,

    /// Spend at most this, in US dollars; what does not fit is not sent
    #[arg(long, value_name = "USD")]
    pub(crate) budget: Option<Usd>,

    /// Largest cost of a request, for models whose cost does not follow from the input
    #[arg(long, value_name = "USD", requires = "budget")]
    pub(crate) max_per_request: Option<Usd>,

    /// File that records the requests, so that the same command goes on where it was stopped and pays for nothing twice
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,

    /// Database that keeps the rows and their outputs, so that other machines can work on them: a URL of PostgreSQL, such as
    /// postgres://user:password@host/database, or a file of this machine
    #[arg(long, value_name = "URL|FILE", conflicts_with = "journal")]
    pub(crate) database: Option<String>,

    /// Name of the batch in the database; that of the table by default
    #[arg(long, value_name = "NAME", requires = "database")]
    pub(crate) batch: Option<String>,

    /// Check every row and print the estimated cost, but send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The number of requests at the same time.
#[derive(Clone, Copy)]
pub(crate) enum AtOnce {
    Auto,
    Number(usize),
}

#[derive(Args)]
pub(crate) struct CompareArguments {
    #[command(flatten)]
    pub(crate) options: CompareOptions,

    /// Parameters for all models: name=value, name:=json or name=@file. A model that has no parameter of a name is run without it
    #[arg(value_name = "PARAMETER", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) parameters: Vec<String>,
}

#[derive(Args)]
pub(crate) struct CompareOptions {
    /// Ids of the models, with commas between them
    #[arg(long, value_name = "ID,ID", required = true, value_delimiter = ',')]
    pub(crate) models: Vec<String>,

    /// Folder for the page index.html and the files
    #[arg(short, long, value_name = "DIR", default_value = "compare")]
    pub(crate) output: PathBuf,

    /// Refuse to run if the estimated cost of all models together is higher, in US dollars, or not known
    #[arg(long, value_name = "USD")]
    pub(crate) yes_cost: Option<Usd>,
}

#[derive(Args)]
pub(crate) struct HistoryArguments {
    /// Models whose requests are listed; by default those that this program has called
    #[arg(value_name = "MODEL")]
    pub(crate) models: Vec<String>,

    /// Largest number of requests
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
}

#[derive(Args)]
pub(crate) struct UsageArguments {
    /// Only these models
    #[arg(value_name = "MODEL")]
    pub(crate) models: Vec<String>,

    /// Days to look back
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=365))]
    pub(crate) days: u32,
}

#[derive(Args)]
pub(crate) struct AddArguments {
    /// Id of the model, or the URL of its page
    #[arg(add = ArgValueCompleter::new(completion::models))]
    pub(crate) id: String,

    /// Package to add the crate to, if the folder is that of a workspace
    #[arg(long, value_name = "NAME")]
    pub(crate) package: Option<String>,

    /// Take the crates from a checkout of their repository, in place of crates.io
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,

    /// Print what would be run, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ListenArguments {
    #[command(subcommand)]
    pub(crate) command: Option<ListenCommand>,

    /// URL of the local program, such as http://localhost:3000/hook
    #[arg(long, value_name = "URL", value_parser = webhooks::parse_url)]
    pub(crate) forward_to: Option<String>,

    /// Deliver the result of this request, by its id or as `last`, and end; may be repeated. By default, results of all requests
    /// that are submitted from now on
    #[arg(long = "request", value_name = "ID")]
    pub(crate) requests: Vec<String>,

    /// Model of the requests, if this program did not submit them
    #[arg(long, value_name = "ID", requires = "requests")]
    pub(crate) model: Option<String>,

    /// Address of this machine at which deliveries and keys are served
    #[arg(long, value_name = "ADDRESS", env = "FAL_CLI_LISTEN_AT", default_value = "127.0.0.1:8932")]
    pub(crate) at: SocketAddr,
}

#[derive(Subcommand)]
pub(crate) enum ListenCommand {
    /// Send a delivery again
    Resend {
        /// Number of the delivery; the latest by default
        number: Option<u64>,

        /// URL of another local program than the first time
        #[arg(long, value_name = "URL", value_parser = webhooks::parse_url)]
        forward_to: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct TriggerArguments {
    #[command(flatten)]
    pub(crate) options: TriggerOptions,

    #[command(flatten)]
    pub(crate) call: Call,
}

#[derive(Args)]
pub(crate) struct TriggerOptions {
    /// URL of the local program, such as http://localhost:3000/hook
    #[arg(long, value_name = "URL", value_parser = webhooks::parse_url)]
    pub(crate) forward_to: String,

    /// Send the delivery of a request that has failed
    #[arg(long)]
    pub(crate) error: bool,

    /// Address of this machine at which the keys are served while the program answers
    #[arg(long, value_name = "ADDRESS", env = "FAL_CLI_LISTEN_AT", default_value = "127.0.0.1:8932")]
    pub(crate) at: SocketAddr,
}

#[derive(Args)]
pub(crate) struct McpArguments {
    /// Serve streamable HTTP at this address of this machine, in place of stdio
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, default_missing_value = "127.0.0.1:8931")]
    pub(crate) http: Option<SocketAddr>,

    /// Models that are tools of their own, with their parameters as arguments; ids with commas between them
    #[arg(long, value_name = "ID,ID", value_delimiter = ',')]
    pub(crate) models: Vec<String>,

    /// Spend at most this in all, in US dollars
    #[arg(long, value_name = "USD")]
    pub(crate) budget: Option<Usd>,

    /// Refuse calls that are estimated to cost more, in US dollars
    #[arg(long, value_name = "USD")]
    pub(crate) max_cost: Option<Usd>,

    /// Folder whose files may be uploaded, and into which files are saved
    #[arg(long, value_name = "DIR")]
    pub(crate) files: Option<PathBuf>,
}

/// The arguments of another program.
#[derive(Args)]
pub(crate) struct ProgramArguments {
    /// Arguments of the program
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<std::ffi::OsString>,
}

#[derive(Subcommand)]
pub(crate) enum ProfileCommand {
    /// Store a key under a name; it is read from stdin, and never printed
    Add {
        /// Name of the profile
        name: String,
        /// Refuse calls that are estimated to cost more, in US dollars
        #[arg(long, value_name = "USD")]
        max_cost: Option<Usd>,
    },
    /// List the profiles, without their keys
    List,
    /// Use a profile when none is named
    Use {
        /// Name of the profile
        name: String,
    },
    /// Remove a profile and its key
    Remove {
        /// Name of the profile
        name: String,
    },
    /// Print the path of the configuration file
    Path,
}

fn parse_concurrency(text: &str) -> Result<AtOnce, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(AtOnce::Auto),
        (_, Ok(number @ 1..)) => Ok(AtOnce::Number(number)),
        _ => Err("expected auto or a number above 0".to_owned()),
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "expected a number of seconds above 0, such as 90".to_owned())
}
