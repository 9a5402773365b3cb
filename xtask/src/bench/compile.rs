//! Measures compiling an app with one typed call, compared with the same call by reqwest and serde.

mod app;
mod families;
mod memory;

use std::{fs, path::Path};

use super::{
    Arguments,
    row::{Of, Row},
    table::subject,
    warn_skipped,
};
use crate::root;
use app::App;

/// Largest ratio of our app to the floor.
const MAX_RATIO: f64 = 1.15;

const OURS: &str = include_str!("compile/apps/ours.rs");
const BARE: &str = include_str!("compile/apps/bare.rs");
const FAL: &str = include_str!("compile/apps/fal.rs");

/// The features of the client in our apps.
const WITH_RING: [&str; 2] = ["rustls-ring", "webhook"];

/// The row of binaries that use the TLS of the system, as the crate `fal` does.
const SYSTEM_TLS: &str = "release binary with the system's TLS, stripped";

/// The line of the floor that chooses a provider for rustls.
const PROVIDER: &str = "    rustls::crypto::ring::default_provider().install_default().map_err(|_| \"TLS has a provider already\")?;\n";

/// The crate `fal`, with one family of endpoints and with all of them.
const PEERS: [(&str, &str); 2] =
    [("crate fal, one family", "endpoints_fal-ai_flux"), ("crate fal, all endpoints", "endpoints")];

// The speed of a shared machine varies, so that one round is not enough.
const CHECK_ROUNDS: usize = 3;
const BUILD_ROUNDS: usize = 5;
const WARM_ROUNDS: usize = 5;

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let versions = versions()?;
    let tokio = tokio_dependency(&versions);
    let needs = our_dependencies("fal-flux", &WITH_RING);
    let ours = App::write("ours", folder.path(), &format!("{needs}{tokio}"), OURS)?;
    let needs = floor_dependencies(&versions, "rustls-no-provider") + &rustls_dependency(&versions);
    let floor = App::write("floor", folder.path(), &format!("{needs}{tokio}"), BARE)?;
    let pair = Pair { apps: [&ours, &floor] };

    let check_rounds = if arguments.quick { 1 } else { CHECK_ROUNDS };
    let mut rows = vec![
        pair.row("cold check", "s", check_rounds, |app| Ok(app.cold(&["check"])?.seconds))?
            .at_most(Of::Ratio, MAX_RATIO),
        pair.row("check after a change of main.rs", "s", WARM_ROUNDS, |app| {
            Ok(app.warm(&["check"])?.seconds)
        })?,
        pair.row("packages", "packages", 1, |app| Ok(app.packages()? as f64))?,
    ];
    if arguments.quick {
        return Ok(rows);
    }
    let mut memory = [Vec::new(), Vec::new()];
    let build = pair.row("cold build", "s", BUILD_ROUNDS, |app| {
        let cost = app.cold(&["build"])?;
        memory[usize::from(app.name == floor.name)].extend(cost.memory);
        Ok(cost.seconds)
    })?;
    rows.push(build.at_most(Of::Ratio, MAX_RATIO));
    let [ours, floor] = &memory;
    if !ours.is_empty() && !floor.is_empty() {
        rows.push(Row::against("compile: memory of the cold build", "MiB", ours, floor));
    }
    rows.push(
        pair.row("build after a change of main.rs", "s", WARM_ROUNDS, |app| {
            Ok(app.warm(&["build"])?.seconds)
        })?,
    );
    rows.push(pair.row("cold release build", "s", 2, |app| Ok(app.cold(&["build", "--release"])?.seconds))?);
    rows.push(pair.row("release build after a change of main.rs", "s", WARM_ROUNDS, |app| {
        Ok(app.warm(&["build", "--release"])?.seconds)
    })?);
    rows.push(pair.row("release binary, stripped", "MiB", 1, App::binary)?.at_most(Of::Ratio, MAX_RATIO));
    if arguments.peers {
        // Needs the headers of the system's library, as the crate `fal` does.
        match system_tls(folder.path(), &versions) {
            Ok(row) => rows.push(row),
            Err(error) => warn_skipped(&error),
        }
        for (name, feature) in PEERS {
            let needs = format!("fal = {{ version = \"=0.3.6\", features = [\"{feature}\"] }}\n{tokio}");
            let app = App::write(name, folder.path(), &needs, FAL);
            app.and_then(|app| peer(&app, &mut rows)).unwrap_or_else(|error| warn_skipped(&error));
        }
    }
    Ok(rows)
}

