//! The output of a model: its files saved by a template, lines for people, JSON for programs.

pub(crate) mod gallery;
pub(crate) mod picture;
pub(crate) mod template;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use fal_client::Client;
use fal_client::storage::{MediaUrl, find_media};
use serde_json::{Value, json};

use crate::failure::Result;
use crate::progress::Progress;
use template::{Facts, Template};

/// A file of an output, saved or not.
pub(crate) struct OutputFile {
    pub(crate) field: String,
    pub(crate) url: String,
    pub(crate) path: Option<PathBuf>,
}

impl OutputFile {
    pub(crate) fn to_json(&self) -> Value {
        json!({"field": self.field, "url": self.url, "path": self.path})
    }
}

/// Returns the files of an output. With a template, they are downloaded.
pub(crate) async fn files(
    client: &Client,
    output: &Value,
    template: Option<&Template>,
    facts: &Facts<'_>,
    progress: Progress,
) -> Result<Vec<OutputFile>> {
    let mut files = Vec::new();
    for (index, MediaUrl { field, url, .. }) in find_media(output).into_iter().enumerate() {
        let path = match template {
            Some(template) => Some(save(client, &url, template, &facts.file(&field, index), progress).await?),
            None => None,
        };
        files.push(OutputFile { field, url, path });
    }
    Ok(files)
}

/// Downloads a file to the path of a template and returns the path.
pub(crate) async fn save(
    client: &Client,
    url: &str,
    template: &Template,
    facts: &template::FileFacts<'_>,
    progress: Progress,
) -> Result<PathBuf> {
    let bar = progress.request(&format!("downloading {}", facts.field));
    let download = client.download(url).await?;
    let extension = download.extension().unwrap_or_else(|| "bin".to_owned());
    let path = match template.path(facts, &extension) {
        template::Target::Folder(folder) => download.save_in(folder, facts.field).await?,
        template::Target::File(path) => {
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let created = tokio::fs::create_dir_all(folder).await;
            created.map_err(|error| {
                crate::failure::Failure::usage(format!("{} cannot be created: {error}", folder.display()))
            })?;
            let path = template::free(path);
            download.save(&path).await?;
            path
        }
    };
    drop(bar);
    Ok(path)
}

/// Prints a line or a JSON object to stdout. A reader that has gone is no failure.
pub(crate) fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).ok();
}

/// Prints an output for people: the paths or URLs of its files, a line each, or else the whole output.
pub(crate) fn print_output(output: &Value, files: &[OutputFile]) {
    for file in files {
        match &file.path {
            Some(path) => print(&path.display().to_string()),
            None => print(&file.url),
        }
    }
    if files.is_empty() {
        match output {
            Value::String(text) => print(text),
            other => print(&serde_json::to_string_pretty(other).unwrap_or_default()),
        }
    }
}
