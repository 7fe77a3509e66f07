//! Room for commands whose clients were told that they are accepted, until they are decided.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of all commands that are kept.
const BYTES_MAX: usize = 64 << 20;

/// Bounds the bytes of what is kept, and its number: half of the places of commands in flight stay
/// free for requests that wait.
#[derive(Debug)]
pub struct Promises {
    bytes: Arc<Semaphore>,
    /// What a small command counts as.
    bytes_least: usize,
}

impl Promises {
    /// Beside so many places of commands in flight.
    pub fn new(in_flight_max: usize) -> Self {
        let bytes_least = BYTES_MAX.checked_div(in_flight_max / 2).unwrap_or(BYTES_MAX + 1);
        Self { bytes: Arc::new(Semaphore::new(BYTES_MAX)), bytes_least }
    }

    /// Room for a command of so many bytes, until it is dropped; `None` when there is none.
    pub(super) fn keep(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.max(self.bytes_least)).ok()?;
        Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_places_and_a_bounded_number_of_bytes_are_kept() {
        let promises = Promises::new(8);
        let mut kept: Vec<_> = (0..5).map(|_| promises.keep(1)).collect();
        assert_eq!(kept.iter().filter(|kept| kept.is_some()).count(), 4);
        kept.clear();
        assert!(promises.keep(1).is_some(), "room comes back");

        assert!(Promises::new(1).keep(1).is_none(), "the only place is a request's");
        let promises = Promises::new(1_000_000);
        let large = (0..1_000).map_while(|_| promises.keep(256 << 10)).collect::<Vec<_>>();
        assert_eq!(large.len(), 256);
    }
}
