//! Instances come and go behind a load balancer while buyers buy all the time.
//!
//! Every request and every answer is recorded. What the requests met on their way is given to the
//! test; what the answers promised is judged here, as after a [`Trial`](super::Trial).

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use events::command::Parameters;
use futures::future::{join, try_join_all};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    buyer::Buyer,
    client::Insistent,
    history::{Heard, History},
    trial,
    wish::Wish,
};
use crate::{Balancer, Client, System, SystemOptions, until};

const BUYERS: usize = 8;
/// Few enough that all buyers meet at them.
const PRODUCTS: usize = 6;
/// Requests wait for their answers; a slow one has not failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// Requests that are answered between two changes, at least.
const STRETCH: usize = 60;

/// A system behind a balancer, with buyers at the door.
#[derive(Debug)]
pub struct Turnover {
    pub system: System,
    pub balancer: Balancer,
    pub rng: StdRng,
    clients: Arc<[Client]>,
    began: Instant,
    skus: Vec<String>,
    history: Mutex<History>,
}

/// What one request met.
#[derive(Debug)]
pub struct Met {
    /// The status that came back; `None` when nothing did.
    pub status: Option<u16>,
    /// The last segment of the problem type; empty where there is none.
    pub code: String,
    /// The whole of it, for a person.
    pub story: String,
}

impl Turnover {
    /// Starts a system of so many command-apis, with the settings given as environment variables,
    /// and fills its shelves through the balancer.
    ///
    /// # Errors
    /// A part did not come up.
    pub async fn start(
        seed: u64,
        instances: usize,
        settings: &[(&'static str, &str)],
    ) -> anyhow::Result<Self> {
        let command_api_env = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let defaults = SystemOptions::default();
        let parameters = Parameters {
            payment_deadline_ms: trial::PAYMENT_DEADLINE_MS,
            ..defaults.profile.parameters()
        };
        let system = System::start(SystemOptions {
            command_apis: instances,
            command_api_env: command_api_env.collect(),
            parameters,
            ..defaults
        })
        .await?;
        let balancer = Balancer::start(&system.command_apis).await?;
        let clients: Arc<[Client]> = [system.client_by(balancer.url())?].into();
        let (began, mut rng) = (Instant::now(), StdRng::seed_from_u64(seed));
        let skus: Vec<String> = (1..=PRODUCTS).map(|n| format!("SCARCE-{n}")).collect();
        let keeper = Insistent::new("keeper".to_owned(), Arc::clone(&clients), began);
        let keeper = keeper.waiting(PATIENCE).by_routes();
        let history = Mutex::new(trial::fill_shelves(keeper, &mut rng, &skus).await?);
        Ok(Self { system, balancer, rng, clients, began, skus, history })
    }

    /// Carries the changes out while buyers buy, waits until every buyer has its last answer, judges
    /// all of them, and stops the system.
    ///
    /// # Errors
    /// A change failed, or something that was told is wrong.
    pub async fn under_load(
        mut self,
        changes: impl AsyncFnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<Met>> {
        let stop = AtomicBool::new(false);
        let buyers: Vec<Buyer> = (1..=BUYERS).map(|n| self.buyer(n)).collect();
        let load = try_join_all(buyers.into_iter().map(|buyer| buyer.run(&stop)));
        let changes = async {
            let changed = changes(&mut self).await;
            stop.store(true, Ordering::Relaxed);
            changed
        };
        let (changed, bought) = join(changes, load).await;
        changed?;
        bought?.into_iter().for_each(|one| self.remember(one));
        let history = std::mem::take(&mut *self.history());
        trial::judged(&self.system, &history).await?;
        self.system.stop().await?;
        Ok(met(&history))
    }

    /// Waits until another stretch of requests has been answered.
    ///
    /// # Errors
    /// They are not answered in time.
    pub async fn goes_on(&self) -> anyhow::Result<()> {
        let goal = self.balancer.answered() + STRETCH;
        until("requests are answered", async || {
            let answered = self.balancer.answered();
            ensure!(answered >= goal, "{answered} of {goal} requests are answered");
            Ok(())
        })
        .await
    }

    /// Orders one piece from one instance, past the balancer; insists until it is answered for good.
    ///
    /// # Errors
    /// It never is.
    pub async fn order_from(&self, instance: usize, order: &str) -> anyhow::Result<()> {
        let clients: Arc<[Client]> = [self.system.client_of(instance)?].into();
        let client = Insistent::new(order.to_owned(), clients, self.began);
        let mut client = client.waiting(PATIENCE).by_routes();
        let lines = vec![(self.skus[0].clone(), 1)];
        let wish = Wish::Place { order: order.to_owned(), lines };
        client.ask(&mut StdRng::seed_from_u64(0), wish).await?;
        self.remember(client.into_history());
        Ok(())
    }

    fn remember(&self, history: History) {
        self.history().append(history);
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn buyer(&mut self, n: usize) -> Buyer {
        let client = Insistent::new(format!("buyer-{n}"), Arc::clone(&self.clients), self.began);
        Buyer {
            client: client.waiting(PATIENCE).by_routes(),
            rng: StdRng::seed_from_u64(self.rng.random()),
            skus: self.skus.clone(),
        }
    }
}

fn met(history: &History) -> Vec<Met> {
    let attempts = history.asks.iter().flat_map(|ask| ask.attempts.iter().map(move |a| (ask, a)));
    attempts
        .map(|(ask, attempt)| {
            let (status, code) = match &attempt.heard {
                Heard::Told(told) => (Some(told.status), told.code.clone()),
                Heard::Nothing(_) => (None, String::new()),
            };
            let (sent, heard): (Duration, Duration) = attempt.span;
            let story = format!("{:?} {sent:.3?} to {heard:.3?}: {:?}", ask.wish, attempt.heard);
            Met { status, code, story }
        })
        .collect()
}
