//! A batch on its way into PostgreSQL: decoded once, then applied as often as it takes.

use std::{
    error::Error,
    iter,
    time::{Instant, SystemTime},
};

use chrono::Utc;
use eventlog::SchemaReader;
use events::header::TRACEPARENT;
use metrics::{counter, histogram};
use service::trace::{
    Parent,
    messaging::{self, Message},
};
use sqlx::PgPool;
use tracing::{Instrument, Span, info_span};

use crate::{
    decode::Body,
    fold::Read,
    intake::Slice,
    measure::{BATCH_SECONDS, BATCHES, DEAD_LETTERS, EVENTS_APPLIED, PARKED_KEYS, VISIBLE_SECONDS},
    projection::Projection,
    store::{self, Applied, Owner},
};

/// Most spans of producers that one batch is linked to, and most that it has children of.
const LINKS_MAX: usize = 32;

/// The slice of one transaction.
#[derive(Debug)]
pub(super) struct Work<P: Projection> {
    read: [Read<P::Body>; 1],
    began: Instant,
    /// The same instant for spans, which outlive the process.
    began_at: SystemTime,
}

/// Why an attempt was in vain.
#[derive(Debug)]
pub(super) enum Failure {
    /// The checkpoint is no longer where the batch starts, or no longer ours, as this says.
    Moved(String),
    /// An operator has paused the partition.
    Paused,
    /// Infrastructure failed, as this says; the batch stays as it is.
    Again(String),
}

impl<P: Projection> Work<P> {
    pub(super) fn of(slice: Slice) -> Self {
        let contents = Vec::with_capacity(slice.accepted.len());
        let (began, began_at) = (Instant::now(), SystemTime::now());
        Self { read: [Read { contents, slice }], began, began_at }
    }

    /// Where reading goes on behind the batch.
    pub(super) fn next_offset(&self) -> i64 {
        self.read[0].slice.to.next_offset
    }

    /// Decodes what is not decoded yet, and applies everything or nothing.
    pub(super) async fn attempt(
        &mut self,
        pool: &PgPool,
        owner: Owner,
        schemas: &SchemaReader,
    ) -> Result<Applied, Failure> {
        let span = self.span();
        async {
            self.decode(schemas).await?;
            let applied = store::apply::<P>(pool, owner, &self.read).await;
            applied.map_err(|error| match error {
                store::Error::Conflict(_) | store::Error::NotOurs(_) => {
                    Failure::Moved(error.to_string())
                }
                store::Error::Paused(_) => Failure::Paused,
                store::Error::Database(_) => Failure::Again(chain(&error)),
            })
        }
        .instrument(span)
        .await
    }

    async fn decode(&mut self, schemas: &SchemaReader) -> Result<(), Failure> {
        let [read] = &mut self.read;
        while let Some(arrived) = read.slice.accepted.get(read.contents.len()) {
            let content = P::Body::decode(arrived, schemas).await;
            read.contents.push(content.map_err(|error| Failure::Again(chain(&error)))?);
        }
        Ok(())
    }

    /// Counts what was committed.
    pub(super) fn report(&self, applied: &Applied) {
        self.count("applied");
        counter!(EVENTS_APPLIED, "projection" => P::NAME).increment(applied.facts_count);
        for (class, count) in &applied.letters {
            counter!(DEAD_LETTERS, "projection" => P::NAME, "class" => *class).increment(*count);
        }
        counter!(PARKED_KEYS, "projection" => P::NAME).increment(applied.parked_count);
        histogram!(BATCH_SECONDS, "projection" => P::NAME).record(self.began.elapsed());
        self.trace();
        if let Some(first) = self.read[0].contents.iter().flatten().next() {
            let age = Utc::now().signed_duration_since(first.at);
            histogram!(VISIBLE_SECONDS, "projection" => P::NAME)
                .record(age.as_seconds_f64().max(0.0));
        }
    }

    /// Counts an attempt by its outcome: `applied`, `conflict` or `failed`.
    pub(super) fn count(&self, outcome: &'static str) {
        counter!(BATCHES, "projection" => P::NAME, "outcome" => outcome).increment(1);
    }

    /// One span per attempt, linked to the sampled spans whose outputs it applies.
    fn span(&self) -> Span {
        let accepted = || self.read[0].slice.accepted.iter();
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

    /// Records in the trace of each sampled record that its rows are there: of a batch for many traces
    /// each is to show its own.
    fn trace(&self) {
        let accepted = self.read[0].slice.accepted.iter();
        let traced = accepted.filter_map(|arrived| {
            let sent_by = messaging::traced(arrived.record.header(TRACEPARENT)?)?;
            Some((sent_by, &arrived.record))
        });
        for (sent_by, record) in traced.take(LINKS_MAX) {
            let message = Message {
                topic: &record.partition.topic,
                partition: record.partition.number,
                offset: Some(record.offset),
                key: record.key(),
            };
            let by = ("spillway.projection", P::NAME.to_owned());
            messaging::processed(&sent_by, &message, None, self.began_at, by);
        }
    }
}

/// An error and its sources in one line, outermost first.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let sources = iter::successors(Some(error), |&error| error.source());
    let texts: Vec<String> = sources.map(ToString::to_string).collect();
    texts.join(": ")
}
