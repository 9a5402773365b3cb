//! The place where workers save the files of outputs.

mod name;
mod sidecar;

use std::{env, fmt, path::Path as FilePath, sync::Arc};

use fal_client::{
    Client,
    storage::{Download, MediaUrl, NameTemplate, find_media},
};
use object_store::{
    Attribute, Attributes, ObjectStore, ObjectStoreExt, buffered::BufWriter, local::LocalFileSystem,
    path::Path,
};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use url::Url;

use self::name::NameFacts;
use crate::{
    Error, ErrorKind, MediaFile, Result,
    ledger::{Ledger, MediaPlace, Unsaved},
};

/// The largest content that is sent to a store at once, in bytes. S3 refuses smaller parts of a larger file.
const PART: usize = 5 << 20;

/// The prefixes of the variables that configure stores.
const VARIABLES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];

/// The place where workers save the files of outputs, and the names under which they do. With the feature `media`.
///
/// A file gets a description beside it, such as `tom-0.png.json`: the batch, the key, the endpoint, the input, the seed, the
/// request id, the cost, and the time.
///
/// ```no_run
/// use fal_client::{Client, untyped::Any};
/// use fal_fleet::{Fleet, MediaStore};
///
/// # async fn example(fleet: Fleet) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let media = MediaStore::open("s3://renders/2026", "{batch}/{key}-{index}.{ext}")?; // With the feature `s3`.
/// fleet.worker(Client::from_env()?).save_media(media).run::<Any, _>(async |done| {
///     for file in done.media() {
///         println!("{}: {:?}", done.key(), file.location);
///     }
///     Ok(())
/// }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MediaStore {
    store: Arc<dyn ObjectStore>,
    /// The folder in the store.
    folder: Path,
    /// The URL of the folder, without a slash at the end.
    location: String,
    template: NameTemplate,
    is_local: bool,
    hosts: Option<Vec<String>>,
    max_bytes: Option<u64>,
}

impl MediaStore {
    /// Opens a store by its URL, or a local folder by its path.
    ///
    /// | URL | Feature | Settings |
    /// |---|---|---|
    /// | `out/cats`, `file:///srv/cats` | | |
    /// | `s3://bucket/folder` | `s3` | `AWS_ACCESS_KEY_ID`, `AWS_REGION`, `AWS_ENDPOINT` … |
    /// | `gs://bucket/folder` | `gcs` | `GOOGLE_SERVICE_ACCOUNT` … |
    /// | `az://container/folder` | `azure` | `AZURE_STORAGE_ACCOUNT_NAME`, `AZURE_STORAGE_ACCOUNT_KEY` … |
    ///
    /// Settings are variables of the environment, those of the crate [`object_store`]. A folder is created with its first file.
    ///
    /// `template` is the name of a file in the store. Its places are `{batch}`, `{key}`, `{model}` (the endpoint), `{request}`
    /// (the id at fal), `{name}` (the place in the output, such as `images-0`), `{index}` (the number of the file in the
    /// output, from 0), `{ext}`, `{seed}`, and `{input.…}` for any parameter of the input, such as `{input.prompt}`. A fact that
    /// a request does not have is `none`. Values lose all characters that could lead to another folder. If a name is taken, in
    /// capitals or not, the request id is appended.
    ///
    /// # Errors
    ///
    /// `Config` if the URL is invalid or needs a feature that is off, or the template has an unknown place or leads out of the
    /// folder.
    pub fn open(location: &str, template: &str) -> Result<Self> {
        if !location.contains("://") {
            return Self::local(FilePath::new(location), template);
        }
        let mut url = Url::parse(location)
            .map_err(|error| Error::config(format!("the URL of the media store is invalid: {error}")))?;
        if let Ok(path) = url.to_file_path() {
            return Self::local(&path, template);
        }
        // No store reads them, and they must not become part of locations and errors.
        url.set_query(None);
        let _ = url.set_password(None);
        let variables = env::vars_os().filter_map(|(name, value)| {
            let name =
                name.into_string().ok().filter(|name| VARIABLES.iter().any(|known| name.starts_with(known)));
            Some((name?, value.into_string().ok()?))
        });
        let (store, folder) = object_store::parse_url_opts(&url, variables).map_err(|error| {
            Error::config(format!(
                "the media store `{}://…` cannot be opened: {error}; `s3`, `gcs` and `azure` are features of fal-fleet",
                url.scheme()
            ))
        })?;
        Self::with_folder(Arc::from(store), folder, url.as_str(), template)
    }

