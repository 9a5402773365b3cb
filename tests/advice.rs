//! Every line of code that pages and compiler messages advise is compiled somewhere.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Collects the files below a folder whose names end like this.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![fal_tests::root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.display().to_string().ends_with(ending) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// Returns the lines of the Rust code of a page.
fn rust_lines(page: &str) -> Vec<&str> {
    let blocks = page.split("\n```rust").skip(1).filter_map(|rest| rest.split_once("\n```"));
    blocks.flat_map(|(code, _)| code.lines().skip(1)).collect()
}

/// Returns the pages of hand-written crates.
fn pages() -> Vec<PathBuf> {
    let root = fal_tests::root();
    let crates = ["fal-cli", "fal-client", "fal-core", "fal-emulator", "fal-fleet", "fal-platform"]
        .map(|name| format!("crates/{name}"));
    let folders = crates.iter().map(String::as_str).chain(["", "codegen"]);
    folders.map(|folder| root.join(folder).join("README.md")).collect()
}

#[test]
fn code_of_every_readme_is_compiled_and_has_no_lines_of_tests() {
    let tests = read(&fal_tests::root().join("tests/lib.rs"));
    for page in pages() {
        let text = read(&page);
        let lines = rust_lines(&text);
        let path = page.strip_prefix(fal_tests::root()).unwrap().display().to_string();
        // With the features that the code needs, the crate can do it itself.
        let own = fs::read_to_string(page.with_file_name("src/lib.rs")).unwrap_or_default();
        let is_compiled = tests.contains(&format!("include_str!(\"../{path}\")"))
            || own.contains("#[doc = include_str!(\"../README.md\")]");
        assert!(
            lines.is_empty() || is_compiled,
            "{path}: include it in tests/lib.rs, which compiles its code"
        );
        let hidden: Vec<_> = lines.iter().filter(|line| line.starts_with("# ") || **line == "#").collect();
        assert!(hidden.is_empty(), "{path} shows lines that only tests need: {hidden:?}");
    }
}

/// `tests/models/calls.rs` compiles and runs the same call.
#[test]
fn pages_of_model_crates_show_whole_programs() {
    let pages = files("crates/models", "/README.md");
    let pages: Vec<_> =
        pages.iter().filter(|page| page.parent() != Some(&fal_tests::root().join("crates/models"))).collect();
    assert!(pages.len() > 50, "{}", pages.len());
    for page in pages {
        let (text, docs) = (read(page), read(&page.with_file_name("src/lib.rs")));
        let lines = rust_lines(&text);
        if lines.is_empty() {
            continue;
        }
        for line in ["#[tokio::main]", "    let client = Client::from_env()?; // FAL_KEY", "    Ok(())"] {
            assert!(lines.contains(&line), "{}: {line}", page.display());
        }
        for line in lines {
            let comment = format!("//! {line}");
            assert!(docs.contains(comment.trim_end()), "{}: src/lib.rs has no line `{line}`", page.display());
        }
    }
}

#[test]
fn reports_of_other_clients_name_the_tests_that_hold_the_answers() {
    let page = read(&fal_tests::root().join("ARCHITECTURE.md"));
    let (_, reports) = page.split_once("\n## Reports of other clients' users\n").unwrap();
    let rows = reports.lines().take_while(|line| !line.starts_with("## "));
    let rows: Vec<_> = rows.filter_map(|row| row.strip_suffix("` |")?.rsplit_once("`: `")).collect();
    assert_eq!(rows.len(), 30);
    for (row, test) in rows {
        let path = row.rsplit('`').next().unwrap();
        let code = read(&fal_tests::root().join("crates/fal-client").join(path));
        assert!(code.contains(&format!("fn {test}(")), "{path} has no test `{test}`");
    }
}

#[test]
fn advice_of_the_compiler_is_compiled() {
    let compiled: String = [files("tests/ui/pass", ".rs"), files("crates/fal-client/src/guide", ".rs")]
        .concat()
        .iter()
        .map(|path| read(path))
        .collect();
    let mut advised = 0;
    for path in [files("crates/fal-core/src", ".rs"), files("crates/fal-client/src", ".rs")].concat() {
        let text = read(&path);
        for note in text.lines().filter_map(|line| line.trim().strip_prefix("note = \"")) {
            for code in note.split('`').skip(1).step_by(2).filter(|code| is_advice(code)) {
                // `File::path(..)` stands for any argument, and `<endpoint>` for any module.
                let stem = code.split("(..").next().unwrap_or(code);
                let stem = stem.split("(<").next().unwrap_or(stem).trim_start_matches("<endpoint>::");
                assert!(compiled.contains(stem), "{}: `{code}` is compiled nowhere", path.display());
                advised += 1;
            }
        }
    }
    assert!(advised >= 10, "{advised}");
}

/// Returns true for code, and false for the name of an item or a file.
fn is_advice(code: &str) -> bool {
    code.contains(['(', '!']) || code.starts_with("fal_")
}