/// Measures the binaries of our app and of the floor with the TLS of the system.
fn system_tls(folder: &Path, versions: &impl Fn(&str) -> toml::Value) -> Result<Row, String> {
    let tokio = tokio_dependency(versions);
    let needs = our_dependencies("fal-flux", &["native-tls"]);
    let ours = App::write("ours with native-tls", folder, &format!("{needs}{tokio}"), OURS)?;
    let needs = floor_dependencies(versions, "native-tls");
    let bare = BARE.replace(PROVIDER, "");
    let floor = App::write("floor with native-tls", folder, &format!("{needs}{tokio}"), &bare)?;
    let pair = Pair { apps: [&ours, &floor] };
    pair.row(SYSTEM_TLS, "MiB", 1, |app| {
        app.cold(&["build", "--release"])?;
        app.binary()
    })
}

/// Measures apps with one call of a large family, and the crates of these families alone.
pub(super) fn measure_families(arguments: &Arguments) -> Result<Vec<Row>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let rounds = if arguments.quick { 1 } else { CHECK_ROUNDS };
    families::measure(folder.path(), &tokio_dependency(versions()?), rounds)
}

/// Our app and the floor, which take turns.
struct Pair<'a> {
    apps: [&'a App; 2],
}

impl Pair<'_> {
    fn row(
        &self,
        name: &str,
        unit: &str,
        rounds: usize,
        mut measure: impl FnMut(&App) -> Result<f64, String>,
    ) -> Result<Row, String> {
        eprintln!("bench compile: {name}");
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        let [our_app, floor_app] = self.apps;
        for round in 0..rounds {
            // The second one finds files cached in memory.
            if round % 2 == 0 {
                floor.push(measure(floor_app)?);
                ours.push(measure(our_app)?);
            } else {
                ours.push(measure(our_app)?);
                floor.push(measure(floor_app)?);
            }
        }
        Ok(Row::against(&format!("compile: {name}"), unit, &ours, &floor))
    }
}

/// Measures another crate once, and adds its figures to the rows.
fn peer(app: &App, rows: &mut [Row]) -> Result<(), String> {
    eprintln!("bench compile: {}", app.name);
    let check = app.cold(&["check"])?.seconds;
    let checked_again = app.warm(&["check"])?.seconds;
    let build = app.cold(&["build"])?;
    let built_again = app.warm(&["build"])?.seconds;
    let release = app.cold(&["build", "--release"])?.seconds;
    let released_again = app.warm(&["build", "--release"])?.seconds;
    let binary = app.binary()?;
    let figures = [
        ("cold check", Some(check)),
        ("check after a change of main.rs", Some(checked_again)),
        ("packages", Some(app.packages()? as f64)),
        ("cold build", Some(build.seconds)),
        ("memory of the cold build", build.memory),
        ("build after a change of main.rs", Some(built_again)),
        ("cold release build", Some(release)),
        ("release build after a change of main.rs", Some(released_again)),
        ("release binary, stripped", Some(binary)),
        (SYSTEM_TLS, Some(binary)),
    ];
    for row in rows {
        let figure = figures.iter().find(|(what, _)| subject(row) == *what).and_then(|(_, figure)| *figure);
        if let Some(figure) = figure {
            *row = row.clone().peer(app.name, figure);
        }
    }
    Ok(())
}

