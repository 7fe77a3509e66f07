//! How the tool reaches the parts of a system.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::Url;

/// No answer of the loopback takes longer, unless its sender hangs.
const WITHIN: Duration = Duration::from_secs(15);

/// Where the system's one door is, as an argument.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct UrlArgs {
    /// The base URL of the system.
    #[arg(long, env = "SPILLWAY_URL", value_name = "URL", default_value = "http://127.0.0.1:8080",
        value_parser = base_url)]
    pub(crate) url: Url,
}

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

/// Parses the base URL of a system over plain HTTP.
pub(crate) fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host());
    url.ok_or_else(|| "give a URL that begins with http://".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_has_a_host_and_needs_no_certificates() {
        assert!(base_url("http://127.0.0.1:8080").is_ok());
        assert!(base_url("http://shop.example/spillway/").is_ok());
        for text in ["", "127.0.0.1:8080", "https://127.0.0.1", "file:///tmp"] {
            assert!(base_url(text).is_err(), "{text}");
        }
    }
}
