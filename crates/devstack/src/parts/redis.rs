//! Redis: a cache, so it stores nothing. One that outlived the logs would serve what never was.

use std::path::Path;

use crate::{
    addresses::Addresses,
    home::Home,
    process::{Ready, Spec},
    tools::Tools,
};

/// The process.
pub(crate) fn spec(tools: &Tools, home: &Home, logs: &Path, addresses: &Addresses) -> Spec {
    let port = addresses.redis.port().to_string();
    Spec::new("redis", tools.artifacts.redis(), logs.join("redis.log"))
        .args(["--port", &port, "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .dir(home.scratch())
        .ready(Ready::LogLine("Ready to accept connections".to_owned()))
}
