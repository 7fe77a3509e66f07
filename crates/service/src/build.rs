//! Which build of which process this is: for `/version`, the logs and the metrics.

use serde::Serialize;

/// Name and version of the running program; made by [`build!`](crate::build!) in its own crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Build {
    /// Name of the process, as in its crate.
    pub name: &'static str,
    /// Version of the crate.
    pub version: &'static str,
    /// Source revision, when the build was told one (`SPILLWAY_REVISION` at compile time).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<&'static str>,
}

/// The [`Build`] of the crate that calls it.
#[macro_export]
macro_rules! build {
    () => {
        $crate::Build {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            revision: option_env!("SPILLWAY_REVISION"),
        }
    };
}
