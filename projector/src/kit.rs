//! Given events, when another comes, then these rows: a projection tested without broker or database.
//!
//! ```ignore
//! Given::<Orders>::events([placed(), reserved()])
//!     .when(paid())
//!     .then("o-1", |rows| assert_eq!(rows.order.status, "paid"));
//! Given::<Orders>::nothing().when(paid()).then_unfit();
//! ```
//!
//! Events carry versions 1, 2, 3 … of their aggregate, and are one second apart.

use std::collections::{BTreeMap, HashMap};

use eventlog::Partition;

use crate::{
    decode::Body,
    fact::{Fact, Source, Unfit, time},
    projection::Projection,
};

/// Log time of the first event, in milliseconds.
pub const BEGAN_MS: i64 = 1_800_000_000_000;

/// Rows as the events so far have left them.
#[derive(Debug)]
pub struct Given<P: Projection> {
    rows: BTreeMap<String, Option<P::Rows>>,
    versions: HashMap<String, i64>,
    link_sequence: i64,
}

/// What one more event has come to.
#[derive(Debug)]
pub struct When<P: Projection> {
    after: Given<P>,
    outcome: Result<(), Unfit>,
}

impl<P: Projection> Given<P> {
    /// A read model without rows.
    pub fn nothing() -> Self {
        Self { rows: BTreeMap::new(), versions: HashMap::new(), link_sequence: 0 }
    }

    /// What these events leave.
    ///
    /// # Panics
    /// When one of them does not fit.
    #[track_caller]
    pub fn events(bodies: impl IntoIterator<Item = P::Body>) -> Self {
        let mut given = Self::nothing();
        for body in bodies {
            given.fold(body).expect("a given event fits");
        }
        given
    }

    /// Takes one more event.
    pub fn when(mut self, body: P::Body) -> When<P> {
        let outcome = self.fold(body);
        When { after: self, outcome }
    }

    /// The rows of a key.
    pub fn rows(&self, key: &str) -> Option<&P::Rows> {
        self.rows.get(key)?.as_ref()
    }

    fn fold(&mut self, body: P::Body) -> Result<(), Unfit> {
        self.link_sequence += 1;
        let version = body.aggregate().map(|aggregate| {
            let version = self.versions.entry(aggregate.to_owned()).or_default();
            *version += 1;
            *version
        });
        let fact = Fact {
            at: time(BEGAN_MS + 1000 * self.link_sequence)?,
            version,
            command_id: None,
            source: Source {
                partition: Partition::of(P::TOPICS[0], 0),
                offset: self.link_sequence - 1,
                incarnation: 0,
                link_sequence: self.link_sequence,
                origin: None,
            },
            body,
        };
        match P::key(&fact.body).map(str::to_owned) {
            Some(key) => P::fold(self.rows.entry(key).or_default(), &fact),
            None => Ok(()),
        }
    }
}

impl<P: Projection> When<P> {
    /// The event fits, and the key has rows that pass the check.
    ///
    /// # Panics
    /// When it does not fit, or the key has no rows.
    #[track_caller]
    pub fn then(self, key: &str, check: impl FnOnce(&P::Rows)) -> Given<P> {
        self.outcome.expect("the event fits");
        check(self.after.rows(key).expect("the key has rows"));
        self.after
    }

    /// The event fits, and the key has no rows.
    ///
    /// # Panics
    /// When it does not fit, or the key has rows.
    #[track_caller]
    pub fn then_none(self, key: &str) -> Given<P> {
        self.outcome.expect("the event fits");
        assert!(self.after.rows(key).is_none(), "{key} has rows");
        self.after
    }

    /// The event does not fit, and would be parked with this reason.
    ///
    /// # Panics
    /// When it fits.
    #[track_caller]
    pub fn then_unfit(self) -> Unfit {
        self.outcome.expect_err("the event does not fit")
    }
}
