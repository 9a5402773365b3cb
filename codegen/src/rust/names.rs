//! Rust names from the names of documents.
//!
//! A name is readable and unique in its namespace. It is never a keyword, or a name that generated code uses.

use std::collections::{BTreeSet, HashMap, HashSet};

/// Keywords that can be written raw, as in `r#type`.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Keywords that cannot be written raw.
const PATH_KEYWORDS: &[&str] = &["_", "crate", "self", "super"];

/// Names of builders other than parameters.
const BUILDER_MEMBERS: &[&str] = &["build", "checking", "extra", "nulls", "optional"];

/// Crates that the modules of literals use, in which every parameter is a type of its name.
const CRATES: &[&str] = &["fal_client", "fal_core"];

/// Modules and files next to the modules of endpoints, and crates, modules and primitive types that generated code uses.
const RESERVED_MODULES: &[&str] = &[
    "alloc",
    "arg",
    "bin",
    "bindings",
    "bool",
    "bounds",
    "char",
    "core",
    "diagnostic",
    "f32",
    "f64",
    "fal_client",
    "fal_core",
    "i128",
    "i16",
    "i32",
    "i64",
    "i8",
    "isize",
    "json",
    "json_schema",
    "lib",
    "main",
    "required",
    "schemars",
    "serde",
    "serde_json",
    "std",
    "str",
    "types",
    "u128",
    "u16",
    "u32",
    "u64",
    "u8",
    "usize",
];

/// Types that generated code uses without a path.
const RESERVED_TYPES: &[&str] = &[
    "BTreeMap",
    "Box",
    "Builder",
    "Check",
    "Cow",
    "Default",
    "Deserialize",
    "Deserializer",
    "Endpoint",
    "Err",
    "Event",
    "File",
    "Float",
    "FnMut",
    "From",
    "Input",
    "Int",
    "Integer",
    "Into",
    "IntoInput",
    "IntoIterator",
    "Length",
    "Map",
    "MapAccess",
    "Model",
    "None",
    "Nullable",
    "Ok",
    "Option",
    "Optional",
    "Output",
    "Param",
    "Parameters",
    "Range",
    "Realtime",
    "Result",
    "Self",
    "Serialize",
    "Serializer",
    "Some",
    "Streams",
    "String",
    "Unset",
    "Value",
    "Vec",
    "Violations",
    "WideInt",
];

/// Type parameters of generated functions, which would hide types of these names.
const TYPE_PARAMETERS: &[&str] = &["A", "D", "M", "S"];

/// Returns true if `name` is a valid package name without capitals.
pub(crate) fn is_crate_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}

/// Crates of the compiler, which a crate of the same name would hide, and keywords, which cargo refuses.
const RESERVED_CRATES: &[&str] = &[
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "incremental",
    "proc_macro",
    "proc-macro",
    "self",
    "std",
    "super",
    "test",
];

/// Returns true for the name of a crate of the compiler, a keyword, or another name that cargo keeps for itself.
pub(crate) fn is_reserved_crate(name: &str) -> bool {
    RESERVED_CRATES.contains(&name) || KEYWORDS.contains(&name) || PATH_KEYWORDS.contains(&name)
}

/// Returns the name of a field and its setter.
#[must_use]
pub fn field(json_name: &str) -> String {
    let name = snake(json_name);
    if [PATH_KEYWORDS, BUILDER_MEMBERS, CRATES].iter().any(|reserved| reserved.contains(&name.as_str())) {
        format!("{name}_")
    } else if KEYWORDS.contains(&name.as_str()) {
        format!("r#{name}")
    } else {
        name
    }
}

/// Returns the name of a module for a segment of an endpoint id, such as `v2_1` for `v2.1` and `_4b` for `4b`.
#[must_use]
pub fn module(segment: &str) -> String {
    let mut name = String::new();
    for c in segment.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c.to_ascii_lowercase()),
            // The compiler warns of two in a row.
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{name}")
    } else if name.is_empty() || name == "_" || is_reserved_module(&name) {
        format!("{name}_")
    } else {
        name
    }
}

fn is_reserved_module(name: &str) -> bool {
    KEYWORDS.contains(&name) || PATH_KEYWORDS.contains(&name) || RESERVED_MODULES.contains(&name)
}

/// Returns the name of a type, in upper camel case.
#[must_use]
pub fn camel(text: &str) -> String {
    let mut name = String::new();
    for word in split_words(text) {
        // Keep two numbers apart.
        if name.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit()) {
            name.push('_');
        }
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            name.push(first.to_ascii_uppercase());
            let rest = letters.as_str();
            // `HD` becomes `Hd`, but `lowPoly` becomes `LowPoly`.
            let is_upper_case = rest.chars().all(|c| !c.is_ascii_lowercase()) && word.len() > 1;
            name.push_str(&if is_upper_case { rest.to_ascii_lowercase() } else { rest.to_owned() });
        }
    }
    name
}

