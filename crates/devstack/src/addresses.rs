//! Where the parts of one stack listen, leased for as long as the stack lives.

use crate::{error::Error, options::Ports, ports::PortLease};

/// The fixed table; the brokers' ports go up from the last one by two.
const POSTGRES: u16 = 25_432;
const REDIS: u16 = 26_379;
const REGISTRY: u16 = 28_081;
const BROKERS: u16 = 29_092;

/// One lease per listener.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) postgres: PortLease,
    pub(crate) redis: PortLease,
    pub(crate) registry: PortLease,
    pub(crate) brokers: Vec<BrokerPorts>,
}

/// The two listeners of a broker.
#[derive(Debug)]
pub(crate) struct BrokerPorts {
    pub(crate) client: PortLease,
    pub(crate) controller: PortLease,
}

impl Addresses {
    pub(crate) async fn lease(ports: Ports, brokers: u8) -> Result<Self, Error> {
        let next = async |fixed| match ports {
            Ports::Fixed => PortLease::fixed(fixed).await,
            Ports::Random => PortLease::random(),
        };
        let mut addresses = Self {
            postgres: next(POSTGRES).await?,
            redis: next(REDIS).await?,
            registry: next(REGISTRY).await?,
            brokers: Vec::new(),
        };
        for broker in 0..u16::from(brokers) {
            let client = next(BROKERS + 2 * broker).await?;
            let controller = next(BROKERS + 2 * broker + 1).await?;
            addresses.brokers.push(BrokerPorts { client, controller });
        }
        Ok(addresses)
    }

    pub(crate) fn bootstrap_servers(&self) -> String {
        let servers: Vec<String> = self
            .brokers
            .iter()
            .map(|broker| format!("127.0.0.1:{}", broker.client.port()))
            .collect();
        servers.join(",")
    }

    pub(crate) fn registry_url(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.registry.port())
    }

    pub(crate) fn database_url(&self, database: &str) -> String {
        let port = self.postgres.port();
        format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    pub(crate) fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.redis.port())
    }
}
