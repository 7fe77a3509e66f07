//! The schema registry: Apicurio with its Confluent-compatible interface, stored in the stack's
//! PostgreSQL. Its ids stand in every event, so they must live as long as the events do.

use std::{path::Path, time::Duration};

use http::Method;

use crate::{
    addresses::Addresses,
    classes::Classes,
    error::Error,
    home::Home,
    http::send,
    java,
    options::Load,
    parts::postgres,
    process::{Ready, Spec, StopSignal},
    tools::Tools,
};

const HEAP_MIB: u32 = 128;
const START_WITHIN: Duration = Duration::from_secs(180);
const GRACE: Duration = Duration::from_secs(20);

/// The process.
pub(crate) fn spec(
    tools: &Tools,
    classes: &Classes,
    home: &Home,
    logs: &Path,
    addresses: &Addresses,
) -> Result<Spec, Error> {
    let settings = [
        ("java.io.tmpdir", home.scratch().display().to_string()),
        ("quarkus.http.host", "127.0.0.1".to_owned()),
        ("quarkus.http.port", addresses.registry.port().to_string()),
        ("apicurio.storage.kind", "sql".to_owned()),
        ("apicurio.storage.sql.kind", "postgresql".to_owned()),
        (
            "apicurio.datasource.url",
            format!(
                "jdbc:postgresql://127.0.0.1:{}/{}",
                addresses.postgres.port(),
                postgres::REGISTRY
            ),
        ),
        ("apicurio.datasource.username", "postgres".to_owned()),
        ("apicurio.datasource.jdbc.initial-size", "1".to_owned()),
        ("apicurio.datasource.jdbc.min-size", "1".to_owned()),
        ("apicurio.datasource.jdbc.max-size", "5".to_owned()),
    ];
    let spec = Spec::new("registry", &tools.java.java, logs.join("registry.log"))
        .args(java::flags(Load::Light, HEAP_MIB))
        .args(classes.flag("registry"))
        .args(settings.map(|(name, value)| format!("-D{name}={value}")))
        .arg("-jar")
        .arg(tools.artifacts.registry_jar()?)
        .dir(home.scratch())
        .ready(Ready::Http(format!("{}/subjects", addresses.registry_url())))
        .start_within(START_WITHIN)
        .stop(StopSignal::Terminate, GRACE);
    Ok(spec)
}

/// Sets the compatibility that every subject has unless it is told otherwise. The registry's own
/// default is none at all.
pub(crate) async fn set_compatibility(addresses: &Addresses) -> Result<(), Error> {
    let url = format!("{}/config", addresses.registry_url());
    let level = r#"{"compatibility":"FULL_TRANSITIVE"}"#;
    let (status, body) = send(Method::PUT, &url, Some(level)).await?;
    if status.is_success() {
        return Ok(());
    }
    let why = format!("{status}: {}", String::from_utf8_lossy(&body));
    Err(Error::Http { method: Method::PUT, url, why })
}
