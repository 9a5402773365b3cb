//! Reading the properties of a [`File`], wherever its content is.

use std::io::BufReader;

use data_url::DataUrl;
use fal_core::{File, FileLimits, FileSource, file_facts::FileFacts};

/// Reads what is needed for `limits`. Of a file that is online or a reader, nothing is known.
pub(super) fn read(file: &File, limits: &FileLimits) -> FileFacts {
    let is_size_enough = FileLimits { max_bytes: limits.max_bytes, ..FileLimits::NONE } == *limits;
    let of_size = |bytes| FileFacts { bytes: Some(bytes), ..FileFacts::default() };
    let of_content = |data: &[u8]| match is_size_enough {
        true => of_size(u64::try_from(data.len()).unwrap_or(u64::MAX)),
        false => FileFacts::from_bytes(data),
    };
    match file.source() {
        FileSource::Bytes { data, .. } => of_content(data),
        FileSource::Path { path, .. } => {
            // A pipe would wait for a writer.
            let Some(metadata) = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file) else {
                return FileFacts::default();
            };
            match std::fs::File::open(path) {
                Ok(file) if !is_size_enough => FileFacts {
                    bytes: Some(metadata.len()),
                    ..FileFacts::from_header(BufReader::new(file), metadata.len())
                },
                _ => of_size(metadata.len()),
            }
        }
        FileSource::Url(url) => match DataUrl::process(url).map(|url| url.decode_to_vec()) {
            Ok(Ok((data, _))) => of_content(&data),
            _ => FileFacts::default(),
        },
        _ => FileFacts::default(),
    }
}
