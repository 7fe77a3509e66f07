//! One load per key at a time: whoever asks meanwhile waits for the same one.
//!
//! A load is a task of its own, so that the client that began it may go away, and has its bounds from
//! what it loads through. It leaves the table when it ends, however it ends.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use super::row::Key;

/// The loads under way. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Flights<T>(Arc<Mutex<Table<T>>>);

#[derive(Debug)]
struct Table<T> {
    flying: HashMap<Key, Flight<T>>,
    begun: u64,
}

#[derive(Debug)]
struct Flight<T> {
    number: u64,
    landed: watch::Receiver<Option<T>>,
}

/// A place in a flight.
#[derive(Debug)]
pub(super) struct Seat<T> {
    landed: watch::Receiver<Option<T>>,
    /// Whether somebody else had begun the flight.
    pub(super) is_shared: bool,
}

/// The flight itself, until it lands or is dropped.
#[derive(Debug)]
struct Landing<T> {
    flights: Flights<T>,
    key: Key,
    number: u64,
    landed: watch::Sender<Option<T>>,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Table { flying: HashMap::new(), begun: 0 })))
    }
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// Takes a seat in the flight of the key, or begins one.
    pub(super) fn board<F>(&self, key: &Key, load: impl FnOnce() -> F) -> Seat<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let landing = {
            let mut table = self.table();
            if let Some(flight) = table.flying.get(key) {
                return Seat { landed: flight.landed.clone(), is_shared: true };
            }
            table.begun += 1;
            let (number, (landed, seat)) = (table.begun, watch::channel(None));
            table.flying.insert(key.clone(), Flight { number, landed: seat });
            Landing { flights: self.clone(), key: key.clone(), number, landed }
        };
        let seat = Seat { landed: landing.landed.subscribe(), is_shared: false };
        let load = load();
        tokio::spawn(async move {
            let loaded = load.await;
            landing.leave();
            landing.landed.send_replace(Some(loaded));
        });
        seat
    }

    /// Lets those who come from now on begin a flight of their own: the row has changed.
    pub(super) fn close(&self, key: &Key) {
        self.table().flying.remove(key);
    }

    /// The same for all keys.
    pub(super) fn close_all(&self) {
        self.table().flying.clear();
    }

    /// A panic while the table was held cannot leave it half changed.
    fn table(&self) -> std::sync::MutexGuard<'_, Table<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Seat<T> {
    /// What the flight has brought; nothing when it crashed.
    pub(super) async fn landed(mut self) -> Option<T> {
        self.landed.wait_for(Option::is_some).await.ok()?.clone()
    }
}

impl<T> Landing<T> {
    /// Leaves the table, unless another flight of the key has begun meanwhile.
    fn leave(&self) {
        let mut table = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.flying.get(&self.key).is_some_and(|flight| flight.number == self.number) {
            table.flying.remove(&self.key);
        }
    }
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn all_who_ask_meanwhile_share_one_load_even_when_the_first_goes_away() {
        let (flights, key) = (Flights::default(), Key::order("o-1"));
        let (loads, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
        let load = || {
            let (loads, gate) = (loads.clone(), gate.clone());
            async move {
                let number = loads.fetch_add(1, Ordering::SeqCst) + 1;
                let _ = gate.acquire().await.expect("open");
                number
            }
        };
        let first = flights.board(&key, load);
        assert!(!first.is_shared);
        drop(first);
        let seats: Vec<_> = (0..10).map(|_| flights.board(&key, load)).collect();
        assert!(seats.iter().all(|seat| seat.is_shared));

        flights.close(&key);
        let later = flights.board(&key, load);
        assert!(!later.is_shared, "the row changed: what was begun before does not count");
        gate.add_permits(100);
        for seat in seats {
            assert_eq!(seat.landed().await, Some(1));
        }
        assert_eq!(later.landed().await, Some(2));
        assert_eq!(flights.board(&key, load).landed().await, Some(3), "a landed flight is gone");
    }

    #[tokio::test]
    async fn a_load_that_crashes_holds_nobody() {
        let (flights, key) = (Flights::<u32>::default(), Key::order("o-1"));
        let seat = flights.board(&key, || async { panic!("a planted crash") });
        assert_eq!(seat.landed().await, None);
        assert_eq!(flights.board(&key, || async { 7 }).landed().await, Some(7));
    }
}
