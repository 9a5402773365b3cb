//! `cargo xtask regen`: schemas to crates.

use fal_codegen::workspace;

use crate::root;

/// Arguments of `cargo xtask regen`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Writes nothing; fails and names each stale file if anything would change.
    #[arg(long)]
    check: bool,
    /// The crates to regenerate, such as `fal-flux`. All of them by default.
    family: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let root = root();
    let plan = workspace::plan(&root, &arguments.family).map_err(|failure| {
        eprintln!("{failure}");
        "nothing was written".to_owned()
    })?;
    for name in &plan.crates {
        let files = plan.tree().iter().filter(|(path, _)| path.split('/').nth(2) == Some(name)).count();
        match plan.changes_of(name).count() {
            0 => println!("{name}: {files} files, fresh"),
            stale => println!(
                "{name}: {files} files, {stale} {}",
                if arguments.check { "stale" } else { "changed" }
            ),
        }
    }
    for change in &plan.changes {
        println!("  {change}");
    }
    for entry in plan.generated.report.endpoints.iter().filter(|entry| !entry.unknown_keywords.is_empty()) {
        let list: Vec<_> =
            entry.unknown_keywords.iter().map(|(keyword, count)| format!("{keyword} ({count})")).collect();
        println!("{}: keywords no rule knows: {}", entry.id, list.join(", "));
    }
    if !arguments.check {
        return plan.write(&root).map_err(|error| error.to_string());
    }
    match plan.changes.len() {
        0 => Ok(()),
        stale => Err(format!(
            "{stale} generated files are stale; run `cargo xtask regen` and commit what it writes"
        )),
    }
}
