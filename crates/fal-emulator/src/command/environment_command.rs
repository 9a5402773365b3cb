//! `fal-emulator env`: the variables that direct the commands of a shell to a running emulator.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

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
}

/// Asks the running emulator for its certificate, writes the files and prints the variables.
pub(crate) async fn run(arguments: &EnvironmentArguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let host = &arguments.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let url = format!("http://{host}:{}", arguments.port);
    let ca = fetch_certificate(&url).await?;
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
    let environment = Environment::new(&url, &files, key, &inherited_variables());
    print!("{}", environment.to_shell());
    Ok(ExitCode::SUCCESS)
}

async fn fetch_certificate(url: &str) -> Result<String, Box<dyn std::error::Error>> {
    // The certificate comes over plain HTTP, but the client of the library wants a provider all the same.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .timeout(std::time::Duration::from_secs(10))
        .build()?;
    let hint = || format!("no emulator answers at {url}: start one with `fal-emulator --tls --port …`");
    let reply = client.get(format!("{url}/_emulator/ca.pem")).send().await.map_err(|_| hint())?;
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
