//! The public items of generated code. Comparing them finds changes that the schemas do not show: a constant of a default
//! that is gone, a renamed type, or a change of the generator.

use std::collections::BTreeMap;

use quote::ToTokens;
use syn::{Attribute, Fields, File, ImplItem, Item, Type, UseTree, Visibility};

/// The sources of a crate by their paths below `src`.
pub(super) type Sources = BTreeMap<String, String>;

/// The public items of a crate by module and name, each with what code that uses it depends on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Items(BTreeMap<String, BTreeMap<String, String>>);

/// A difference that may stop code from compiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ItemChange {
    /// The name of the item in its module, such as `Input::DEFAULT_SEED`.
    pub(super) name: String,
    /// The change, as a sentence without its full stop.
    pub(super) message: String,
}

impl Items {
    /// Parses the sources of a crate. Sources that are not Rust give an error with their path.
    pub(super) fn parse(sources: &Sources) -> Result<Self, String> {
        let mut items = Self::default();
        let mut private = Vec::new();
        for (path, text) in sources {
            let file: File = syn::parse_file(text).map_err(|error| format!("{path}: {error}"))?;
            let module = module_of(path);
            items.file(&module, &file.items, &mut private);
        }
        items.0.retain(|module, _| {
            !private.iter().any(|hidden| module == hidden || module.starts_with(&format!("{hidden}::")))
        });
        Ok(items)
    }

    /// Returns all modules.
    pub(super) fn modules(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Returns the items of a module that are gone or changed in `new`. Those that follow from a type that is gone, its
    /// members and the items that named it, are left out.
    pub(super) fn broken(&self, module: &str, new: &Self) -> Vec<ItemChange> {
        let (old, new) = (self.of(module), new.of(module));
        let is_gone = |name: &str| old.contains_key(name) && !new.contains_key(name);
        let names_gone = |signature: &str| {
            signature
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| !word.is_empty() && is_gone(word))
        };
        let mut changes = Vec::new();
        for (name, signature) in old.iter().filter(|(name, _)| !owners(name).any(is_gone)) {
            let message = match (new.get(name), name.split_once(": ")) {
                (Some(new), _) if new == signature || names_gone(signature) => continue,
                (Some(_), _) => format!("`{name}` has another type in Rust"),
                (None, Some((ty, name))) => match task(name) {
                    Some(task) => format!("`{ty}` no longer takes part in `{task}`"),
                    None => format!("`{ty}` no longer implements `{}`", compact(name)),
                },
                (None, None) => format!("`{name}` was removed or renamed"),
            };
            changes.push(ItemChange { name: name.clone(), message });
        }
        changes
    }

    /// Returns the names of the items of a module that `old` does not have. The members of a new type are left out.
    pub(super) fn added(&self, module: &str, old: &Self) -> Vec<&str> {
        let (new, old) = (self.of(module), old.of(module));
        let is_new = |name: &str| new.contains_key(name) && !old.contains_key(name);
        let names = new.keys().map(String::as_str);
        names.filter(|name| is_new(name) && !owners(name).any(is_new)).collect()
    }

    /// Returns the items of a module. A module that is not there has none.
    pub(super) fn of(&self, module: &str) -> &BTreeMap<String, String> {
        static NOTHING: BTreeMap<String, String> = BTreeMap::new();
        self.0.get(module).unwrap_or(&NOTHING)
    }

    fn add(&mut self, module: &str, name: impl Into<String>, signature: impl Into<String>) {
        self.0.entry(module.to_owned()).or_default().insert(name.into(), signature.into());
    }

    fn file(&mut self, module: &str, items: &[Item], private: &mut Vec<String>) {
        self.0.entry(module.to_owned()).or_default();
        for item in items {
            self.item(module, item, private);
        }
    }

