//! Settings of the systems a process talks to; it flattens the ones it needs.

use clap::Args;
use secrecy::SecretString;
use url::Url;

/// Where the log is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Kafka")]
pub struct KafkaArgs {
    /// Brokers to begin with, as host:port, separated by commas.
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", value_name = "HOST:PORT,…",
        default_value = "127.0.0.1:29092", value_parser = bootstrap_servers)]
    pub kafka_bootstrap_servers: String,
}

/// Where the schemas are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Schema registry")]
pub struct RegistryArgs {
    /// Base URL of the Confluent-compatible schema registry.
    #[arg(long, env = "SCHEMA_REGISTRY_URL", value_name = "URL",
        default_value = "http://127.0.0.1:28081/apis/ccompat/v7", value_parser = http_url)]
    pub schema_registry_url: Url,
}

/// Where the read models are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "PostgreSQL")]
pub struct DatabaseArgs {
    /// URL of the database, as postgres://user:password@host:port/name. May come from a file
    /// named by DATABASE_URL_FILE.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true,
        value_parser = database_url)]
    pub database_url: SecretString,
}

fn bootstrap_servers(text: &str) -> Result<String, String> {
    let is_server = |server: &str| {
        server.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
    };
    if text.split(',').all(is_server) {
        Ok(text.to_owned())
    } else {
        Err("give host:port, several separated by commas".to_owned())
    }
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| "give a URL that begins with http:// or https://".to_owned())
}

/// The message never repeats the value: it holds a password.
fn database_url(text: &str) -> Result<SecretString, String> {
    let is_postgres = |url: &Url| matches!(url.scheme(), "postgres" | "postgresql");
    if Url::parse(text).is_ok_and(|url| is_postgres(&url)) {
        Ok(text.into())
    } else {
        Err("give a URL such as postgres://user:password@host:5432/name".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_need_a_host_and_a_port_each() {
        for text in ["localhost:9092", "a:1,b:2", "[::1]:9092"] {
            assert!(bootstrap_servers(text).is_ok(), "{text}");
        }
        for text in ["", "localhost", ":9092", "a:1,", "a:0", "a:99999"] {
            assert!(bootstrap_servers(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_database_is_postgresql_and_never_printed() {
        let url = database_url("postgres://app:hunter2@db/spillway").unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
        let refused = database_url("mysql://app:hunter2@db/x").unwrap_err();
        assert!(!refused.contains("hunter2"));
    }
}
