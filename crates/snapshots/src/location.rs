//! The place of a library, as it is configured: a folder's path, or a URL.

use std::{fs, path::Path as Folder, sync::Arc};

use object_store::{ObjectStore, local::LocalFileSystem, parse_url_opts, path::Path};
use url::Url;

/// What the environment must say to reach a bucket begins with one of these.
const STORE_VARIABLES: [&str; 1] = ["AWS_"];

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("snapshots cannot be kept in {location}: {reason}")]
pub struct BadLocation {
    location: String,
    reason: String,
}

pub(crate) type Place = (Arc<dyn ObjectStore>, Path);

/// A text with `://` is a URL (`s3://bucket/prefix`, with the `AWS_*` variables of the environment);
/// everything else is a folder, which is made when it is not there.
pub(crate) fn open(location: &str) -> Result<Place, BadLocation> {
    let bad = |reason: String| BadLocation { location: location.to_owned(), reason };
    if !location.contains("://") {
        return folder(Folder::new(location)).map_err(bad);
    }
    let url = Url::parse(location).map_err(|error| bad(error.to_string()))?;
    if url.scheme() == "file" {
        let path = url.to_file_path().map_err(|()| bad("the path is not absolute".to_owned()))?;
        return folder(&path).map_err(bad);
    }
    let variables = std::env::vars()
        .filter(|(name, _)| STORE_VARIABLES.iter().any(|prefix| name.starts_with(prefix)))
        .map(|(name, value)| (name.to_lowercase(), value));
    let (store, path) = parse_url_opts(&url, variables).map_err(|error| bad(error.to_string()))?;
    Ok((store.into(), path))
}

fn folder(path: &Folder) -> Result<Place, String> {
    fs::create_dir_all(path).map_err(|error| error.to_string())?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(|error| error.to_string())?;
    // Without it a crash of the machine may leave an empty file under a published name.
    Ok((Arc::new(store.with_fsync(true)), Path::default()))
}
