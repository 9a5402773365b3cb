//! Files and the imports between them, and the loops that these make.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One import of a file by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) from: String,
    pub(super) to: String,
    /// The path that is imported, such as `crate::app::App`.
    pub(super) declaration: String,
    /// Index of the line of the `use` declaration, from zero.
    pub(super) line: usize,
}

/// A directed graph of files. Of several imports between the same two files, the first is kept.
#[derive(Debug, Default)]
pub(super) struct Graph(BTreeMap<String, BTreeMap<String, Import>>);

impl Graph {
    /// Adds an import. A file that imports itself is ignored.
    pub(super) fn add(&mut self, import: Import) {
        if import.from != import.to {
            let imports = self.0.entry(import.from.clone()).or_default();
            imports.entry(import.to.clone()).or_insert(import);
        }
    }

    /// Returns all imports, sorted by file.
    pub(super) fn imports(&self) -> impl Iterator<Item = &Import> {
        self.0.values().flat_map(BTreeMap::values)
    }

    /// Returns the strongly connected components of more than one file.
    ///
    /// Compares the reach of every pair of files, which is quadratic and takes milliseconds for a few hundred files.
    pub(super) fn circles(&self) -> impl Iterator<Item = BTreeSet<String>> {
        let reach: BTreeMap<&str, BTreeSet<&str>> =
            self.0.keys().map(|file| (file.as_str(), self.reachable(file))).collect();
        let circles: BTreeSet<BTreeSet<String>> = reach
            .iter()
            .map(|(file, reached)| {
                let back = |other: &&str| reach.get(other).is_some_and(|reached| reached.contains(file));
                reached.iter().copied().filter(back).map(str::to_owned).collect()
            })
            .collect();
        circles.into_iter().filter(|circle| circle.len() > 1)
    }

    /// Returns the imports of the shortest loop of three files or more within `circle`. In a circle without one, which
    /// is a chain of pairs, returns all imports of the circle.
    pub(super) fn shortest_loop(&self, circle: &BTreeSet<String>) -> Vec<&Import> {
        let inside: Vec<&Import> = self
            .imports()
            .filter(|import| circle.contains(&import.from) && circle.contains(&import.to))
            .collect();
        let loops = inside.iter().filter_map(|import| {
            let mut imports = vec![*import];
            imports.extend(self.way_back(import, circle)?);
            Some(imports)
        });
        loops.min_by_key(Vec::len).unwrap_or(inside)
    }

    fn imports_of(&self, file: &str) -> impl Iterator<Item = &Import> {
        self.0.get(file).into_iter().flat_map(BTreeMap::values)
    }

    fn reachable(&self, file: &str) -> BTreeSet<&str> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![file]);
        while let Some(file) = open.pop() {
            for import in self.imports_of(file) {
                if reached.insert(import.to.as_str()) {
                    open.push(&import.to);
                }
            }
        }
        reached
    }

    /// Finds the shortest way from the target of `import` back to its source, other than by a single import.
    fn way_back(&self, import: &Import, circle: &BTreeSet<String>) -> Option<Vec<&Import>> {
        let mut arrived_by: BTreeMap<&str, &Import> = BTreeMap::new();
        let mut open = VecDeque::from([import.to.as_str()]);
        while let Some(file) = open.pop_front() {
            let next = self.imports_of(file).filter(|next| {
                let is_direct = next.from == import.to && next.to == import.from;
                circle.contains(&next.to) && next.to != import.to && !is_direct
            });
            for next in next {
                if !arrived_by.contains_key(next.to.as_str()) {
                    arrived_by.insert(&next.to, next);
                    open.push_back(&next.to);
                }
            }
        }
        let mut way = Vec::new();
        let mut file = import.from.as_str();
        while file != import.to {
            let step = arrived_by.get(file)?;
            way.push(*step);
            file = &step.from;
        }
        way.reverse();
        Some(way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(imports: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in imports {
            let declaration = format!("{from} to {to}");
            graph.add(Import { from: (*from).to_owned(), to: (*to).to_owned(), declaration, line: 0 });
        }
        graph
    }

    fn circles(graph: &Graph) -> Vec<Vec<String>> {
        graph.circles().map(|circle| circle.into_iter().collect()).collect()
    }

    #[test]
    fn a_graph_without_loops_has_no_circles() {
        assert_eq!(circles(&graph(&[("a", "b"), ("b", "c"), ("a", "c"), ("a", "a")])), [[""; 0]; 0]);
    }

    #[test]
    fn each_component_is_found_once() {
        let graph = graph(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e"), ("e", "d")]);
        assert_eq!(circles(&graph), [vec!["a", "b", "c"], vec!["d", "e"]]);
    }

    #[test]
    fn the_shortest_loop_of_three_or_more_is_shown() {
        let graph =
            graph(&[("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "a"), ("c", "a"), ("d", "c")]);
        let circle = graph.circles().next().unwrap_or_default();
        let steps: Vec<&str> =
            graph.shortest_loop(&circle).iter().map(|import| import.declaration.as_str()).collect();
        assert_eq!(steps, ["a to b", "b to c", "c to a"]);
    }

    #[test]
    fn all_imports_of_a_chain_of_pairs_are_shown() {
        let graph = graph(&[("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")]);
        let circle = graph.circles().next().unwrap_or_default();
        assert_eq!(graph.shortest_loop(&circle).len(), 4);
    }
}
