//! Measures `cargo check` of generated crates after their dependencies are built.

use std::{fs, io, path::Path, process::Stdio, time::Instant};

use fal_codegen::{FalCore, Generator, Layout, Options, Source, Tree};

use super::{
    cpu, derives,
    row::{Of, Row},
};
use crate::{root, run::cargo_command};

/// Returns the manifest of an empty crate with the dependencies of the generated ones.
fn warm_manifest(tree: &Tree) -> io::Result<String> {
    let is_manifest = |path: &str| path.starts_with("crates/") && path.ends_with("/Cargo.toml");
    let (_, text) = tree.iter().find(|(path, _)| is_manifest(path)).unwrap_or_default();
    let manifest: toml::Table = toml::from_str(text).map_err(io::Error::other)?;
    let mut dependencies =
        manifest.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    dependencies.retain(|_, value| value.get("optional").is_none());
    let dependencies = toml::Table::from_iter([("dependencies".to_owned(), dependencies.into())]);
    Ok(format!("[package]\nname = \"warm\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{dependencies}"))
}

pub(super) fn measure(sources: &[Source], folder: &Path, peers: bool) -> Result<Vec<Row>, String> {
    let core = root().join("crates/fal-core").display().to_string();
    let layout = Layout::Standalone { fal_core: FalCore::Path(core) };
    let options = Options { layout, ..Options::default() };
    let generated = Generator::new(options).crates(sources).map_err(|errors| errors.to_string())?;
    let endpoints = generated.report.endpoints.iter().filter(|entry| entry.krate.is_some()).count();
    let each = |seconds: f64| seconds * 1000.0 / endpoints as f64;

    let ours = check(&generated.tree, &folder.join("ours"))?;
    let name = format!("codegen: cargo check of each of {endpoints} endpoints");
    let mut rows = vec![Row::alone(&name, "ms", &[each(ours.seconds)]).at_most(Of::Ours, 25.0)];
    if peers {
        // Processor time, because both are measured one after the other.
        let derived = check(&derives::with_derives(&generated.tree)?, &folder.join("derived"))?;
        rows.push(
            Row::against(
                &format!("{name}, compared with derives"),
                "ms of CPU",
                &[each(ours.cpu)],
                &[each(derived.cpu)],
            )
            .at_most(Of::Ratio, 0.4),
        );
    }
    Ok(rows)
}

/// The cost of `cargo check` of all crates of a workspace.
struct Cost {
    /// Elapsed time.
    seconds: f64,
    /// Processor time in seconds, or elapsed time except on Linux.
    cpu: f64,
}

fn check(tree: &Tree, folder: &Path) -> Result<Cost, String> {
    prepare(tree, folder).map_err(|error| error.to_string())?;
    run(folder, &["check", "--offline", "--quiet", "-p", "warm"])?;
    let (start, before) = (Instant::now(), cpu::seconds());
    run(folder, &["check", "--offline", "--quiet", "--workspace"])?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = cpu::seconds().zip(before).map_or(seconds, |(after, before)| after - before);
    Ok(Cost { seconds, cpu })
}

fn prepare(tree: &Tree, folder: &Path) -> io::Result<()> {
    tree.write(folder)?;
    fs::create_dir_all(folder.join("crates/warm/src"))?;
    fs::write(folder.join("crates/warm/Cargo.toml"), warm_manifest(tree)?)?;
    fs::write(folder.join("crates/warm/src/lib.rs"), "//! Empty.\n")?;
    // The versions of this workspace, which are cached and need no network.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map(drop)
}

fn run(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = cargo_command();
    command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    let output = command.stdout(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let errors = stderr.lines().skip_while(|line| !line.starts_with("error"));
    let errors: String = errors.take(40).map(|line| format!("{line}\n")).collect();
    Err(format!("`cargo {}` failed:\n{errors}", arguments.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_crate_has_the_required_dependencies_of_a_generated_one() -> Result<(), Box<dyn std::error::Error>>
    {
        let path = root().join("schemas/fal-ai/flux/dev.json");
        let source = Source { file: "dev.json".to_owned(), text: fs::read_to_string(path)? };
        let layout = Layout::Standalone { fal_core: FalCore::Path("core".to_owned()) };
        let generated = Generator::new(Options { layout, ..Options::default() }).crates(&[source])?;
        let derived = derives::with_derives(&generated.tree)?;
        for (tree, has_derive) in [(&generated.tree, false), (&derived, true)] {
            let text = warm_manifest(tree)?;
            let manifest: toml::Table = toml::from_str(&text)?;
            let names: Vec<_> =
                manifest["dependencies"].as_table().into_iter().flatten().map(|(name, _)| name).collect();
            assert_eq!(names, ["fal-core", "serde", "serde_json"], "{text}");
            assert_eq!(
                manifest["dependencies"]["serde"].to_string().contains("derive"),
                has_derive,
                "{text}"
            );
        }
        Ok(())
    }
}