    /// Uses a store of the application, of the crate [`object_store`]. `location` is its URL, to which the names of files are
    /// appended; fleets with one database take stores with one location for the same.
    ///
    /// # Errors
    ///
    /// `Config` if the template has an unknown place or leads out of the store.
    pub fn with_store(store: Arc<dyn ObjectStore>, location: &str, template: &str) -> Result<Self> {
        Self::with_folder(store, Path::default(), location, template)
    }

    fn local(folder: &FilePath, template: &str) -> Result<Self> {
        let invalid =
            |error: &dyn fmt::Display| Error::config(format!("the folder {}: {error}", folder.display()));
        let absolute = std::path::absolute(folder).map_err(|error| invalid(&error))?;
        let path = Path::from_absolute_path(&absolute).map_err(|error| invalid(&error))?;
        let url = Url::from_directory_path(&absolute).map_err(|()| invalid(&"the path has no URL"))?;
        // The database says that a file is saved, so that must be true after a crash.
        let store = LocalFileSystem::new().with_fsync(true);
        let media = Self::with_folder(Arc::new(store), path, url.as_str(), template)?;
        Ok(Self { is_local: true, ..media })
    }

    fn with_folder(
        store: Arc<dyn ObjectStore>,
        folder: Path,
        location: &str,
        template: &str,
    ) -> Result<Self> {
        let template = name::parse(template)?;
        let location = location.trim_end_matches('/').to_owned();
        Ok(Self { store, folder, location, template, is_local: false, hosts: None, max_bytes: None })
    }

