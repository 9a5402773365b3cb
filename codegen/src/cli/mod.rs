//! The command `fal-codegen`: reads documents, generates code, and writes it or compares it with existing files. Other programs
//! can offer it as a command of their own.

mod arguments;
mod failure;
mod fal_core;
mod inputs;
mod output;
mod progress;
mod summary;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

use crate::{Error, Errors, Generator, Layout, Options, Report, Runtime, Source, Tree};

use arguments::Arguments;
use failure::Failure;
use inputs::{Apps, Inputs};
use output::Plan;
use progress::Progress;

/// Runs the command with these arguments and returns its exit code. `program` is the call that starts it, for the usage.
///
/// Ends the process after a wrong argument and after `--help`.
pub fn run(program: &[&str], arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let name = OsString::from(program.join(" "));
    match generate_files(&Arguments::parse_from([name].into_iter().chain(arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn generate_files(arguments: &Arguments) -> Result<(), Failure> {
    let apps = Apps::parse(&arguments.app)?;
    let Inputs { sources, apps: own_apps, mut errors } = inputs::read(&arguments.inputs, &apps);
    let mut options = build_options(arguments);
    (options.app, options.apps) = (apps.common, own_apps);
    match find_layout(arguments) {
        Ok(layout) => options.layout = layout,
        Err(error) => errors.push(error),
    }
    for file in &arguments.overlay {
        match inputs::read_source(file) {
            Ok(overlay) => options.overlays.push(overlay),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        // An overlay that cannot be read would make errors of what it corrects.
        options.overlays.clear();
    }
    let generated = generate(arguments, &sources, &options);
    let (target, report) = match generated {
        Ok(generated) if errors.is_empty() => generated,
        Ok(_) => return Err(Failure::Problems(errors)),
        Err(Errors(more)) => {
            errors.extend(more);
            return Err(Failure::Problems(errors));
        }
    };
    for line in summary::lines(&report, arguments.module.as_deref()) {
        eprintln!("{line}");
    }
    let mut lost = summary::lost_properties(&report);
    if arguments.strict {
        lost.extend(summary::losses(&report));
    }
    let plan = Plan::new(&target.folder, &target.tree, target.crates)?;
    if let Some(lines) = summary::describe_kept(plan.kept(), &arguments.out) {
        lines.iter().for_each(|line| eprintln!("{line}"));
    }
    if arguments.check {
        plan.check()?;
    } else if lost.is_empty() {
        let (written, removed) = plan.write()?;
        let fresh = target.tree.iter().count() - written;
        match &arguments.module {
            Some(file) => {
                let outcome = if written > 0 { "written" } else { "fresh" };
                eprintln!("module            {outcome}: {}", file.display());
            }
            None => eprintln!("files             {written} written, {fresh} fresh, {removed} removed"),
        }
        if written > 0 {
            let module = arguments.module.as_deref();
            let step = summary::next_step(&report, &arguments.out, module, &target.dependencies);
            step.iter().for_each(|step| eprintln!("{step}"));
        }
    }
    // The report is also written if something was lost, because it has the details.
    if let Some(path) = arguments.report.as_deref().filter(|_| !arguments.check) {
        output::write_report(path, &report)?;
    }
    if lost.is_empty() { Ok(()) } else { Err(Failure::Problems(lost)) }
}

/// Generated files and their folder.
struct Target {
    folder: PathBuf,
    tree: Tree,
    /// The folder of crates. In those that are written, files that are no longer generated are removed.
    crates: Option<&'static str>,
    /// The crates that a module depends on.
    dependencies: String,
}

fn generate(
    arguments: &Arguments,
    sources: &[Source],
    options: &Options,
) -> Result<(Target, Report), Errors> {
    let progress = Progress::new(sources.len());
    let generator = Generator::new(options.clone()).on_step(|step| progress.step(step));
    let made = match &arguments.module {
        None => generator.crates(sources).map(|generated| {
            let (folder, tree) = (arguments.out.clone(), generated.tree);
            (Target { folder, tree, crates: Some("crates"), dependencies: String::new() }, generated.report)
        }),
        Some(file) => generator.module(sources).map(|module| {
            let mut tree = Tree::default();
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            tree.insert(name, module.text);
            let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new(".")).to_owned();
            (Target { folder, tree, crates: None, dependencies: module.dependencies }, module.report)
        }),
    };
    drop(generator);
    progress.done();
    made
}

/// Returns the options of the generator, without the apps and the layout.
fn build_options(arguments: &Arguments) -> Options {
    Options {
        crate_name: arguments.crate_name.clone(),
        skip: arguments.skip.clone(),
        only: arguments.only.clone(),
        runtime: match arguments.runtime {
            arguments::Runtime::FalClient => Runtime::FalClient,
            arguments::Runtime::FalCore => Runtime::FalCore,
        },
        ..Options::default()
    }
}

/// Returns the layout of the crates, with their dependency on `fal-core`.
fn find_layout(arguments: &Arguments) -> Result<Layout, Error> {
    match &arguments.fal_core {
        Some(path) => Ok(Layout::Standalone { fal_core: fal_core::dependency(path, &arguments.out)? }),
        None => Ok(Options::default().layout),
    }
}
