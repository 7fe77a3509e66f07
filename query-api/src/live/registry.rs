//! Who listens to what, and the bounded queue of each.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use serde_json::Value;
use tokio::sync::mpsc::{self, error::TrySendError};
use uuid::Uuid;

use super::cursor::Place;
use crate::read::checkpoint::Projection;

/// A row of `changes`.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub partition: i32,
    pub place: Place,
    /// Order id or SKU.
    pub key: String,
    pub customer_id: Option<String>,
    pub version: i64,
    pub event: String,
    pub state: Value,
    pub command_id: Option<Uuid>,
    pub kafka_offset: i64,
}

/// What a stream shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    Order(String),
    /// The orders of a customer.
    Customer(String),
    /// These products; absent means all.
    Products(Option<BTreeSet<String>>),
}

impl Filter {
    /// For metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Filter::Order(_) => "order",
            Filter::Customer(_) => "customer",
            Filter::Products(_) => "products",
        }
    }

    pub fn projection(&self) -> Projection {
        match self {
            Filter::Order(_) | Filter::Customer(_) => Projection::Orders,
            Filter::Products(_) => Projection::Products,
        }
    }
}

/// Why a stream has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client did not keep up.
    Slow,
    /// This process was away from PostgreSQL for so long that changes are gone.
    Gone,
    /// The process is stopping.
    Stopping,
    /// PostgreSQL cannot be read.
    Unavailable,
}

/// The end of a queue that the hub writes to.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) changes: mpsc::Sender<Arc<Change>>,
    /// Filled in before the queue is dropped.
    pub(super) end: Arc<OnceLock<End>>,
}

#[derive(Debug)]
struct Listener {
    filter: Filter,
    queue: Queue,
}

/// All listeners of one projection, found by what they listen to.
#[derive(Debug, Default)]
pub(super) struct Registry {
    listeners: HashMap<u64, Listener>,
    by_key: HashMap<String, HashSet<u64>>,
    by_customer: HashMap<String, HashSet<u64>>,
    to_all: HashSet<u64>,
    last: u64,
}

impl Registry {
    pub(super) fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    pub(super) fn add(&mut self, filter: Filter, queue: Queue) {
        self.last += 1;
        let id = self.last;
        match &filter {
            Filter::Order(key) => _ = self.by_key.entry(key.clone()).or_default().insert(id),
            Filter::Customer(customer) => {
                self.by_customer.entry(customer.clone()).or_default().insert(id);
            }
            Filter::Products(None) => _ = self.to_all.insert(id),
            Filter::Products(Some(skus)) => {
                for sku in skus {
                    self.by_key.entry(sku.clone()).or_default().insert(id);
                }
            }
        }
        self.listeners.insert(id, Listener { filter, queue });
    }

    /// Gives a change to all whom it concerns. Who has no room for it is cut; who is gone is
    /// forgotten.
    pub(super) fn tell(&mut self, change: Change) {
        let customer = change.customer_id.as_deref().and_then(|id| self.by_customer.get(id));
        let concerned = [self.by_key.get(&change.key), customer, Some(&self.to_all)];
        let concerned: Vec<u64> = concerned.into_iter().flatten().flatten().copied().collect();
        let change = Arc::new(change);
        for id in concerned {
            let Some(listener) = self.listeners.get(&id) else { continue };
            match listener.queue.changes.try_send(Arc::clone(&change)) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => self.cut(id, Some(End::Slow)),
                Err(TrySendError::Closed(_)) => self.cut(id, None),
            }
        }
    }

    /// Cuts everybody.
    pub(super) fn end_all(&mut self, why: End) {
        let all: Vec<u64> = self.listeners.keys().copied().collect();
        for id in all {
            self.cut(id, Some(why));
        }
    }

    /// Forgets those that have gone without a word.
    pub(super) fn forget_closed(&mut self) {
        let is_closed =
            |(id, listener): (&u64, &Listener)| listener.queue.changes.is_closed().then_some(*id);
        let closed: Vec<u64> = self.listeners.iter().filter_map(is_closed).collect();
        for id in closed {
            self.cut(id, None);
        }
    }

    fn cut(&mut self, id: u64, why: Option<End>) {
        let Some(Listener { filter, queue }) = self.listeners.remove(&id) else { return };
        if let Some(why) = why {
            // Nobody else fills it in.
            let _ = queue.end.set(why);
        }
        match filter {
            Filter::Order(key) => remove(&mut self.by_key, &key, id),
            Filter::Customer(customer) => remove(&mut self.by_customer, &customer, id),
            Filter::Products(None) => _ = self.to_all.remove(&id),
            Filter::Products(Some(skus)) => {
                skus.iter().for_each(|sku| remove(&mut self.by_key, sku, id));
            }
        }
    }
}

fn remove(index: &mut HashMap<String, HashSet<u64>>, key: &str, id: u64) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: &str, customer_id: Option<&str>, link_sequence: i64) -> Change {
        Change {
            partition: 0,
            place: Place { incarnation: 0, link_sequence, nth: 0 },
            key: key.to_owned(),
            customer_id: customer_id.map(str::to_owned),
            version: 1,
            event: "OrderPlaced".to_owned(),
            state: Value::Null,
            command_id: None,
            kafka_offset: 0,
        }
    }

    struct Ear(mpsc::Receiver<Arc<Change>>, Arc<OnceLock<End>>);

    impl Ear {
        fn hears(&mut self) -> Vec<String> {
            std::iter::from_fn(|| self.0.try_recv().ok()).map(|change| change.key.clone()).collect()
        }
    }

    fn listen(registry: &mut Registry, filter: Filter) -> Ear {
        let (changes, receiver) = mpsc::channel(2);
        let end = Arc::new(OnceLock::new());
        registry.add(filter, Queue { changes, end: Arc::clone(&end) });
        Ear(receiver, end)
    }

    #[test]
    fn everybody_hears_what_concerns_them() {
        let mut registry = Registry::default();
        let mut order = listen(&mut registry, Filter::Order("a".to_owned()));
        let mut customer = listen(&mut registry, Filter::Customer("c".to_owned()));
        let some = ["a", "b"].map(str::to_owned).into();
        let mut products = listen(&mut registry, Filter::Products(Some(some)));
        let mut all = listen(&mut registry, Filter::Products(None));
        registry.tell(change("a", Some("c"), 1));
        registry.tell(change("b", None, 2));
        assert_eq!(order.hears(), ["a"]);
        assert_eq!(customer.hears(), ["a"]);
        assert_eq!(products.hears(), ["a", "b"]);
        assert_eq!(all.hears(), ["a", "b"]);

        drop((order, customer, products, all));
        registry.forget_closed();
        assert!(registry.is_empty());
        assert!(registry.by_key.is_empty() && registry.by_customer.is_empty());
        assert!(registry.to_all.is_empty());
    }

    #[test]
    fn who_does_not_keep_up_is_cut_and_nobody_else() {
        let mut registry = Registry::default();
        let mut slow = listen(&mut registry, Filter::Products(None));
        let mut quick = listen(&mut registry, Filter::Products(None));
        for sequence in 1..=3 {
            registry.tell(change("a", None, sequence));
            assert_eq!(quick.hears().len(), 1);
        }
        assert_eq!((slow.hears().len(), slow.1.get()), (2, Some(&End::Slow)));
        assert_eq!(quick.1.get(), None);
        registry.end_all(End::Stopping);
        assert_eq!(quick.1.get(), Some(&End::Stopping));
    }
}
