//! Harm to the processes' Produce requests, for a while.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;

use crate::proxy::{Harm, Plan};

/// Turns harm on and off.
#[derive(Debug, Clone, Default)]
pub(crate) struct Storm {
    is_on: Arc<AtomicBool>,
}

impl Storm {
    /// What a proxy does: nothing while it is calm, else the n-th request of a seed always meets the
    /// same.
    pub(crate) fn plan(&self, seed: u64) -> Plan {
        let is_on = Arc::clone(&self.is_on);
        Plan::new(move |request| match is_on.load(Ordering::Relaxed) {
            true => harm(seed, request),
            false => Harm::Forward,
        })
    }

    pub(crate) async fn rage(&self, lasting: Duration) {
        self.is_on.store(true, Ordering::Relaxed);
        sleep(lasting).await;
        self.is_on.store(false, Ordering::Relaxed);
    }
}

/// Every third request or so is harmed in one way or another.
fn harm(seed: u64, request: usize) -> Harm {
    let mut rng = StdRng::seed_from_u64(seed ^ ((request as u64) << 8));
    match rng.random_range(0..12) {
        0 => Harm::Refuse,
        1 => Harm::Delay,
        2 => Harm::Double,
        3 => Harm::Cut,
        _ => Harm::Forward,
    }
}
