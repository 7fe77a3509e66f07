//! Ports of the loopback that no two stacks of a user take at the same time.
//!
//! A lease is a lock on one byte of a file of the cache: byte n stands for port n. The kernel gives
//! the byte back when the owner dies, and while a service is killed and started again nobody else
//! who asks here takes its port. Random ports lie outside the range that the machine gives to
//! outgoing connections, so that none of those takes a leased port either.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    ops::RangeInclusive,
    time::Duration,
};

use nix::{
    fcntl::{FcntlArg, fcntl},
    libc,
};
use rand::Rng as _;
use tokio::time::{Instant, sleep};

use crate::{
    cache::Cache,
    error::{Doing as _, Error},
};

/// Below every port of the fixed table.
const RANDOM: RangeInclusive<u16> = 10_000..=24_999;
const TRIES: usize = 500;
#[expect(clippy::cast_possible_truncation, reason = "the constant is 1")]
const WRITE_LOCK: libc::c_short = libc::F_WRLCK as libc::c_short;
#[expect(clippy::cast_possible_truncation, reason = "the constant is 0")]
const FROM_START: libc::c_short = libc::SEEK_SET as libc::c_short;
/// How long a port of the fixed table may still be held by a stack that is just ending.
const FIXED_WITHIN: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);

/// A port that is this process's to give away, until dropped.
#[derive(Debug)]
pub struct PortLease {
    port: u16,
    _lock: File,
}

impl PortLease {
    /// Leases a free port outside the range of outgoing connections.
    ///
    /// # Errors
    /// [`Error::NoFreePort`] when none of many tries succeeds; [`Error::Io`] when the file of
    /// leases cannot be opened.
    pub fn random() -> Result<Self, Error> {
        let outgoing = outgoing_ports();
        let free: Vec<u16> = RANDOM.filter(|port| !outgoing.contains(port)).collect();
        // A machine may give all of them to outgoing connections; a clash is then a matter of
        // luck, and a stack that meets one starts again on other ports.
        let choice = if free.is_empty() { RANDOM.collect() } else { free };
        let mut random = rand::rng();
        for _ in 0..TRIES {
            let port = choice[random.random_range(0..choice.len())];
            if let Some(lease) = Self::take(port)? {
                return Ok(lease);
            }
        }
        Err(Error::NoFreePort { low: *RANDOM.start(), high: *RANDOM.end() })
    }

    /// Leases `port`, and waits a little for a stack that is just ending to let go of it.
    pub(crate) async fn fixed(port: u16) -> Result<Self, Error> {
        Self::fixed_within(port, FIXED_WITHIN).await
    }

    async fn fixed_within(port: u16, within: Duration) -> Result<Self, Error> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(lease) = Self::take(port)? {
                return Ok(lease);
            }
            if Instant::now() >= deadline {
                return Err(Error::PortTaken(port));
            }
            sleep(POLL).await;
        }
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `None` when a lease or a listener has the port.
    fn take(port: u16) -> Result<Option<Self>, Error> {
        let path = Cache::open()?.root().join("ports.lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .doing("open", &path)?;
        let byte = libc::flock {
            l_type: WRITE_LOCK,
            l_whence: FROM_START,
            l_start: libc::off_t::from(port),
            l_len: 1,
            l_pid: 0,
        };
        if fcntl(&file, FcntlArg::F_OFD_SETLK(&byte)).is_err() {
            return Ok(None);
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        Ok(free.then_some(Self { port, _lock: file }))
    }
}

/// The ports that the machine gives to outgoing connections; empty when it does not say.
fn outgoing_ports() -> RangeInclusive<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut bounds = text.split_whitespace().map_while(|word| word.parse().ok());
    match (bounds.next(), bounds.next()) {
        (Some(low), Some(high)) => low..=high,
        _ => RangeInclusive::new(1, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leased_port_is_nobody_elses_until_it_is_given_back() {
        let lease = PortLease::random().unwrap();
        let port = lease.port();
        assert!(PortLease::take(port).unwrap().is_none());
        drop(lease);
        assert_eq!(PortLease::take(port).unwrap().unwrap().port(), port);
    }

    #[test]
    fn a_port_with_a_listener_is_not_leased() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(PortLease::take(port).unwrap().is_none());
    }

    #[tokio::test]
    async fn a_fixed_port_that_stays_taken_is_named() {
        let lease = PortLease::random().unwrap();
        let refused = PortLease::fixed_within(lease.port(), POLL).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "port {} is taken: stop what listens there, or ask for random ports",
                lease.port()
            )
        );
    }
}
