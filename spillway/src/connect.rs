//! How the tool reaches the parts of a system.

use std::time::Duration;

use anyhow::Context as _;

/// No answer of the loopback takes longer, unless its sender hangs.
const WITHIN: Duration = Duration::from_secs(15);

/// A client for addresses of this machine: no proxy, and no certificates to look for.
///
/// # Errors
/// The client cannot be built.
pub(crate) fn local_http() -> anyhow::Result<reqwest::Client> {
    local().timeout(WITHIN).build().context("cannot make an HTTP client")
}

/// As [`local_http`], for answers that come piece by piece over any time.
///
/// # Errors
/// The client cannot be built.
pub(crate) fn local_streams() -> anyhow::Result<reqwest::Client> {
    local().read_timeout(WITHIN).build().context("cannot make an HTTP client")
}

fn local() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().tls_certs_only([])
}
