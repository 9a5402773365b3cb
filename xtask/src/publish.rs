//! `cargo xtask publish`: every crate, in the order that their dependencies ask for.

mod contents;
mod package;
mod verify;

use package::{Package, in_order};

use crate::{root, run};

/// Arguments of `cargo xtask publish`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Packages every crate, looks at what the packages hold, and uploads nothing
    #[arg(long)]
    dry_run: bool,

    /// Leaves out compiling the crates from what was packed
    #[arg(long, requires = "dry_run")]
    no_verify: bool,

    /// Uploads, one crate after the other. Without this and `--dry-run`, the command says what it would do
    #[arg(long, conflicts_with = "dry_run")]
    execute: bool,

    /// Starts with this crate: those before it are uploaded already
    #[arg(long, value_name = "CRATE", conflicts_with = "dry_run")]
    from: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let packages = in_order(package::read(&root())?)?;
    let incomplete: Vec<String> = packages.iter().flat_map(Package::missing).collect();
    if !incomplete.is_empty() {
        return Err(incomplete.join("\n"));
    }
    if arguments.dry_run {
        return dry_run(&packages, !arguments.no_verify);
    }
    let first = match &arguments.from {
        None => 0,
        Some(name) => packages
            .iter()
            .position(|package| package.name == *name)
            .ok_or_else(|| format!("`{name}` is not among the {} crates to publish", packages.len()))?,
    };
    if arguments.execute { upload(&packages[first..]) } else { plan(&packages[first..]) }
}

/// What uploading would do.
fn plan(packages: &[Package]) -> Result<(), String> {
    for (index, Package { name, version, .. }) in packages.iter().enumerate() {
        println!("{:>3}. cargo publish --package {name}    # {version}", index + 1);
    }
    println!(
        "Nothing was uploaded. `--dry-run` packages all {} crates; `--execute` uploads them in this order, for good.",
        packages.len()
    );
    Ok(())
}

fn upload(packages: &[Package]) -> Result<(), String> {
    for Package { name, version, .. } in packages {
        println!("{name} {version}");
        run::cargo(["publish", "--locked", "--package", name])
            .map_err(|error| format!("{error}; once that is mended, go on with `--from {name}`"))?;
    }
    Ok(())
}

fn dry_run(packages: &[Package], verify: bool) -> Result<(), String> {
    // With everything at hand, packaging need not ask the registry about each crate again.
    run::cargo(["fetch", "--locked", "--quiet"])?;
    // A crate that is not uploaded yet is taken from the packages made in the same run.
    let names = packages.iter().flat_map(|package| ["--package", &package.name]);
    let fixed = ["package", "--offline", "--locked", "--quiet", "--allow-dirty", "--no-verify"];
    run::cargo(fixed.into_iter().chain(names))?;
    let mut problems = Vec::new();
    for package in packages {
        let contents = contents::of(package)?;
        println!("{:<32} {} {contents}", package.name, package.version);
        problems.extend(contents.problems(package));
    }
    if !problems.is_empty() {
        return Err(problems.join("\n"));
    }
    if verify {
        verify::compile(packages)?;
    }
    println!(
        "{} crates could be published{}.",
        packages.len(),
        if verify { ": what was packed compiles" } else { "" }
    );
    Ok(())
}