    /// Fetches files only from these hosts and their subdomains, such as `["fal.media"]`. By default from any host.
    ///
    /// An output may contain URLs that its user chose, and those can point into the network of the worker.
    #[must_use]
    pub fn hosts(mut self, hosts: impl IntoIterator<Item: Into<String>>) -> Self {
        self.hosts = Some(hosts.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the largest size of a file, in bytes. A larger one is not saved, and the handler gets the reason. No limit by
    /// default.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Saves all files of an output, and returns their locations. Files that were saved before are replaced by the same.
    pub(crate) async fn save(
        &self,
        ledger: &Ledger,
        client: &Client,
        unsaved: &Unsaved,
    ) -> Result<Vec<MediaFile>> {
        let output: Value = parse("output", &unsaved.collected.output)?;
        let input: Value = parse("input", &unsaved.collected.input)?;
        let mut files = Vec::new();
        for (index, media) in find_media(&output).into_iter().enumerate() {
            let facts = NameFacts { unsaved, input: &input, output: &output, field: &media.field, index };
            files.push(self.save_file(ledger, client, &media, &facts).await?);
        }
        Ok(files)
    }

    async fn save_file(
        &self,
        ledger: &Ledger,
        client: &Client,
        media: &MediaUrl,
        facts: &NameFacts<'_>,
    ) -> Result<MediaFile> {
        let mut request = client.download(media.url.as_str());
        if let Some(hosts) = &self.hosts {
            request = request.hosts(hosts);
        }
        if let Some(bytes) = self.max_bytes {
            request = request.max_bytes(bytes);
        }
        let mut file = MediaFile {
            field: media.field.clone(),
            location: None,
            bytes: None,
            content_type: None,
            error: None,
        };
        let saved = match request.await {
            Ok(download) => {
                file.content_type = download.content_type().map(str::to_owned);
                self.write(ledger, download, facts, &mut file).await
            }
            Err(error) => Err(error.into()),
        };
        match saved {
            Ok(()) => Ok(file),
            Err(SaveError::Download(error)) if is_lost(&error, facts.unsaved.age) => {
                Ok(MediaFile { error: Some(error.to_string().replace('\0', "")), ..file })
            }
            Err(SaveError::Download(error)) => Err(error.into()),
            Err(SaveError::Other(error)) => Err(error),
        }
    }

    async fn write(
        &self,
        ledger: &Ledger,
        download: Download,
        facts: &NameFacts<'_>,
        file: &mut MediaFile,
    ) -> Result<(), SaveError> {
        let extension = download.extension().unwrap_or_else(|| "bin".to_owned());
        let name = self.take_name(ledger, facts, &extension).await?;
        let path = self.path(&name)?;
        let mut writer = BufWriter::with_capacity(self.store.clone(), path, PART).with_max_concurrency(1);
        // Local files have no attributes, and object_store refuses them.
        if let Some(content_type) = file.content_type.clone().filter(|_| !self.is_local) {
            writer = writer.with_attributes(Attributes::from_iter([(Attribute::ContentType, content_type)]));
        }
        let bytes = match copy(download, &mut writer).await {
            Ok(bytes) => bytes,
            Err(error) => {
                // Parts that are left over are removed by the rules of the bucket.
                let _ = writer.abort().await;
                return Err(error);
            }
        };
        writer.shutdown().await.map_err(|error| SaveError::Other(self.failed(&name, &error)))?;
        file.bytes = Some(bytes);
        file.location = Some(self.url(&name));
        let description = sidecar::describe(facts, file);
        self.store
            .put(&self.path(&format!("{name}.json"))?, description.into())
            .await
            .map_err(|error| SaveError::Other(self.failed(&name, &error)))?;
        Ok(())
    }

    /// Returns the name that an earlier attempt has taken, or takes one that no other file has.
    async fn take_name(&self, ledger: &Ledger, facts: &NameFacts<'_>, extension: &str) -> Result<String> {
        let index = i32::try_from(facts.index).unwrap_or(i32::MAX);
        let place = MediaPlace { store: &self.location, held: facts.unsaved.collected.held, index };
        if let Some(name) = ledger.media_name(place).await? {
            return Ok(name);
        }
        for name in name::candidates(&self.template, facts, extension) {
            let is_free = match self.store.head(&self.path(&name)?).await {
                Ok(_) => false,
                Err(object_store::Error::NotFound { .. }) => true,
                Err(error) => return Err(self.failed(&name, &error)),
            };
            if is_free && ledger.take_media_name(place, &name).await? {
                return Ok(name);
            }
        }
        let message = format!("{} has a file of another owner under each name of a file", self.location);
        Err(Error::new(ErrorKind::Media, message))
    }

    fn path(&self, name: &str) -> Result<Path> {
        let folder = &self.folder;
        let text = if folder.as_ref().is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        Path::parse(&text).map_err(|error| self.failed(name, &error))
    }

    /// Returns the URL of a file. Names may have spaces and letters that a URL does not have.
    fn url(&self, name: &str) -> String {
        let plain = format!("{}/{name}", self.location);
        match Url::parse(&self.location) {
            Ok(mut url) => {
                let is_extended = url.path_segments_mut().map(|mut path| {
                    path.pop_if_empty().extend(name.split('/'));
                });
                is_extended.map_or(plain, |()| url.to_string())
            }
            Err(_) => plain,
        }
    }

    fn failed(&self, name: &str, error: &dyn fmt::Display) -> Error {
        Error::new(ErrorKind::Media, format!("{}/{name} cannot be saved: {error}", self.location))
    }
}

/// A failure to save a file.
enum SaveError {
    Download(fal_client::Error),
    Other(Error),
}

impl From<fal_client::Error> for SaveError {
    fn from(error: fal_client::Error) -> Self {
        Self::Download(error)
    }
}

impl From<Error> for SaveError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Copies a download piece by piece, so that a film does not have to fit into memory. Returns the number of bytes.
async fn copy(download: Download, writer: &mut BufWriter) -> Result<u64, SaveError> {
    let mut chunks = download.chunks();
    let mut bytes = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        bytes += u64::try_from(chunk.len()).unwrap_or(0);
        writer.put(chunk).await.map_err(|error| {
            Error::new(ErrorKind::Media, format!("a file cannot be written to the media store: {error}"))
        })?;
    }
    Ok(bytes)
}

/// The age of an output from which on a file that its server refuses is given up.
const REFUSED: std::time::Duration = std::time::Duration::from_secs(3600);

/// Returns true if no later attempt can fetch the file.
fn is_lost(error: &fal_client::Error, age: std::time::Duration) -> bool {
    let is_refusal = |status: http::StatusCode| match status.as_u16() {
        404 | 410 => true,
        408 | 425 | 429 => false,
        _ => status.is_client_error() && age > REFUSED,
    };
    error.is_file() || error.is_too_large() || error.status().is_some_and(is_refusal)
}

fn parse(of: &str, json: &str) -> Result<Value> {
    serde_json::from_str(json).map_err(|error| {
        Error::new(ErrorKind::Database, format!("an {of} of the ledger is not JSON: {error}"))
    })
}

impl fmt::Debug for MediaStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaStore")
            .field("location", &self.location)
            .field("template", &self.template)
            .finish_non_exhaustive()
    }
}
