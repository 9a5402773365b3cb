//! The options by which the command records the real service, or replays a recording.

use std::path::{Path, PathBuf};

use crate::{Emulator, EmulatorBuilder, UnrecordedReply};

/// The options of recording and replaying.
#[derive(clap::Args)]
pub(crate) struct RecordingArguments {
    /// Pass all calls on to fal with the key in FAL_KEY, WHICH COSTS MONEY, and record requests, replies and media in this
    /// folder; what it holds already is not called again
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,

    /// Record this server in place of fal, such as another emulator: http://HOST:PORT
    #[arg(long, value_name = "URL", requires = "record")]
    upstream: Option<String>,

    /// Answer all calls from this folder, as they were recorded; nothing leaves the machine
    #[arg(long, value_name = "DIR", conflicts_with = "record")]
    replay: Option<PathBuf>,

    /// Reply to calls that the replayed folder does not hold
    #[arg(long, value_enum, requires = "replay", default_value_t)]
    unrecorded: Unrecorded,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Unrecorded {
    /// Refuse them with a 404 that tells what was recorded instead
    #[default]
    Fail,
    /// Answer them as without a recording
    Synthesize,
}

impl RecordingArguments {
    /// Sets the options of an emulator.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no key to record with.
    pub(crate) fn apply(&self, mut builder: EmulatorBuilder) -> Result<EmulatorBuilder, String> {
        if let Some(folder) = &self.record {
            let key = user_key().ok_or("--record calls fal with your key: set FAL_KEY")?;
            builder = builder.record(folder, key);
        }
        if let Some(url) = &self.upstream {
            builder = builder.upstream(url);
        }
        if let Some(folder) = &self.replay {
            let unrecorded = match self.unrecorded {
                Unrecorded::Fail => UnrecordedReply::Fail,
                Unrecorded::Synthesize => UnrecordedReply::Synthesize,
            };
            builder = builder.replay(folder).unrecorded(unrecorded);
        }
        Ok(builder)
    }

    /// Prints to stderr what happens to calls. `has_command`: a command gets the key by itself.
    pub(crate) fn announce(&self, emulator: &Emulator, has_command: bool) {
        let (known, _) = emulator.recorded_exchanges();
        if let Some(folder) = self.replay.as_deref().map(Path::display) {
            let exchanges = count(known as u64);
            eprintln!("fal-emulator: replaying {exchanges} of {folder}; nothing leaves this machine");
        }
        let Some(folder) = self.record.as_deref().map(Path::display) else { return };
        match &self.upstream {
            Some(url) => eprintln!("fal-emulator: recording {url} in {folder}"),
            None => eprintln!(
                "fal-emulator: RECORDING in {folder}: calls go to fal itself with the key in FAL_KEY, and COST MONEY"
            ),
        }
        if known > 0 {
            let exchanges = count(known as u64);
            eprintln!("fal-emulator: already recorded, and not called again: {exchanges}");
        }
        if let (Some(key), false) = (emulator.caller_key(), has_command) {
            eprintln!("fal-emulator: your key is used for calls with FAL_KEY={key}, and for no others");
        }
    }

    /// Prints to stderr what was recorded, or what was missing.
    pub(crate) fn summarize(&self, emulator: &Emulator) {
        if let Some(folder) = &self.record {
            let (_, stored) = emulator.recorded_exchanges();
            eprintln!("fal-emulator: recorded {} in {}", count(stored), folder.display());
        }
        let unrecorded = emulator.unrecorded_requests();
        if !unrecorded.is_empty() {
            eprintln!("fal-emulator: not in the recording:\n  {}", unrecorded.join("\n  "));
        }
    }
}

/// Returns a number of exchanges in words.
fn count(number: u64) -> String {
    format!("{number} exchange{}", if number == 1 { "" } else { "s" })
}

/// Returns the key of the user.
fn user_key() -> Option<String> {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let pair = || Some(format!("{}:{}", get("FAL_KEY_ID")?, get("FAL_KEY_SECRET")?));
    get("FAL_KEY").or_else(pair).map(|key| key.trim().to_owned())
}
