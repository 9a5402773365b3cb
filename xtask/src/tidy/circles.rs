//! Import circles: files that import one another in a loop.
//!
//! A loop of two files is a natural pair, such as a client and its builder. A larger one has no part that can be read,
//! tested or moved alone, so it is refused. Imports are taken from `use` declarations and followed through re-exports
//! to the file that defines the item. Declarations (`mod`), re-exports (`pub use`) and test modules do not count.

mod graph;
mod modules;

use std::collections::BTreeSet;

use graph::{Graph, Import};
use modules::Crate;

use super::files::{Files, Problem, is_generated};

/// Largest number of files that may import one another.
const LARGEST: usize = 2;

/// Reports every import circle of more than two files in the hand-written crates.
pub(super) fn check(files: &Files, problems: &mut Vec<Problem>) {
    for graph in graphs(files) {
        for circle in graph.circles().filter(|circle| circle.len() > LARGEST) {
            report(&graph, &circle, problems);
        }
    }
}

/// Returns every import between files of the same crate, each at its `use` declaration.
pub(super) fn imports(files: &Files) -> Vec<Problem> {
    let describe =
        |import: &Import| Problem::at_line(&import.from, import.line, format!("imports {}", import.to));
    graphs(files).iter().flat_map(|graph| graph.imports().map(describe).collect::<Vec<_>>()).collect()
}

fn graphs(files: &Files) -> Vec<Graph> {
    let roots = files.iter().filter(|(path, text)| is_crate_root(path) && !is_generated(text));
    roots.map(|(root, _)| Crate::load(files, root).graph()).collect()
}

fn is_crate_root(path: &str) -> bool {
    // Templates are completed by a program before they compile.
    (path.ends_with("/lib.rs") || path.ends_with("/main.rs")) && !path.contains("/template/")
}

/// Reports a circle at its first file, then each import of one of its loops at the line that makes it.
fn report(graph: &Graph, circle: &BTreeSet<String>, problems: &mut Vec<Problem>) {
    let Some(first) = circle.first() else { return };
    let names: Vec<&str> = circle.iter().map(String::as_str).collect();
    problems.push(Problem::in_file(
        first,
        format!(
            "is in a circle of {} files that import one another: {}. Break the loop below, by passing what is \
             needed in place of its owner, or by moving the shared item into a file of its own",
            names.len(),
            names.join(", ")
        ),
    ));
    for import in graph.shortest_loop(circle) {
        problems.push(Problem::at_line(
            &import.from,
            import.line,
            format!("`{}` closes the circle: it imports {}", import.declaration, import.to),
        ));
    }
}
