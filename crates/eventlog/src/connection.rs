//! Where the brokers are and how to reach them safely; nothing else is open to configuration.

use rdkafka::ClientConfig;

/// Name prefixes of the properties that a deployment may set: how to authenticate and encrypt.
/// Everything else is fixed in `settings`, because the log protocol depends on it.
const OPEN_PREFIXES: [&str; 4] = ["security.", "ssl.", "sasl.", "enable.ssl."];

/// Where the brokers are and how to reach them safely.
#[derive(Clone)]
pub struct Connection {
    bootstrap_servers: String,
    security: Vec<(String, String)>,
}

/// The property is not one that a deployment may set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be configured: only security.*, ssl.*, sasl.* and enable.ssl.* can")]
pub struct NotASecurityProperty(pub String);

impl Connection {
    /// A plain connection; `bootstrap_servers` is `host:port`, several joined by commas.
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self { bootstrap_servers: bootstrap_servers.into(), security: Vec::new() }
    }

    /// Adds a property of authentication or encryption, under librdkafka's name.
    pub fn with_security(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, NotASecurityProperty> {
        let name = name.into();
        if !OPEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(NotASecurityProperty(name));
        }
        self.security.push((name, value.into()));
        Ok(self)
    }

    /// The bootstrap servers, for messages.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    pub(crate) fn apply(&self, config: &mut ClientConfig) {
        config.set("bootstrap.servers", &self.bootstrap_servers);
        for (name, value) in &self.security {
            config.set(name, value);
        }
    }
}

/// Values may be secrets, so only the names are shown.
impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.security.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Connection")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("security", &names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_is_open_and_the_protocol_is_not() {
        let connection = Connection::new("localhost:9092");
        let connection = connection.with_security("sasl.password", "hunter2").expect("open");
        assert!(!format!("{connection:?}").contains("hunter2"));
        let refused = connection.with_security("enable.idempotence", "false");
        assert_eq!(refused.err(), Some(NotASecurityProperty("enable.idempotence".to_owned())));
    }
}
