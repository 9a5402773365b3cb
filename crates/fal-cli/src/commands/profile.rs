//! `fal-cli profile`: keys under names.

use std::process::ExitCode;

use serde_json::json;

use crate::arguments::{Global, ProfileCommand};
use crate::config::{Config, Profile};
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::session::read_key;

pub(super) fn run(command: ProfileCommand, global: &Global) -> Result<ExitCode> {
    let mut config = Config::read()?;
    match command {
        ProfileCommand::Add { name, max_cost } => {
            let key = Some(read_key()?);
            let max_cost = max_cost.map(|cost| cost.to_string().trim_start_matches('$').replace(',', ""));
            config.profiles.insert(name.clone(), Profile { key, max_cost, emulator: None });
            config.profile.get_or_insert(name);
            config.write()?;
        }
        ProfileCommand::List => list(&config, global.json),
        ProfileCommand::Use { name } => {
            config.profile(Some(&name))?;
            config.profile = Some(name);
            config.write()?;
        }
        ProfileCommand::Remove { name } => {
            if config.profiles.remove(&name).is_none() {
                return Err(Failure::usage(config.missing(&name)));
            }
            config.profile = config.profile.filter(|default| *default != name);
            config.write()?;
        }
        ProfileCommand::Path => print(&Config::path()?.display().to_string()),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(config: &Config, is_json: bool) {
    let is_default = |name: &String| config.profile.as_ref() == Some(name);
    if is_json {
        let profiles = config.profiles.iter().map(|(name, profile)| {
            json!({"name": name, "default": is_default(name), "has_key": profile.key.is_some(), "max_cost": profile.max_cost})
        });
        print(&json!({"profiles": profiles.collect::<Vec<_>>()}).to_string());
        return;
    }
    for name in config.profiles.keys() {
        print(&format!("{name}{}", if is_default(name) { " (default)" } else { "" }));
    }
}