    fn item(&mut self, module: &str, item: &Item, private: &mut Vec<String>) {
        match item {
            Item::Mod(item) => {
                let name = joined(module, &item.ident.to_string());
                if !is_public(&item.vis) || is_hidden(&item.attrs) {
                    private.push(name);
                } else if let Some((_, items)) = &item.content {
                    self.file(&name, items, private);
                }
            }
            Item::Struct(item) if is_public(&item.vis) => {
                let name = item.ident.to_string();
                self.add_type(module, &name, "struct", &item.attrs);
                self.fields(module, &name, &item.fields, false);
            }
            Item::Enum(item) if is_public(&item.vis) => {
                let name = item.ident.to_string();
                self.add_type(module, &name, "enum", &item.attrs);
                for variant in &item.variants {
                    let name = format!("{name}::{}", variant.ident);
                    self.add(module, &name, variant.fields.members().count().to_string());
                    self.fields(module, &name, &variant.fields, true);
                }
            }
            Item::Type(item) if is_public(&item.vis) => {
                self.add(module, item.ident.to_string(), text(&item.ty));
            }
            Item::Const(item) if is_public(&item.vis) => {
                self.add(module, item.ident.to_string(), text(&item.ty));
            }
            Item::Fn(item) if is_public(&item.vis) => {
                self.add(module, item.sig.ident.to_string(), text(&item.sig));
            }
            Item::Trait(item) if is_public(&item.vis) => self.add(module, item.ident.to_string(), "trait"),
            Item::Use(item) if is_public(&item.vis) => self.reexport(module, &item.tree, ""),
            Item::Impl(item) => self.implementation(module, item),
            // A macro of the runtime, which implements traits for the type that it names first.
            Item::Macro(item) => {
                let path = item.mac.path.segments.last().map(|segment| segment.ident.to_string());
                let path = path.unwrap_or_default();
                let first = item.mac.tokens.clone().into_iter().next().map(|token| token.to_string());
                let first = first.unwrap_or_default();
                self.add(module, format!("{first}: {path}!"), "");
                // Code of older versions wrote these out.
                let get = match path.as_str() {
                    "deserialize_object" => {
                        self.add(module, format!("{first}: Deserialize < 'de >"), "");
                        return;
                    }
                    "closed_enum" => ("as_str", "const fn as_str (& self) -> & 'static str"),
                    "open_enum" => ("as_str", "fn as_str (& self) -> & str"),
                    "integer_enum" => ("get", "const fn get (& self) -> i64"),
                    _ => return,
                };
                self.add(module, format!("{first}::ALL"), "& 'static [Self]");
                self.add(module, format!("{first}::{}", get.0), get.1);
            }
            _ => {}
        }
    }

    /// Adds a type and the traits that it derives.
    fn add_type(&mut self, module: &str, name: &str, kind: &str, attributes: &[Attribute]) {
        let is_open = attributes.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"));
        self.add(module, name, if is_open { format!("open {kind}") } else { kind.to_owned() });
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            let _ = attribute.parse_nested_meta(|derive| {
                self.add(module, format!("{name}: {}", text(&derive.path)), "");
                Ok(())
            });
        }
    }

    fn fields(&mut self, module: &str, owner: &str, fields: &Fields, all_are_public: bool) {
        for (member, field) in fields.members().zip(fields) {
            if all_are_public || is_public(&field.vis) {
                self.add(module, format!("{owner}.{}", text(&member)), text(&field.ty));
            }
        }
    }

    fn reexport(&mut self, module: &str, tree: &UseTree, path: &str) {
        match tree {
            UseTree::Path(tree) => self.reexport(module, &tree.tree, &joined(path, &tree.ident.to_string())),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.reexport(module, tree, path)),
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.add(module, &name, format!("re-export of {}", joined(path, &name)));
            }
            UseTree::Rename(name) => {
                let source = joined(path, &name.ident.to_string());
                self.add(module, name.rename.to_string(), format!("re-export of {source}"));
            }
            UseTree::Glob(_) => self.add(module, format!("{path}::*"), ""),
        }
    }

    fn implementation(&mut self, module: &str, item: &syn::ItemImpl) {
        let Type::Path(ty) = &*item.self_ty else { return };
        let Some(owner) = ty.path.segments.last().map(|segment| segment.ident.to_string()) else { return };
        if let Some((path, _)) = &item.trait_ {
            let name = format!("{owner}: {}", text(path));
            self.add(module, &name, "");
            for item in &item.items {
                if let ImplItem::Type(item) = item {
                    self.add(module, format!("{name}::{}", item.ident), text(&item.ty));
                }
            }
            return;
        }
        for item in &item.items {
            match item {
                ImplItem::Const(item) if is_public(&item.vis) => {
                    self.add(module, format!("{owner}::{}", item.ident), text(&item.ty));
                }
                // The type parameters of a builder say which parameters are set, which the schemas tell better.
                ImplItem::Fn(item) if is_public(&item.vis) => {
                    let of_builder = owner == "Builder" || text(&item.sig.output).contains("Builder");
                    let signature = if of_builder { text(&item.sig.inputs) } else { text(&item.sig) };
                    self.add(module, format!("{owner}::{}", item.sig.ident), signature);
                }
                _ => {}
            }
        }
    }
}

/// Returns the task of a trait as users name it: `task::text_to_image` for `fal_core :: task :: TextToImage`.
fn task(path: &str) -> Option<String> {
    let (_, name) = path.split_once("task :: ")?;
    let mut task = String::from("task::");
    for (index, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            task.push('_');
        }
        task.extend(letter.to_lowercase());
    }
    Some(task)
}

/// Returns the text of tokens without the spaces between them.
pub(super) fn compact(tokens: &str) -> String {
    [
        (" < ", "<"),
        (" >", ">"),
        (" :: ", "::"),
        (" ,", ","),
        ("& ", "&"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
    ]
    .iter()
    .fold(tokens.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Returns the names that a name is part of: `Size` and `Size::Own` for `Size::Own.0`.
fn owners(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices([':', '.']).map(|(end, _)| &name[..end])
}

/// Returns the module of a source file.
fn module_of(path: &str) -> String {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { String::new() } else { path.replace('/', "::") }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("doc")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "hidden")
    })
}

fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const OLD: &str = "
        #[derive(Debug, Clone)] #[non_exhaustive] pub struct Input { pub steps: Option<Steps>, hidden: u8 }
        impl Input { pub const DEFAULT_STEPS: Steps = Steps(28); pub fn validate(&self) -> bool { true } }
        #[derive(Clone, Copy)] #[non_exhaustive] pub enum Size { Small, Own(Custom) }
        pub type Steps = Int<bounds::Steps>;
        impl Streams for Model { type Event = Event; }
        impl fal_core::task::TextToImage for Model {}
        fal_core::closed_enum!(Size, \"text\");
        pub use crate::types::Image;
        #[doc(hidden)] pub mod bounds { pub struct Steps; }
        mod private { pub struct Nobody; }";

    fn items(text: &str) -> Items {
        Items::parse(&Sources::from([("dev.rs".to_owned(), text.to_owned())])).unwrap()
    }

    #[track_caller]
    fn assert_broken(from: &str, to: &str, expected: &[&str]) {
        assert!(OLD.contains(from), "{from}");
        let (old, new) = (items(OLD), items(&OLD.replace(from, to)));
        let broken: Vec<String> = old.broken("dev", &new).into_iter().map(|change| change.message).collect();
        assert_eq!(broken, expected, "{from} to {to}");
    }

    #[test]
    fn code_that_a_macro_writes_now_is_not_gone() {
        let size = "#[derive(Clone, Copy)] #[non_exhaustive] pub enum Size { Small }";
        let written = format!(
            "{size} impl Size {{
                pub const ALL: &'static [Self] = &[Self::Small];
                pub const fn as_str(&self) -> &'static str {{ \"small\" }}
            }}
            fal_core::closed_enum!(Size, \"text\");
            pub struct Input {{}}
            impl<'de> Deserialize<'de> for Input {{}}"
        );
        let macros = format!(
            "{size} fal_core::closed_enum! {{ Size {{ Small = \"small\" }} \"text\" }}
            pub struct Input {{}}
            fal_core::deserialize_object!(Input);"
        );
        let broken = items(&written).broken("dev", &items(&macros));
        assert_eq!(broken, []);
    }

    #[test]
    fn what_code_can_name_or_depend_on_is_compared() {
        assert_broken(
            "pub const DEFAULT_STEPS: Steps = Steps(28);",
            "",
            &["`Input::DEFAULT_STEPS` was removed or renamed"],
        );
        assert_broken(
            "DEFAULT_STEPS: Steps",
            "DEFAULT_STEPS: u8",
            &["`Input::DEFAULT_STEPS` has another type in Rust"],
        );
        assert_broken("Own(Custom)", "Own(Exact)", &["`Size::Own.0` has another type in Rust"]);
        assert_broken("Small, ", "", &["`Size::Small` was removed or renamed"]);
        assert_broken("(Clone, Copy)", "(Clone)", &["`Size` no longer implements `Copy`"]);
        assert_broken(
            "closed_enum",
            "open_enum",
            &["`Size` no longer implements `closed_enum!`", "`Size::as_str` has another type in Rust"],
        );
        assert_broken(
            "pub use crate::types::Image",
            "pub struct Image",
            &["`Image` has another type in Rust"],
        );
        assert_broken(
            "impl Streams for Model { type Event = Event; }",
            "",
            &["`Model` no longer implements `Streams`"],
        );
        assert_broken(
            "impl fal_core::task::TextToImage for Model {}",
            "",
            &["`Model` no longer takes part in `task::text_to_image`"],
        );
        assert_broken(
            "pub type Steps = Int<bounds::Steps>",
            "pub type Steps = f64",
            &["`Steps` has another type in Rust"],
        );
    }

    #[test]
    fn values_bodies_and_what_is_hidden_make_no_difference() {
        assert_broken("Steps(28)", "Steps(30)", &[]);
        assert_broken("{ true }", "{ false }", &[]);
        assert_broken("hidden: u8", "hidden: u16", &[]);
        assert_broken("pub struct Nobody;", "", &[]);
        assert_broken("pub struct Steps;", "pub struct Other;", &[]);
        assert_broken("\"text\"", "\"other\"", &[]);
        assert_broken("Small, ", "Small, Large, ", &[]);
    }

    #[test]
    fn members_of_a_type_that_is_gone_are_left_out() {
        assert_broken("enum Size", "enum Sizes", &["`Size` was removed or renamed"]);
        let (old, new) = (items(OLD), items(&OLD.replace("enum Size", "enum Sizes")));
        assert_eq!(new.added("dev", &old), ["Sizes"]);
    }
}
