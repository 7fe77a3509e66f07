//! The ports of the processes: a fixed table, or free ones.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};

use anyhow::{Context as _, bail};
use devstack::PortLease;
use tokio::net::TcpListener;

use super::port_owner;

/// Where the processes listen, always on 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Ports {
    /// The gateway's own; it is bound from the first moment, so that a second system on the same
    /// ports is refused before it starts anything.
    pub(crate) gateway: TcpListener,
    pub(crate) command_api: Port,
    pub(crate) projector: Port,
    pub(crate) query_api: Port,
}

/// A port for a process, kept from other systems of this user.
#[derive(Debug)]
pub(crate) enum Port {
    Fixed(u16),
    Leased(PortLease),
}

const GATEWAY: u16 = 8080;
const COMMAND_API: u16 = 8081;
const PROJECTOR: u16 = 8082;
const QUERY_API: u16 = 8083;

impl Ports {
    /// The fixed table.
    ///
    /// # Errors
    /// A sentence with the first port that is taken, and by whom.
    pub(crate) async fn fixed() -> anyhow::Result<Self> {
        let Ok(gateway) = TcpListener::bind((Ipv4Addr::LOCALHOST, GATEWAY)).await else {
            bail!(taken(GATEWAY))
        };
        Ok(Self {
            gateway,
            command_api: Port::fixed(COMMAND_API)?,
            projector: Port::fixed(PROJECTOR)?,
            query_api: Port::fixed(QUERY_API)?,
        })
    }

    /// Free ports.
    ///
    /// # Errors
    /// No free port was found.
    pub(crate) async fn random() -> anyhow::Result<Self> {
        let lease = PortLease::random()?;
        let gateway = TcpListener::bind((Ipv4Addr::LOCALHOST, lease.port()))
            .await
            .with_context(|| format!("port {} was free a moment ago", lease.port()))?;
        Ok(Self {
            gateway,
            command_api: Port::random()?,
            projector: Port::random()?,
            query_api: Port::random()?,
        })
    }
}

impl Port {
    fn fixed(port: u16) -> anyhow::Result<Self> {
        match StdListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_free) => Ok(Self::Fixed(port)),
            Err(_) => bail!(taken(port)),
        }
    }

    /// A free one.
    ///
    /// # Errors
    /// No free port was found.
    pub(crate) fn random() -> anyhow::Result<Self> {
        Ok(Self::Leased(PortLease::random()?))
    }

    pub(crate) fn number(&self) -> u16 {
        match self {
            Self::Fixed(port) => *port,
            Self::Leased(lease) => lease.port(),
        }
    }

    /// The address to listen on.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number()).into()
    }
}

/// The sentence about a port that somebody has.
pub(crate) fn taken(port: u16) -> String {
    let owner = port_owner::of(port).unwrap_or_else(|| "another process".to_owned());
    format!("port {port} is in use by {owner}: stop it, or run `spillway dev --random-ports`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_refused_with_its_owner_and_a_way_out() {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let refusal = Port::fixed(port).unwrap_err().to_string();
        let own = format!("(process {})", std::process::id());
        assert!(refusal.contains(&own), "{refusal}");
        assert!(refusal.contains("--random-ports"), "{refusal}");
    }

    #[tokio::test]
    async fn random_ports_differ() {
        let ports = Ports::random().await.unwrap();
        let mut numbers = vec![ports.gateway.local_addr().unwrap().port()];
        numbers.extend([&ports.command_api, &ports.projector, &ports.query_api].map(Port::number));
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 4);
    }
}
