//! The state of a command: its key, its client, and the emulator if it uses one.

use std::time::Duration;

use fal_client::{Client, Usd};
use fal_emulator::catalogue::Catalogue;
use tokio::sync::OnceCell;

use crate::arguments::Global;
use crate::config::Config;
use crate::failure::{Failure, FailureKind, Result};

/// The service that a command calls.
enum Service {
    /// fal, with this key, if there is one.
    Fal { key: Option<String> },
    /// An emulator at this URL.
    Emulator(String),
    /// An emulator inside this program, started by the first call.
    #[cfg(feature = "emulator")]
    Embedded,
}

/// The state of a command. Nothing is connected or started before it is needed.
pub(crate) struct Session {
    pub(crate) global: Global,
    service: Service,
    max_cost: Option<Usd>,
    client: OnceCell<Connection>,
}

/// A client, and what must live as long as it.
struct Connection {
    client: Client,
    #[cfg(feature = "emulator")]
    emulator: Option<fal_emulator::Emulator>,
}

impl Session {
    /// Reads the configuration, the environment and, if it was asked to, the key from stdin.
    pub(crate) fn new(global: Global) -> Result<Self> {
        let config = Config::read()?;
        let profile = config.profile(global.profile.as_deref())?;
        let max_cost = profile.map(|profile| profile.max_cost()).transpose()?.flatten();
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let local = match &global.emulator {
            Some(url) => Some(url.clone()),
            None => var("FAL_EMULATOR_URL").or_else(|| profile.and_then(|profile| profile.emulator.clone())),
        };
        let service = match local {
            Some(url) if url.is_empty() => embedded()?,
            Some(url) => Service::Emulator(url),
            None => {
                let pair = || Some(format!("{}:{}", var("FAL_KEY_ID")?, var("FAL_KEY_SECRET")?));
                // A profile that was named is meant, even where the environment has a key.
                let of_profile = || profile.and_then(|profile| profile.key.clone());
                let key = match (global.key_stdin, &global.profile) {
                    (true, _) => Some(read_key()?),
                    (false, Some(_)) => of_profile().or_else(|| var("FAL_KEY")).or_else(pair),
                    (false, None) => var("FAL_KEY").or_else(pair).or_else(of_profile),
                };
                Service::Fal { key }
            }
        };
        Ok(Self { global, service, max_cost, client: OnceCell::new() })
    }

    /// Returns true if calls are possible: there is a key, or an emulator.
    pub(crate) fn can_call(&self) -> bool {
        !matches!(self.service, Service::Fal { key: None })
    }

    /// Returns true if an emulator is called, so that nothing costs money.
    pub(crate) fn is_local(&self) -> bool {
        !matches!(self.service, Service::Fal { .. })
    }

    /// Returns true if requests end with this program.
    pub(crate) fn is_embedded(&self) -> bool {
        match self.service {
            #[cfg(feature = "emulator")]
            Service::Embedded => true,
            _ => false,
        }
    }

    /// Returns the largest estimated cost of a call that the profile allows.
    pub(crate) fn max_cost(&self) -> Option<Usd> {
        self.max_cost
    }

    /// Returns the known models, with those of `--schema`.
    pub(crate) fn catalogue(&self) -> Result<Catalogue> {
        let unreadable = |error: fal_emulator::Error| Failure::usage(error.to_string());
        let mut catalogue = Catalogue::embedded().map_err(unreadable)?;
        for path in &self.global.schemas {
            catalogue.add_schemas(path).map_err(unreadable)?;
        }
        Ok(catalogue)
    }

    /// Returns the client. The first call connects it, and starts the emulator inside this program.
    ///
    /// # Errors
    ///
    /// Returns a failure that tells how to set a key if there is none.
    pub(crate) async fn client(&self) -> Result<&Client> {
        Ok(&self.client.get_or_try_init(|| self.connect()).await?.client)
    }

    /// Returns the URL of the emulator inside this program, if a call has started it.
    pub(crate) fn emulator_url(&self) -> Option<String> {
        #[cfg(feature = "emulator")]
        return self.client.get()?.emulator.as_ref().map(fal_emulator::Emulator::url);
        #[cfg(not(feature = "emulator"))]
        None
    }

    async fn connect(&self) -> Result<Connection> {
        let builder = Client::builder()
            .user_agent_suffix(concat!("fal-cli/", env!("CARGO_PKG_VERSION")))
            // Large files need time on slow lines.
            .idle_timeout(Duration::from_secs(120));
        match &self.service {
            Service::Fal { key: Some(key) } => Connection::new(builder.env().key(key)),
            Service::Fal { key: None } => Err(Failure::new(
                FailureKind::Key,
                "there is no key; set FAL_KEY, store one with `fal-cli profile add NAME`, or try --emulator",
            )),
            Service::Emulator(url) => Connection::new(builder.emulator(url)),
            #[cfg(feature = "emulator")]
            Service::Embedded => {
                let mut emulator = fal_emulator::Emulator::builder();
                for path in &self.global.schemas {
                    emulator = emulator.add_schemas(path);
                }
                let emulator = emulator.start().await.map_err(|error| Failure::usage(error.to_string()))?;
                let mut connection = Connection::new(builder.emulator(emulator.url()))?;
                connection.emulator = Some(emulator);
                Ok(connection)
            }
        }
    }
}

impl Connection {
    fn new(builder: fal_client::ClientBuilder) -> Result<Self> {
        Ok(Self {
            client: builder.build()?,
            #[cfg(feature = "emulator")]
            emulator: None,
        })
    }
}

#[cfg(feature = "emulator")]
#[allow(clippy::unnecessary_wraps, reason = "fails without the feature")]
fn embedded() -> Result<Service> {
    Ok(Service::Embedded)
}

#[cfg(not(feature = "emulator"))]
fn embedded() -> Result<Service> {
    Err(Failure::usage("this program has no emulator inside; start `fal-emulator` and write --emulator=URL"))
}

/// Reads a key from the first line of stdin, without showing it on a terminal.
pub(crate) fn read_key() -> Result<String> {
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("the key cannot be read from stdin: {error}"));
    let key = match console::user_attended() && console::user_attended_stderr() && is_stdin_terminal() {
        true => {
            eprint!("key: ");
            console::Term::stderr().read_secure_line().map_err(unreadable)?
        }
        false => {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map_err(unreadable)?;
            line
        }
    };
    let key = key.trim();
    match key.is_empty() || key.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        true => Err(Failure::usage("stdin has no key in its first line; a key looks like id:secret")),
        false => Ok(key.to_owned()),
    }
}

fn is_stdin_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdin())
}
