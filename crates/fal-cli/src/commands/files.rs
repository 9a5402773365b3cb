//! `fal-cli upload` and `fal-cli download`.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::arguments::{DownloadArguments, UploadArguments};
use crate::failure::{Failure, Result};
use crate::input::LocalFile;
use crate::output::template::{Facts, Template};
use crate::output::{self, print};
use crate::progress::Progress;
use crate::session::Session;

pub(super) async fn upload(session: &Session, arguments: &UploadArguments) -> Result<ExitCode> {
    // Every unreadable file is reported before the first upload.
    let (mut files, mut mistakes) = (Vec::new(), Vec::new());
    for path in &arguments.files {
        match LocalFile::open(path) {
            Ok(file) => files.push(file),
            Err(problem) => mistakes.push(problem),
        }
    }
    if !mistakes.is_empty() {
        return Err(Failure::mistakes(mistakes));
    }
    let client = session.client().await?;
    let progress = Progress::new(session.global.quiet, session.global.json);
    let mut uploaded = Vec::new();
    for file in files {
        let url = file.upload(client, &progress).await?;
        if !session.global.json {
            print(&url);
        }
        uploaded.push(json!({"name": file.name(), "url": url}));
    }
    if session.global.json {
        print(&json!({"files": uploaded}).to_string());
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn download(session: &Session, arguments: &DownloadArguments) -> Result<ExitCode> {
    let template = Template::parse(&arguments.output, &[])?;
    let client = session.client().await?;
    let progress = Progress::new(session.global.quiet, session.global.json);
    let null = Value::Null;
    let facts = Facts { model: "download", request: "none", input: &null, output: &null, row: None };
    let mut saved = Vec::new();
    for (index, url) in arguments.urls.iter().enumerate() {
        let name = stem(url);
        let path = output::save(client, url, &template, &facts.file(&name, index), progress).await?;
        if !session.global.json {
            print(&path.display().to_string());
        }
        saved.push(json!({"url": url, "path": path}));
    }
    if session.global.json {
        print(&json!({"files": saved}).to_string());
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the name of a file in its URL, without its extension.
fn stem(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    if stem.is_empty() || url.starts_with("data:") { "file".to_owned() } else { stem.to_owned() }
}
