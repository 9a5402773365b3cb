//! The modules of a crate: the file that each is in, its items and its `use` declarations.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, Block, ImplItem, Item, Meta, Stmt, UseTree, Visibility};

use super::graph::{Graph, Import};
use crate::tidy::files::Files;

/// Longest chain of re-exports that is followed. Globs can import one another in a loop.
const MAX_DEPTH: usize = 16;

/// All modules of a crate. The first is its root.
pub(super) struct Crate {
    modules: Vec<Module>,
}

struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// Names of the items that it defines.
    items: BTreeSet<String>,
    uses: Vec<Use>,
}

/// One path of a `use` declaration. `use a::{b, c}` makes two of them.
struct Use {
    path: Vec<String>,
    /// The name that it brings into scope; `None` for a glob.
    name: Option<String>,
    is_reexport: bool,
    line: usize,
}

impl Crate {
    /// Reads the modules that are reachable from `root`. Files that do not parse have no items: the compiler reports
    /// them better.
    pub(super) fn load(files: &Files, root: &str) -> Self {
        let mut krate = Self { modules: Vec::new() };
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        krate.load_file(files, root, folder, None);
        krate
    }

    /// Returns the imports between the files of this crate.
    pub(super) fn graph(&self) -> Graph {
        let mut graph = Graph::default();
        for (index, module) in self.modules.iter().enumerate() {
            for import in module.uses.iter().filter(|import| !import.is_reexport) {
                if let Some(to) = self.resolve(index, &import.path, 0) {
                    graph.add(Import {
                        from: module.file.clone(),
                        to: to.to_owned(),
                        declaration: import.path.join("::"),
                        line: import.line,
                    });
                }
            }
        }
        graph
    }

    /// Loads a file and its child modules, whose files are in `folder`.
    fn load_file(&mut self, files: &Files, file: &str, folder: &str, parent: Option<usize>) -> Option<usize> {
        let text = files.get(file)?;
        let items = syn::parse_file(text).map(|file| file.items).unwrap_or_default();
        let index = self.add_module(file, parent);
        self.load_items(files, text, &items, folder, index);
        Some(index)
    }

    fn add_module(&mut self, file: &str, parent: Option<usize>) -> usize {
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            uses: Vec::new(),
        });
        self.modules.len() - 1
    }

    fn load_items(&mut self, files: &Files, text: &str, items: &[Item], folder: &str, index: usize) {
        for item in items {
            match item {
                Item::Mod(module) if !is_test_only(&module.attrs) => {
                    let name = module.ident.to_string();
                    let inner = join(folder, name.trim_start_matches("r#"));
                    let child = if let Some((_, items)) = &module.content {
                        let file = self.modules[index].file.clone();
                        let child = self.add_module(&file, Some(index));
                        self.load_items(files, text, items, &inner, child);
                        Some(child)
                    } else {
                        self.load_declared(files, &module.attrs, folder, &inner, index)
                    };
                    if let Some(child) = child {
                        self.modules[index].children.insert(name, child);
                    }
                }
                Item::Use(declaration) if !is_test_only(&declaration.attrs) => {
                    let is_reexport = !matches!(declaration.vis, Visibility::Inherited);
                    self.add_use(text, &declaration.tree, is_reexport, index);
                }
                Item::Fn(function) if !is_test_only(&function.attrs) => {
                    self.modules[index].items.insert(function.sig.ident.to_string());
                    self.load_block(text, &function.block, index);
                }
                Item::Impl(block) if !is_test_only(&block.attrs) => {
                    for item in &block.items {
                        if let ImplItem::Fn(method) = item {
                            self.load_block(text, &method.block, index);
                        }
                    }
                }
                item => self.modules[index].items.extend(name_of(item)),
            }
        }
    }

    /// Loads the file of `mod name;`.
    fn load_declared(
        &mut self,
        files: &Files,
        attributes: &[Attribute],
        folder: &str,
        inner: &str,
        index: usize,
    ) -> Option<usize> {
        if let Some(path) = path_attribute(attributes) {
            // Relative to the folder of the file that declares the module.
            let beside = self.modules[index].file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let file = resolve_dots(&join(beside, &path));
            return self.load_file(files, &file, folder, Some(index));
        }
        let file =
            [format!("{inner}.rs"), format!("{inner}/mod.rs")].into_iter().find(|file| files.has(file))?;
        self.load_file(files, &file, inner, Some(index))
    }

    /// Loads the `use` declarations at the top of a function.
    fn load_block(&mut self, text: &str, block: &Block, index: usize) {
        for statement in &block.stmts {
            if let Stmt::Item(Item::Use(declaration)) = statement {
                self.add_use(text, &declaration.tree, false, index);
            }
        }
    }

    fn add_use(&mut self, text: &str, tree: &UseTree, is_reexport: bool, index: usize) {
        let mut leaves = Vec::new();
        flatten(tree, &[], &mut leaves);
        let line = line_of(text, &leaves);
        let uses = leaves.into_iter().map(|(path, name)| Use { path, name, is_reexport, line });
        self.modules[index].uses.extend(uses);
    }

    /// Returns the file that defines what `path` names in a module. `None` for items of other crates.
    fn resolve(&self, module: usize, path: &[String], depth: usize) -> Option<&str> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut module = module;
        for (index, segment) in path.iter().enumerate() {
            match segment.as_str() {
                "crate" => module = 0,
                "self" => {}
                "super" => module = self.modules[module].parent?,
                name => match self.modules[module].children.get(name) {
                    Some(child) => module = *child,
                    None => return self.resolve_item(module, &path[index..], depth),
                },
            }
        }
        Some(&self.modules[module].file)
    }

    /// Resolves a path whose first segment is no child module: an item, or a name that a `use` brings into scope.
    fn resolve_item(&self, module: usize, path: &[String], depth: usize) -> Option<&str> {
        let (name, rest) = path.split_first()?;
        let Module { file, items, uses, .. } = &self.modules[module];
        if items.contains(name) {
            return Some(file);
        }
        let named = uses.iter().filter(|import| import.name.as_ref() == Some(name) && import.path != path);
        let mut through = named.map(|import| [&import.path, rest].concat());
        if let Some(file) = through.find_map(|path| self.resolve(module, &path, depth + 1)) {
            return Some(file);
        }
        let globs = uses.iter().filter(|import| import.name.is_none());
        globs
            .filter(|import| is_local(self, module, &import.path))
            .find_map(|import| self.resolve(module, &[&import.path, path].concat(), depth + 1))
    }
}

