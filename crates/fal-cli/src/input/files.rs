//! Local files, and the media that another command wrote to stdin.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use fal_client::storage::{broken_limits, find_media};
use fal_client::{Client, File};
use ring::digest::{Context, SHA256};
use serde_json::Value;

use crate::failure::{Failure, Result as CommandResult};
use crate::model::{Parameter, file_limits};
use crate::progress::Progress;

/// A file to upload.
#[derive(Debug, Clone)]
pub(crate) struct LocalFile {
    source: Source,
    size: u64,
}

#[derive(Debug, Clone)]
enum Source {
    Path(PathBuf),
    /// The content of stdin.
    Content(Bytes),
}

impl LocalFile {
    /// Opens a file to see that it can be read. `-` is stdin.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        if path.as_os_str() == "-" {
            let content = Bytes::from(read_stdin()?);
            let size = content.len() as u64;
            return match size {
                0 => Err("stdin is empty".to_owned()),
                _ => Ok(Self { source: Source::Content(content), size }),
            };
        }
        let cannot = |problem: &dyn std::fmt::Display| {
            format!("the file {} cannot be read: {problem}", path.display())
        };
        let metadata =
            std::fs::File::open(path).and_then(|file| file.metadata()).map_err(|error| cannot(&error))?;
        match metadata.is_file() {
            true => Ok(Self { source: Source::Path(path.to_owned()), size: metadata.len() }),
            false => Err(cannot(&"it is no file")),
        }
    }

    /// Returns the name, for people.
    pub(crate) fn name(&self) -> String {
        match &self.source {
            Source::Path(path) => path.display().to_string(),
            Source::Content(_) => "stdin".to_owned(),
        }
    }

    /// Returns the SHA-256 of the content, as hexadecimal text.
    #[cfg_attr(not(feature = "fleet"), expect(dead_code, reason = "batches in a database use it"))]
    pub(crate) fn sha256(&self) -> CommandResult<String> {
        let mut context = Context::new(&SHA256);
        match &self.source {
            Source::Content(content) => context.update(content),
            Source::Path(path) => {
                let failed = |error| Failure::usage(format!("{}: {error}", path.display()));
                let mut file = std::fs::File::open(path).map_err(failed)?;
                let mut buffer = vec![0; 64 << 10];
                loop {
                    match file.read(&mut buffer).map_err(failed)? {
                        0 => break,
                        length => context.update(buffer.get(..length).unwrap_or_default()),
                    }
                }
            }
        }
        Ok(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Returns a line for each limit of a parameter that the file breaks.
    fn problems(&self, parameter: &Parameter) -> Vec<String> {
        let (name, file) = (&parameter.name, self.name());
        if self.size == 0 {
            return vec![format!("{name}: {file} is empty")];
        }
        let broken = broken_limits(vec![self.to_file()], file_limits::parse(&parameter.limits));
        broken
            .into_iter()
            .map(|problem| format!("{name}: {}", problem.replacen("the file", &file, 1)))
            .collect()
    }

    pub(super) fn to_file(&self) -> File {
        match &self.source {
            Source::Path(path) => File::path(path),
            Source::Content(content) => File::bytes(content.clone(), "application/octet-stream"),
        }
    }

    /// Uploads the file and returns its URL.
    pub(crate) async fn upload(&self, client: &Client, progress: &Progress) -> CommandResult<String> {
        let bar = progress.bytes(&format!("uploading {}", self.name()), Some(self.size));
        let uploaded =
            client.upload(self.to_file()).on_progress(move |progress| bar.set(progress.done())).await?;
        Ok(uploaded.as_url().unwrap_or_default().to_owned())
    }
}

/// Returns a line for each limit of the parameters that the files break, alone or together.
pub(super) fn problems(files: &[(String, LocalFile)], parameters: &[Parameter]) -> Vec<String> {
    let mut lines = Vec::new();
    for parameter in parameters {
        let own = files.iter().filter(|(pointer, _)| is_below(pointer, &parameter.name));
        let own: Vec<&LocalFile> = own.map(|(_, file)| file).collect();
        lines.extend(own.iter().flat_map(|file| file.problems(parameter)));
        if own.len() > 1 {
            let combined = file_limits::parse(&parameter.limits["combined"]);
            let broken = broken_limits(own.iter().map(|file| file.to_file()).collect(), combined);
            lines.extend(broken.iter().map(|problem| format!("{}: {problem}", parameter.name)));
        }
    }
    lines
}

/// Returns true if a JSON Pointer leads to the parameter `name` or into it.
fn is_below(pointer: &str, name: &str) -> bool {
    pointer.split('/').nth(1) == Some(name)
}

/// A file of another model.
pub(super) enum Media {
    Url(String),
    File(LocalFile),
}

/// Reads the media that another command wrote to stdin: the JSON of `run --json`, or URLs and paths, a line each.
pub(super) fn media_from_stdin() -> Result<Vec<Media>, String> {
    let text = String::from_utf8(read_stdin()?).map_err(|_| {
        "stdin is neither JSON nor lines of URLs and paths; write name=@- for the content of a file"
            .to_owned()
    })?;
    let media = match serde_json::from_str::<Value>(&text) {
        Ok(output) => find_media(output.get("output").unwrap_or(&output))
            .into_iter()
            .map(|media| Ok(Media::Url(media.url)))
            .collect(),
        Err(_) => text.lines().map(str::trim).filter(|line| !line.is_empty()).map(media_of_line).collect(),
    };
    let media: Result<Vec<Media>, String> = media;
    match media {
        Ok(media) if media.is_empty() => Err("stdin names no file".to_owned()),
        other => other,
    }
}

fn media_of_line(line: &str) -> Result<Media, String> {
    match line.contains("://") || line.starts_with("data:") {
        true => Ok(Media::Url(line.to_owned())),
        false => LocalFile::open(Path::new(line)).map(Media::File),
    }
}

/// Reads a file as text. `-` is stdin.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let content = match path.as_os_str() == "-" {
        true => read_stdin()?,
        false => std::fs::read(path).map_err(|error| format!("the file {shown} cannot be read: {error}"))?,
    };
    String::from_utf8(content).map_err(|_| format!("{shown} is not text in UTF-8"))
}

/// Reads stdin, which can be done once.
fn read_stdin() -> Result<Vec<u8>, String> {
    static IS_READ: Mutex<bool> = Mutex::new(false);
    let mut is_read = IS_READ.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::replace(&mut *is_read, true) {
        return Err("stdin is read by another parameter already".to_owned());
    }
    let mut content = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut content)
        .map_err(|error| format!("stdin cannot be read: {error}"))?;
    Ok(content)
}
