//! What every stack of this user needs from the machine and the cache.

use crate::{
    artifacts::Artifacts, cache::Cache, error::Error, java::Java, progress::Progress, run_as::RunAs,
};

/// Found once per start, and passed on.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) cache: Cache,
    pub(crate) java: Java,
    pub(crate) artifacts: Artifacts,
    pub(crate) run_as: RunAs,
}

impl Tools {
    /// Finds the JDK and, the first time, fetches the artifacts.
    pub(crate) async fn find(progress: &Progress) -> Result<Self, Error> {
        let cache = Cache::open()?;
        let java = Java::find().await?;
        let artifacts = Artifacts::ensure(&cache, &java, progress).await?;
        Ok(Self { cache, java, artifacts, run_as: RunAs::of_this_machine() })
    }
}
