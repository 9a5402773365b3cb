//! `fal-emulator env`: the variables that direct the commands of a shell to a running emulator.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::child::{Environment, write_files};
use super::inherited_variables;

/// The arguments of `fal-emulator env`.
#[derive(clap::Args)]
pub(crate) struct EnvironmentArguments {
    /// Port of the running emulator, which was started with --tls
    #[arg(long, default_value_t = 8787)]
    port: u16,

    /// Host name or address of the running emulator
    #[arg(long, default_value = "127.0.0.1")]
    host: String,

    /// Key that the emulator requires, if it does
    #[arg(long, value_name = "KEY")]
    require_key: Option<String>,

    /// Folder for the files that the variables name. By default one in the cache folder of the user
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Time to wait for the emulator, which may have been started just before
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u32,

    /// Print the lines that remove the variables from the shell again
    #[arg(long, conflicts_with_all = ["require_key", "folder", "wait"])]
    unset: bool,
}

/// The pause between two attempts to reach the emulator.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks the running emulator for its certificate, writes the files and prints the variables.
///
/// After a failure, it prints the lines that keep a script from fal. Without them, the `eval` of nothing would succeed, and the
/// script would go on and call fal with the key of the user.
pub(crate) async fn run(arguments: &EnvironmentArguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    if arguments.unset {
        print_lines(&Environment::to_unset_lines(&inherited_variables()));
        return Ok(ExitCode::SUCCESS);
    }
    match prepare(arguments).await {
        Ok(environment) => {
            print_lines(&environment.to_shell());
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            stop_script(&format!("http://{}:{}", arguments.host, arguments.port));
            Err(format!(
                "{error}. Until then, the commands of this shell cannot call fal; `env --unset` ends that"
            )
            .into())
        }
    }
}

/// Prints the lines by which a script ends. An interactive shell goes on, but its commands cannot call fal.
pub(super) fn stop_script(url: &str) {
    let environment = Environment::blocked(url, &inherited_variables());
    print_lines(&format!("{}case $- in *i*) false ;; *) exit 1 ;; esac\n", environment.to_shell()));
}

fn print_lines(text: &str) {
    let mut stdout = std::io::stdout();
    // A closed stdout has no reader that could be told.
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).ok();
}

async fn prepare(arguments: &EnvironmentArguments) -> Result<Environment, Box<dyn std::error::Error>> {
    let host = &arguments.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let url = format!("http://{host}:{}", arguments.port);
    let ca = fetch_certificate(&url, Duration::from_secs(arguments.wait.into())).await?;
    let folder = match &arguments.folder {
        Some(folder) => std::path::absolute(folder)?,
        None => {
            cache_folder().ok_or("the cache folder of the user is unknown; name a folder with --folder")?
        }
    };
    let name = format!(
        "{}-{}",
        arguments.host.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"),
        arguments.port
    );
    let files = write_files(&folder.join(name), &ca)?;
    let key = arguments.require_key.as_deref();
    Ok(Environment::new(&url, &files, key, &inherited_variables()))
}

/// Returns the certificate of an emulator, which has some time to answer.
async fn fetch_certificate(url: &str, wait: Duration) -> Result<String, Box<dyn std::error::Error>> {
    // The certificate comes over plain HTTP, but the client of the library wants a provider all the same.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()?;
    let hint = || format!("no emulator answers at {url}: start one with `fal-emulator --tls --port …`");
    let deadline = Instant::now() + wait;
    let reply = loop {
        match client.get(format!("{url}/_emulator/ca.pem")).send().await {
            Ok(reply) => break reply,
            Err(error) if error.is_connect() && Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
            Err(_) => return Err(hint().into()),
        }
    };
    let status = reply.status();
    let text = reply.text().await?;
    if !status.is_success() || !text.contains("BEGIN CERTIFICATE") {
        return Err(format!("{url} has no certificate: start that emulator with --tls").into());
    }
    Ok(text)
}

/// Returns the folder for files that are needed again and may be lost.
fn cache_folder() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base =
        of("XDG_CACHE_HOME").or_else(|| of("LOCALAPPDATA")).or_else(|| Some(of("HOME")?.join(".cache")))?;
    Some(base.join("fal-emulator"))
}
