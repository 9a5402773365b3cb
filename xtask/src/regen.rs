//! `cargo xtask regen`: generates crates from schemas.

use fal_codegen::workspace;

use crate::{conflicts, root, run};

/// The crate of the platform API, which a separate generator writes.
const PLATFORM: &str = "fal-platform";

/// Arguments of `cargo xtask regen`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Writes nothing, and fails with the names of stale files if there are any
    #[arg(long)]
    check: bool,
    /// Crates to generate, such as `fal-flux`. All by default, including `fal-platform`
    family: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    conflicts::refuse(&root())?;
    let is_platform = |name: &String| name == PLATFORM;
    let platform = arguments.family.is_empty() || arguments.family.iter().any(is_platform);
    let models: Vec<String> = arguments.family.iter().filter(|name| !is_platform(name)).cloned().collect();
    if arguments.family.is_empty() || !models.is_empty() {
        run_models(&models, arguments.check)?;
    }
    if platform { run_platform(arguments.check) } else { Ok(()) }
}

/// Runs the generator of the platform crate as a separate program: its dependency progenitor takes half a minute to
/// compile, which no other command should wait for.
fn run_platform(check: bool) -> Result<(), String> {
    let mut command = run::program("fal-codegen-platform")?;
    command.current_dir(root());
    if check {
        command.arg("--check");
    }
    let status = command.status().map_err(|error| format!("fal-codegen-platform: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{PLATFORM} could not be generated")) }
}

fn run_models(only: &[String], check: bool) -> Result<(), String> {
    let root = root();
    let plan = workspace::plan(&root, only).map_err(|failure| {
        eprintln!("{failure}");
        "no file was written".to_owned()
    })?;
    let verb = if check { "stale" } else { "changed" };
    let mut fresh = 0;
    for name in &plan.crates {
        let files = plan.tree().iter().filter(|(path, _)| path.split('/').nth(2) == Some(name)).count();
        match plan.changes_of(name).count() {
            0 => fresh += 1,
            stale => println!("{name}: {files} files, {stale} {verb}"),
        }
    }
    for change in &plan.changes {
        println!("  {change}");
    }
    println!("{} crates, {fresh} of them unchanged", plan.crates.len());
    for entry in plan.generated.report.endpoints.iter().filter(|entry| !entry.unknown_keywords.is_empty()) {
        let list: Vec<_> =
            entry.unknown_keywords.iter().map(|(keyword, count)| format!("{keyword} ({count})")).collect();
        println!(
            "{}: the generator does not read these keywords of the document: {}",
            entry.id,
            list.join(", ")
        );
    }
    // The oddities of the other crates were there before.
    let is_changed = |name: &String| plan.changes_of(name).next().is_some();
    for entry in
        plan.generated.report.endpoints.iter().filter(|entry| entry.krate.as_ref().is_some_and(is_changed))
    {
        entry.oddities.iter().for_each(|oddity| println!("{}: {oddity}", entry.id));
    }
    if !check {
        return plan.write(&root).map_err(|error| error.to_string());
    }
    let stale = match plan.changes.len() {
        0 => return Ok(()),
        1 => "1 generated file differs".to_owned(),
        stale => format!("{stale} generated files differ"),
    };
    Err(format!(
        "{stale} from what the schemas and the generator give; run `cargo xtask regen` and commit the result"
    ))
}