/// Returns true if a glob names a module of this crate.
fn is_local(krate: &Crate, module: usize, path: &[String]) -> bool {
    path.first().is_some_and(|first| {
        ["crate", "self", "super"].contains(&first.as_str())
            || krate.modules[module].children.contains_key(first)
    })
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

fn resolve_dots(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// Lists the paths of a `use` tree, each with the name that it brings into scope.
fn flatten(tree: &UseTree, before: &[String], leaves: &mut Vec<(Vec<String>, Option<String>)>) {
    let with = |name: String| [before, &[name]].concat();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &with(path.ident.to_string()), leaves),
        UseTree::Name(name) if name.ident == "self" => leaves.push((before.to_vec(), before.last().cloned())),
        UseTree::Name(name) => leaves.push((with(name.ident.to_string()), Some(name.ident.to_string()))),
        UseTree::Rename(rename) if rename.ident == "self" => {
            leaves.push((before.to_vec(), Some(rename.rename.to_string())));
        }
        UseTree::Rename(rename) => {
            leaves.push((with(rename.ident.to_string()), Some(rename.rename.to_string())));
        }
        UseTree::Glob(_) => leaves.push((before.to_vec(), None)),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, leaves)),
    }
}

/// Returns the index of the line where the declaration with these leaves starts.
///
/// Spans would tell, but `proc-macro2` keeps their lines only with a feature that would slow the generator down, which
/// is compiled into the same program.
fn line_of(text: &str, leaves: &[(Vec<String>, Option<String>)]) -> usize {
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let code = line.trim_start();
        if code.starts_with("use ") || (code.starts_with("pub") && code.contains("use ")) {
            let declaration = text[start..].split_inclusive(';').next().unwrap_or_default();
            let mut found = Vec::new();
            if let Ok(Item::Use(declaration)) = syn::parse_str(declaration) {
                flatten(&declaration.tree, &[], &mut found);
            }
            if found == leaves {
                return index;
            }
        }
        start += line.len();
    }
    0
}

fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.any(|word| word == "test") && !condition.contains("not")
        }
        _ => false,
    })
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(literal) => match &literal.lit {
                syn::Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

/// Returns the name that an item defines, if it defines one.
fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
