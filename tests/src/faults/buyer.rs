//! A buyer: places orders for scarce goods and carries them to one end or another.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rand::{Rng as _, rngs::StdRng, seq::SliceRandom as _};
use tokio::time::sleep;

use super::{
    client::Insistent,
    history::{History, Told},
    wish::Wish,
};

/// Longest pause of a buyer between two orders, so that the load leaves room for the faults.
const THINKS_MS_MAX: u64 = 60;

/// One buyer; what it does is chosen by its generator alone.
#[derive(Debug)]
pub(crate) struct Buyer {
    pub(crate) client: Insistent,
    pub(crate) rng: StdRng,
    pub(crate) skus: Vec<String>,
}

impl Buyer {
    /// Buys until it is told to stop; a command that was begun is carried to its answer.
    ///
    /// # Errors
    /// A command was never answered for good.
    pub(crate) async fn run(mut self, stop: &AtomicBool) -> anyhow::Result<History> {
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            count += 1;
            self.buy(&format!("{}-{count}", self.client.name())).await?;
            if self.rng.random_ratio(1, 6) {
                self.deliver(count).await?;
            }
            if self.rng.random_ratio(1, 6) {
                self.count_shelves().await?;
            }
            if self.rng.random_ratio(1, 4) {
                self.client.repeat(&mut self.rng).await?;
            }
            let thinks = self.rng.random_range(0..=THINKS_MS_MAX);
            sleep(Duration::from_millis(thinks)).await;
        }
        Ok(self.client.into_history())
    }

    async fn buy(&mut self, order: &str) -> anyhow::Result<()> {
        let lines = self.basket();
        let placed = self.ask(Wish::Place { order: order.to_owned(), lines }).await?;
        self.look(order, &placed).await;
        match placed.total {
            Some(amount) => self.finish(order, amount, placed.version).await,
            // Whatever is asked of a rejected order must be refused.
            None if self.rng.random_ratio(1, 4) => self.pay(order, 1).await.map(drop),
            None => Ok(()),
        }
    }

    /// One to three goods, a few pieces of each.
    fn basket(&mut self) -> Vec<(String, i64)> {
        let mut skus = self.skus.clone();
        skus.shuffle(&mut self.rng);
        skus.truncate(self.rng.random_range(1..=3));
        skus.into_iter().map(|sku| (sku, self.rng.random_range(1..=4))).collect()
    }

    async fn finish(
        &mut self,
        order: &str,
        amount: i64,
        version: Option<i64>,
    ) -> anyhow::Result<()> {
        match self.rng.random_range(0..10) {
            // Left to its payment deadline.
            0..2 => Ok(()),
            2..4 => self.end(order, Wish::Cancel { order: order.to_owned() }).await,
            4 => {
                self.pay(order, amount + 1).await?;
                self.end(order, Wish::Ship { order: order.to_owned() }).await
            }
            way => {
                self.pay_if(order, amount, version).await?;
                match way {
                    5 => self.end(order, Wish::Cancel { order: order.to_owned() }).await?,
                    6 => {
                        self.pay(order, amount).await?;
                    }
                    _ => self.end(order, Wish::Ship { order: order.to_owned() }).await?,
                }
                if way == 7 {
                    self.end(order, Wish::Cancel { order: order.to_owned() }).await?;
                }
                Ok(())
            }
        }
    }

    async fn pay(&mut self, order: &str, amount: i64) -> anyhow::Result<Told> {
        self.ask(Wish::Pay { order: order.to_owned(), amount }).await
    }

    /// Pays, in one case of four only if the order is still at its version, and in half of these at
    /// one that it had before: that must be refused, and is followed by a payment without conditions.
    async fn pay_if(
        &mut self,
        order: &str,
        amount: i64,
        version: Option<i64>,
    ) -> anyhow::Result<()> {
        if self.rng.random_ratio(1, 4) {
            let version = version.map(|version| version - i64::from(self.rng.random_ratio(1, 2)));
            let wish = Wish::Pay { order: order.to_owned(), amount };
            if self.client.ask_if(&mut self.rng, wish, version).await?.is_done() {
                return Ok(());
            }
        }
        self.pay(order, amount).await.map(drop)
    }

    async fn end(&mut self, order: &str, wish: Wish) -> anyhow::Result<()> {
        let told = self.ask(wish).await?;
        self.look(order, &told).await;
        Ok(())
    }

    /// Counts some of the goods at once: a few pieces are found or lost. A loss of more than lies free
    /// must be refused.
    async fn count_shelves(&mut self) -> anyhow::Result<()> {
        let mut skus = self.skus.clone();
        skus.shuffle(&mut self.rng);
        skus.truncate(self.rng.random_range(1..=3));
        let counted = skus.into_iter().map(|sku| {
            let pieces = self.rng.random_range(1..=6);
            let is_loss = self.rng.random_ratio(1, 2);
            Wish::Adjust { sku, pieces: if is_loss { -pieces } else { pieces } }
        });
        let counted = counted.collect();
        self.client.ask_all(&mut self.rng, counted).await
    }

    /// Brings new pieces of one of the goods; sometimes the note is used twice for different ones.
    async fn deliver(&mut self, count: usize) -> anyhow::Result<()> {
        let sku = self.skus[self.rng.random_range(0..self.skus.len())].clone();
        let reference = format!("note {} {count}", self.client.name());
        let pieces = self.rng.random_range(1..=20);
        let note = Wish::Receive { sku, reference, pieces };
        self.ask(note.clone()).await?;
        if let (Wish::Receive { sku, reference, pieces }, true) =
            (note, self.rng.random_ratio(1, 4))
        {
            self.ask(Wish::Receive { sku, reference, pieces: pieces + 1 }).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, wish: Wish) -> anyhow::Result<Told> {
        self.client.ask(&mut self.rng, wish).await
    }

    async fn look(&mut self, order: &str, told: &Told) {
        if told.is_done() && self.rng.random_ratio(1, 5) {
            self.client.look(order, told).await;
        }
    }
}