fn our_dependencies(krate: &str, features: &[&str]) -> String {
    let path = |folder: &str| toml::Value::from(root().join(folder).display().to_string());
    format!(
        "fal-client = {{ path = {}, default-features = false, features = {features:?} }}\n\
         {krate} = {{ path = {} }}\n",
        path("crates/fal-client"),
        path(&format!("crates/models/{krate}"))
    )
}

/// Returns the line of `tokio` of every app.
fn tokio_dependency(version: impl Fn(&str) -> toml::Value) -> String {
    format!("tokio = {{ version = {}, features = [\"macros\", \"rt-multi-thread\"] }}\n", version("tokio"))
}

/// Returns the dependencies of the floor: reqwest with the features that fal-client has here, and the one of its TLS.
fn floor_dependencies(version: impl Fn(&str) -> toml::Value, tls: &str) -> String {
    format!(
        "reqwest = {{ version = {}, default-features = false, \
         features = [\"http2\", \"stream\", \"system-proxy\", \"{tls}\"] }}\n\
         serde = {{ version = {}, features = [\"derive\"] }}\nserde_json = {}\n",
        version("reqwest"),
        version("serde"),
        version("serde_json")
    )
}

/// Returns the line of rustls, with the provider of fal-client here.
fn rustls_dependency(version: impl Fn(&str) -> toml::Value) -> String {
    format!(
        "rustls = {{ version = {}, default-features = false, features = [\"logging\", \"ring\", \"std\", \"tls12\"] }}\n",
        version("rustls")
    )
}

/// Returns a lookup of the versions that this workspace requires.
fn versions() -> Result<impl Fn(&str) -> toml::Value, String> {
    let text = fs::read_to_string(root().join("Cargo.toml")).map_err(|error| error.to_string())?;
    let manifest: toml::Table = toml::from_str(&text).map_err(|error| error.to_string())?;
    let table = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies")).cloned();
    let table = table.ok_or("Cargo.toml has no table of versions")?;
    Ok(move |name: &str| {
        let entry = table.get(name);
        entry.map(|entry| entry.get("version").unwrap_or(entry).clone()).unwrap_or_else(|| "*".into())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_floor_uses_the_versions_of_the_workspace() -> Result<(), String> {
        let versions = versions()?;
        let needs = floor_dependencies(&versions, "native-tls") + &rustls_dependency(&versions);
        let needs: toml::Table = toml::from_str(&needs).map_err(|error| error.to_string())?;
        for (name, need) in needs {
            let version = need.get("version").unwrap_or(&need).as_str().unwrap_or_default();
            assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{name}: {version:?}");
        }
        Ok(())
    }

    #[test]
    fn the_floor_with_the_tls_of_the_system_has_no_rustls() {
        let bare = BARE.replace(PROVIDER, "");
        assert!(BARE.contains("rustls") && !bare.contains("rustls"), "{bare}");
    }

    #[test]
    fn the_floor_uses_the_features_of_the_client() -> Result<(), String> {
        let text = fs::read_to_string(root().join("crates/fal-client/Cargo.toml"))
            .map_err(|error| error.to_string())?;
        let manifest: toml::Table = toml::from_str(&text).map_err(|error| error.to_string())?;
        let names = |value: &toml::Value| -> BTreeSet<String> {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect()
        };
        let mut theirs = names(&manifest["dependencies"]["reqwest"]["features"]);
        let rustls = names(&manifest["features"]["rustls"]);
        theirs.extend(rustls.iter().filter_map(|name| name.strip_prefix("reqwest/").map(str::to_owned)));
        let needs = floor_dependencies(versions()?, "rustls-no-provider");
        let needs: toml::Table = toml::from_str(&needs).map_err(|error| error.to_string())?;
        assert_eq!(names(&needs["reqwest"]["features"]), theirs);
        Ok(())
    }
}
