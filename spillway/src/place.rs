//! Where snapshots are kept, as an argument.

use snapshots::Library;

use crate::exit;

/// The same place as `command-api --snapshots`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PlaceArgs {
    /// Where snapshots of the shards are kept: a folder, or a URL such as s3://bucket/prefix, with
    /// the AWS_* variables of the environment.
    #[arg(long, env = "SNAPSHOTS", value_name = "PLACE",
        value_parser = clap::builder::NonEmptyStringValueParser::new())]
    snapshots: Option<String>,
}

impl PlaceArgs {
    /// The library, where one is given.
    ///
    /// # Errors
    /// A usage error when the place cannot be used.
    pub(crate) fn open(&self) -> anyhow::Result<Option<Library>> {
        let opened = self.snapshots.as_deref().map(Library::open).transpose();
        opened.map_err(|error| exit::usage(error.to_string()))
    }
}