/// Returns the name of an enum variant for a JSON value.
#[must_use]
pub fn variant(value: &str) -> String {
    if let Some((width, height)) = parse_ratio(value) {
        return format!("Ratio{width}x{height}");
    }
    let signed = match value.strip_prefix(['+', '-']) {
        Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("{} {number}", if value.starts_with('+') { "plus" } else { "minus" })
        }
        _ => value.to_owned(),
    };
    match camel(&signed) {
        name if name.is_empty() => if value.is_empty() { "Empty" } else { "Unnamed" }.to_owned(),
        name if name.starts_with(|c: char| c.is_ascii_digit()) => {
            // A number is more readable with a letter, but `_720p` is more readable without.
            let is_number = name.chars().all(|c| c.is_ascii_digit() || c == '_');
            format!("{}{name}", if is_number { "N" } else { "_" })
        }
        name if name == "Self" => "SelfValue".to_owned(),
        name => name,
    }
}

/// Parses an aspect ratio, such as `16:9`.
fn parse_ratio(value: &str) -> Option<(u32, u32)> {
    let (width, height) = value.split_once(':')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

fn snake(text: &str) -> String {
    let name = split_words(text).join("_").to_ascii_lowercase();
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() { format!("_{name}") } else { name }
}

/// Splits a string into runs of letters and digits, and at capitals that start a word.
///
/// Transliterates characters that are not ASCII: `größe` becomes `grosse`.
fn split_words(text: &str) -> Vec<String> {
    let ascii = deunicode::deunicode(text);
    let runs = ascii.split(|c: char| !c.is_ascii_alphanumeric()).flat_map(split_camel_case);
    runs.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Splits a run of letters and digits at capitals that start a word.
fn split_camel_case(run: &str) -> Vec<&str> {
    let bytes = run.as_bytes();
    let mut words = Vec::new();
    let mut start = 0;
    for index in 1..bytes.len() {
        let word_starts = bytes[index - 1].is_ascii_lowercase() && bytes[index].is_ascii_uppercase();
        let acronym_ends = bytes[index].is_ascii_uppercase()
            && bytes[index - 1].is_ascii_uppercase()
            && bytes.get(index + 1).is_some_and(u8::is_ascii_lowercase);
        if word_starts || acronym_ends {
            words.push(&run[start..index]);
            start = index;
        }
    }
    words.push(&run[start..]);
    words
}

/// Returns a unique word for the type parameter and the trait of a required parameter. The type parameter, which is
/// the word with `Slot`, differs from all `types`, because it would hide the type.
pub(crate) fn slot(json_name: &str, types: &[String], taken: &mut BTreeSet<String>) -> String {
    let word = camel(json_name);
    let starts_well = word.starts_with(|c: char| c.is_ascii_alphabetic());
    let word = if starts_well { word } else { format!("P{word}") };
    let mut name = word.clone();
    let mut number = 2;
    while types.contains(&format!("{name}Slot")) || !taken.insert(name.clone()) {
        name = format!("{word}{number}");
        number += 1;
    }
    name
}

/// Returns the names of the types that build a struct.
fn builder_names(ident: &str) -> [String; 2] {
    [format!("{ident}Builder"), format!("{ident}Optional")]
}

/// Makes a valid start of a name: `3d` becomes `N3d`, and an empty name `Unnamed`.
///
/// Fields start with an underscore there, which the pattern of a tuple of that name would hide.
fn with_valid_start(name: &str) -> String {
    match name.chars().next() {
        None => "Unnamed".to_owned(),
        Some(c) if c.is_ascii_digit() => format!("N{name}"),
        Some(_) => name.to_owned(),
    }
}

/// The field of a struct that holds the properties that it does not name. Their types are named after it.
pub(super) const EXTRA: &str = "extra";

/// A set of names that must be unique.
#[derive(Debug, Clone, Default)]
pub(super) struct Namespace {
    names: HashSet<String>,
    /// The next number to try for a name, so that thousands of equal names are numbered in linear time.
    numbers: HashMap<String, usize>,
}

impl Namespace {
    /// Creates a namespace of types, with the names that generated code uses.
    pub(super) fn of_types() -> Self {
        let names = RESERVED_TYPES.iter().chain(TYPE_PARAMETERS).map(|&name| name.to_owned()).collect();
        Self { names, ..Self::default() }
    }

    /// Creates a namespace without any names.
    pub(super) fn empty() -> Self {
        Self::default()
    }

    /// Adds and returns `name`. If it exists, adds `suffix` and then a number to it.
    pub(super) fn take(&mut self, name: &str, suffix: &str) -> String {
        let name = with_valid_start(name);
        if self.names.insert(name.clone()) {
            return name;
        }
        // A second underscore would not be snake case.
        let stem = if name.ends_with('_') { name } else { format!("{name}{suffix}") };
        if self.names.insert(stem.clone()) {
            return stem;
        }
        self.take_numbered(&stem, str::to_owned)
    }

    /// Adds and returns a name of a marker type in the module `bounds`.
    pub(super) fn take_marker(&mut self, name: &str) -> String {
        let name = &with_valid_start(name);
        let marker = |name: &str| format!("bounds::{name}");
        if !RESERVED_TYPES.contains(&name.as_str()) && self.names.insert(marker(name)) {
            return name.clone();
        }
        self.take_numbered(name, marker)
    }

    /// Adds the first of `stem2`, `stem3` and so on that is free, in the form that `key` gives it, and returns it.
    fn take_numbered(&mut self, stem: &str, key: impl Fn(&str) -> String) -> String {
        let number = self.numbers.entry(key(stem)).or_insert(2);
        loop {
            let name = format!("{stem}{number}");
            *number += 1;
            if self.names.insert(key(&name)) {
                return name;
            }
        }
    }

    /// Adds and returns a name of a type that has a marker type of the same name.
    pub(super) fn take_with_marker(&mut self, name: &str, suffix: &str) -> String {
        loop {
            let name = self.take(name, suffix);
            if self.names.insert(format!("bounds::{name}")) {
                return name;
            }
        }
    }

    /// Adds and returns a name as [`take`](Self::take) does, with the names of the builder of such a struct.
    pub(super) fn take_with_builder(&mut self, name: &str, suffix: &str) -> String {
        loop {
            let ident = self.take(name, suffix);
            let mut builder = builder_names(&ident).into_iter();
            if builder.all(|name| self.names.insert(name)) {
                return ident;
            }
        }
    }

    /// Adds the names of the builder of a struct.
    pub(super) fn reserve_builder(&mut self, ident: &str) {
        self.names.extend(builder_names(ident));
    }

    /// Adds a name.
    pub(super) fn reserve(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_have_readable_names() {
        for (value, name) in [
            ("square_hd", "SquareHd"),
            ("landscape_16_9", "Landscape16_9"),
            ("16:9", "Ratio16x9"),
            ("jpeg", "Jpeg"),
            ("HD", "Hd"),
            ("LowPoly", "LowPoly"),
            ("720p", "_720p"),
            ("5", "N5"),
            ("0.5", "N0_5"),
            ("4K Quad", "_4kQuad"),
            ("X264 (.mp4)", "X264Mp4"),
            ("+1", "Plus1"),
            ("-1", "Minus1"),
            ("", "Empty"),
            ("größe", "Grosse"),
            ("{}", "Unnamed"),
            ("self", "SelfValue"),
            ("Gen-2.5-Extreme-Low", "Gen2_5ExtremeLow"),
        ] {
            assert_eq!(variant(value), name, "{value:?}");
        }
    }

    #[test]
    fn fields_and_modules_are_never_keywords() {
        for (json_name, name) in [
            ("prompt", "prompt"),
            ("type", "r#type"),
            ("loop", "r#loop"),
            ("self", "self_"),
            ("extra", "extra_"),
            ("fal_core", "fal_core_"),
            ("TAPose", "ta_pose"),
            ("sdpMLineIndex", "sdp_m_line_index"),
            ("H264_output", "h264_output"),
            ("2d", "_2d"),
        ] {
            assert_eq!(field(json_name), name, "{json_name:?}");
        }
        for (segment, name) in [
            ("image-to-image", "image_to_image"),
            ("v2.1", "v2_1"),
            ("4b", "_4b"),
            ("json;-charset=utf-8", "json_charset_utf_8"),
            ("a--b__c", "a_b_c"),
            ("--", "__"),
            ("move", "move_"),
            ("types", "types_"),
        ] {
            assert_eq!(module(segment), name, "{segment:?}");
        }
    }

    #[test]
    fn names_in_a_namespace_are_unique() {
        let mut names = Namespace::of_types();
        assert_eq!(names.take("OutputFormat", "Value"), "OutputFormat");
        assert_eq!(names.take("OutputFormat", "Value"), "OutputFormatValue");
        assert_eq!(names.take("OutputFormat", "Value"), "OutputFormatValue2");
        assert_eq!(names.take("Option", "Value"), "OptionValue");
        assert_eq!(names.take("3d", "Value"), "N3d");
        assert_eq!(names.take("extra_", "_"), "extra_");
        assert_eq!(names.take("extra_", "_"), "extra_2");
    }

    /// Collects the names that a file of generated code uses without defining them, and those of its type parameters.
    #[derive(Default)]
    struct UsedNames {
        used: BTreeSet<String>,
        defined: BTreeSet<String>,
    }

    impl<'ast> syn::visit::Visit<'ast> for UsedNames {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            let first = path.segments.first().map(|first| first.ident.to_string()).unwrap_or_default();
            self.used.insert(first);
            syn::visit::visit_path(self, path);
        }

        fn visit_use_name(&mut self, name: &'ast syn::UseName) {
            self.used.insert(name.ident.to_string());
        }

        fn visit_type_param(&mut self, parameter: &'ast syn::TypeParam) {
            self.used.insert(parameter.ident.to_string());
            syn::visit::visit_type_param(self, parameter);
        }

        fn visit_item(&mut self, item: &'ast syn::Item) {
            let name = match item {
                syn::Item::Struct(item) => Some(&item.ident),
                syn::Item::Enum(item) => Some(&item.ident),
                syn::Item::Type(item) => Some(&item.ident),
                syn::Item::Trait(item) => Some(&item.ident),
                _ => None,
            };
            self.defined.extend(name.map(ToString::to_string));
            if let syn::Item::Use(item) = item
                && matches!(item.vis, syn::Visibility::Public(_))
            {
                return;
            }
            syn::visit::visit_item(self, item);
        }
    }

    /// Collects the names in lower case that a module beside them would hide.
    #[derive(Default)]
    struct UsedModules(BTreeSet<String>);

    impl UsedModules {
        fn add(&mut self, name: &syn::Ident) {
            let name = name.to_string();
            if name.starts_with(|c: char| c.is_ascii_lowercase()) {
                self.0.insert(name);
            }
        }
    }

    impl<'ast> syn::visit::Visit<'ast> for UsedModules {
        fn visit_type_path(&mut self, path: &'ast syn::TypePath) {
            path.path.segments.first().iter().for_each(|first| self.add(&first.ident));
            syn::visit::visit_type_path(self, path);
        }

        fn visit_path(&mut self, path: &'ast syn::Path) {
            if path.segments.len() > 1 {
                path.segments.first().iter().for_each(|first| self.add(&first.ident));
            }
            syn::visit::visit_path(self, path);
        }

        fn visit_use_path(&mut self, path: &'ast syn::UsePath) {
            self.add(&path.ident);
            syn::visit::visit_use_path(self, path);
        }

        fn visit_use_name(&mut self, name: &'ast syn::UseName) {
            self.add(&name.ident);
        }
    }

    #[test]
    fn every_module_and_primitive_type_that_generated_code_uses_is_reserved() {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut used = UsedModules::default();
        for entry in std::fs::read_dir(golden).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                let file = syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap();
                syn::visit::Visit::visit_file(&mut used, &file);
            }
        }
        // Parts of the paths of other crates, which nothing hides.
        let inner = ["collections", "de", "endpoint", "inline", "media", "shape"];
        used.0.retain(|name| !is_reserved_module(name) && !inner.contains(&name.as_str()));
        assert_eq!(used.0, BTreeSet::new(), "a route of such a name would hide it");
        assert_eq!(
            (module("json"), module("str"), module("Bool")),
            ("json_".into(), "str_".into(), "bool_".into())
        );
    }

    #[test]
    fn every_type_that_generated_code_uses_is_reserved() {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut missing = BTreeSet::new();
        for entry in std::fs::read_dir(golden).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let file = syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let mut names = UsedNames::default();
            syn::visit::Visit::visit_file(&mut names, &file);
            // Type parameters of builders differ from all types by themselves, and shared types are taken in the plan.
            let is_taken =
                |name: &str| name.ends_with("Slot") || matches!(name, "Image" | "ImageSize" | "LIMITS");
            let types = names.used.difference(&names.defined);
            missing.extend(
                types
                    .filter(|name| {
                        let is_reserved =
                            [RESERVED_TYPES, TYPE_PARAMETERS].iter().any(|all| all.contains(&name.as_str()));
                        name.starts_with(|c: char| c.is_ascii_uppercase()) && !is_reserved && !is_taken(name)
                    })
                    .cloned(),
            );
        }
        assert_eq!(missing, BTreeSet::new(), "a component of such a name would hide it");
    }
}
