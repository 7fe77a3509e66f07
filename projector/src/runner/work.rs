//! A batch on its way into PostgreSQL: decoded once, then applied as often as it takes.

use std::{error::Error, iter, time::Instant};

use chrono::Utc;
use eventlog::{Partition, SchemaReader};
use events::header::TRACEPARENT;
use metrics::{counter, histogram};
use service::trace::Parent;
use sqlx::PgPool;
use tracing::{Instrument, Span, info_span};

use super::{lag::Lag, retry::Retry};
use crate::{
    decode::Body,
    fold::Read,
    intake::Slice,
    measure::{BATCH_SECONDS, BATCHES, DEAD_LETTERS, EVENTS_APPLIED, PARKED_KEYS, VISIBLE_SECONDS},
    projection::Projection,
    store::{self, Applied},
};

/// Most spans of producers that one batch is linked to.
const LINKS_MAX: usize = 32;

/// The slices of one transaction.
#[derive(Debug)]
pub(super) struct Work<P: Projection> {
    reads: Vec<Read<P::Body>>,
    pub(super) retry: Retry,
    began: Instant,
}

/// Why an attempt was in vain.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another runner moved the checkpoint.
    Conflict(Partition),
    /// Infrastructure failed, as this says; the batch stays as it is.
    Again(String),
}

impl<P: Projection> Work<P> {
    /// Work, unless there is nothing to do.
    pub(super) fn of(slices: Vec<Slice>) -> Option<Self> {
        let read =
            |slice: Slice| Read { contents: Vec::with_capacity(slice.accepted.len()), slice };
        let reads: Vec<_> = slices.into_iter().map(read).collect();
        (!reads.is_empty()).then(|| Self { reads, retry: Retry::new(), began: Instant::now() })
    }

    /// The work without some partitions.
    pub(super) fn without(mut self, partitions: &[Partition]) -> Option<Self> {
        self.reads.retain(|read| !partitions.contains(&read.slice.partition));
        (!self.reads.is_empty()).then_some(self)
    }

    pub(super) fn partitions(&self) -> Vec<Partition> {
        let slices = self.reads.iter().map(|read| &read.slice);
        slices.map(|slice| slice.partition.clone()).collect()
    }

    /// Decodes what is not decoded yet, and applies everything or nothing.
    pub(super) async fn attempt(
        &mut self,
        pool: &PgPool,
        generation: i32,
        schemas: &SchemaReader,
    ) -> Result<Applied, Failure> {
        let span = self.span();
        async {
            self.decode(schemas).await?;
            let applied = store::apply::<P>(pool, generation, &self.reads).await;
            applied.map_err(|error| match error {
                store::Error::Conflict(partition) => Failure::Conflict(partition),
                store::Error::Database(_) => Failure::Again(chain(&error)),
            })
        }
        .instrument(span)
        .await
    }

    async fn decode(&mut self, schemas: &SchemaReader) -> Result<(), Failure> {
        for read in &mut self.reads {
            while let Some(arrived) = read.slice.accepted.get(read.contents.len()) {
                let content = P::Body::decode(arrived, schemas).await;
                let content = content.map_err(|error| Failure::Again(chain(&error)))?;
                read.contents.push(content);
            }
        }
        Ok(())
    }

    /// Counts what was committed.
    pub(super) fn report(&self, applied: &Applied, lag: &mut Lag) {
        self.count("applied");
        counter!(EVENTS_APPLIED, "projection" => P::NAME).increment(applied.facts_count);
        for (class, count) in &applied.letters {
            counter!(DEAD_LETTERS, "projection" => P::NAME, "class" => *class).increment(*count);
        }
        counter!(PARKED_KEYS, "projection" => P::NAME).increment(applied.parked_count);
        histogram!(BATCH_SECONDS, "projection" => P::NAME).record(self.began.elapsed());
        for read in &self.reads {
            let mut facts = read.contents.iter().flatten();
            if let Some(first) = facts.next() {
                let age = Utc::now().signed_duration_since(first.at);
                histogram!(VISIBLE_SECONDS, "projection" => P::NAME)
                    .record(age.as_seconds_f64().max(0.0));
                let last = facts.next_back().unwrap_or(first);
                lag.read(&read.slice.partition, last.at);
            }
        }
    }

    /// Counts an attempt by its outcome: `applied`, `conflict` or `failed`.
    pub(super) fn count(&self, outcome: &'static str) {
        counter!(BATCHES, "projection" => P::NAME, "outcome" => outcome).increment(1);
    }

    /// One span per attempt, linked to the sampled spans whose outputs it applies.
    fn span(&self) -> Span {
        let accepted = || self.reads.iter().flat_map(|read| &read.slice.accepted);
        let span = info_span!("apply", projection = P::NAME, records = accepted().count());
        if !span.is_disabled() {
            accepted()
                .filter_map(|arrived| arrived.record.header(TRACEPARENT))
                .filter_map(|text| Parent::parse(std::str::from_utf8(text).ok()?))
                .filter(Parent::is_sampled)
                .take(LINKS_MAX)
                .for_each(|parent| parent.link(&span));
        }
        span
    }
}

/// An error and its sources in one line, outermost first.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let sources = iter::successors(Some(error), |&error| error.source());
    let texts: Vec<String> = sources.map(ToString::to_string).collect();
    texts.join(": ")
}
