//! Reads what lies in one partition of outputs and compares it with what must lie there.

use std::{collections::BTreeMap, ops::ControlFlow};

use eventlog::{LogReader, Partition, Record, SchemaReader};
use events::{
    Event, Kind, Origin, ShardId, Topic,
    codec::{Confluent, Record as _},
    header::View,
    outcome::Outcome,
    position::{Arrival, Mark},
};
use tokio::runtime::Handle;

use super::{
    expected::{Expected, Link, Match, digest},
    fold::Fold,
    history::Told,
    report::Report,
};
use crate::command_log::SILENCE_MAX;

/// What a partition holds at the mark that the projection has reached.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) fold: Fold,
    /// Outcomes by command id.
    pub(super) outcomes: BTreeMap<String, Outcome>,
}

/// Which partition is compared, and where its projection is.
pub(super) struct Target {
    pub(super) partition: Partition,
    pub(super) topic: Topic,
    /// The marks of the projections that read the topic; what comes behind a mark does not count for
    /// the projection's rows. Absent when no rows are compared.
    pub(super) projected: Option<BTreeMap<&'static str, Mark>>,
}

/// Compares one partition, and folds what readers accept of it.
pub(super) fn compare(
    reader: &mut LogReader,
    target: &Target,
    expected: &Expected,
    schemas: &SchemaReader,
    runtime: &Handle,
    report: &mut Report,
) -> anyhow::Result<Held> {
    let mut reading = Reading {
        target,
        expected,
        schemas,
        runtime,
        report,
        marks: BTreeMap::new(),
        held: Held::default(),
        is_whole: false,
    };
    let watermarks = reader.watermarks(&target.partition)?;
    reading.is_whole = watermarks.low == 0;
    if let (Topic::Commands(_), Some(shard)) = (target.topic, target.partition.shard()) {
        reading.marks = expected.read_before(shard);
    }
    reader.read_to_end(&[(target.partition.clone(), watermarks.low)], SILENCE_MAX, |record| {
        reading.take(&record);
        ControlFlow::Continue(())
    })?;
    reading.check_ends();
    Ok(reading.held)
}

struct Reading<'a> {
    target: &'a Target,
    expected: &'a Expected,
    schemas: &'a SchemaReader,
    runtime: &'a Handle,
    report: &'a mut Report,
    marks: BTreeMap<ShardId, Mark>,
    held: Held,
    /// Nothing was deleted from the partition's start.
    is_whole: bool,
}

impl Reading<'_> {
    fn take(&mut self, record: &Record) {
        let headers = record.headers();
        let view = View(&headers);
        let (Some((source, mark)), Some(origin)) = (view.link(), view.origin()) else {
            // Client commands and control records have no link; elsewhere it is a stranger's.
            if !matches!(self.target.topic, Topic::Commands(_)) {
                self.report.counts.foreign += 1;
            }
            return;
        };
        let place = format!("{} at {}", record.partition, record.offset);
        let is_event = matches!(self.target.topic, Topic::Events(_));
        let value = record.value().unwrap_or_default();
        let datum = match is_event {
            true => Confluent::open(value).map_or(value, |confluent| confluent.datum),
            false => value,
        };
        let digest = digest(record.key(), datum, headers.iter().copied());
        let link = Link {
            target: (self.target.topic, record.partition.number),
            source,
            incarnation: mark.incarnation,
        };
        match self.expected.compare(&link, mark, origin.offset, digest) {
            Match::Equal | Match::Later => {}
            Match::Earlier => self.report.counts.earlier += 1,
            Match::Differs => {
                let detail = format!("the record of {origin} differs from the recomputed one");
                self.report.violation("differs", &place, detail);
            }
            Match::Unexpected => self.unexpected(&place, origin),
        }
        let before = match self.marks.get(&source) {
            Some(mark) => *mark,
            // Retention may have taken the start of this partition.
            None if !self.is_whole => Mark { link_sequence: mark.link_sequence - 1, ..mark },
            None => Mark::default(),
        };
        match before.arrival(mark) {
            Arrival::Repeat => self.report.counts.repeats += 1,
            Arrival::Gap => self.report.counts.discarded += 1,
            Arrival::Next => {
                self.marks.insert(source, mark);
                self.count();
                self.accept(record, view, mark, &place);
            }
        }
    }

    fn unexpected(&mut self, place: &str, origin: Origin) {
        let detail = format!("no recomputed step writes a record of {origin}");
        self.report.violation("unexpected", place, detail);
    }

    fn count(&mut self) {
        let counts = &mut self.report.counts;
        let count = match self.target.topic {
            Topic::Commands(_) => &mut counts.follow_ups,
            Topic::Events(_) => &mut counts.events,
            Topic::Outcomes(_) => &mut counts.outcomes,
            Topic::Replies => &mut counts.replies,
            Topic::CommandDeadLetters => &mut counts.dead_letters,
        };
        *count += 1;
    }

    /// The projections that have not come to this mark.
    fn ending(&self, mark: Mark) -> impl Iterator<Item = &'static str> {
        let all = self.target.projected.iter().flatten();
        all.filter(move |(_, at)| **at < mark).map(|(name, _)| *name)
    }

    /// Folds what readers accept.
    fn accept(&mut self, record: &Record, view: View<'_>, mark: Mark, place: &str) {
        match self.target.topic {
            Topic::Events(kind) => self.accept_event(record, view, mark, kind, place),
            Topic::Outcomes(_) if self.ending(mark).next().is_none() => {
                match Outcome::from_single_object(record.value().unwrap_or_default()) {
                    Ok(outcome) => {
                        self.held.outcomes.insert(outcome.command_id.clone(), outcome);
                    }
                    Err(error) => self.report.violation("unreadable", place, error.to_string()),
                }
            }
            _ => {}
        }
    }

    fn accept_event(
        &mut self,
        record: &Record,
        view: View<'_>,
        mark: Mark,
        kind: Kind,
        place: &str,
    ) {
        let event: Event = match self.schemas.decode_blocking(record, self.runtime) {
            Ok(event) => event,
            Err(error) => {
                return self.report.violation("unreadable", place, error.to_string());
            }
        };
        let ending: Vec<&'static str> = self.ending(mark).collect();
        self.held.fold.end_here(ending.into_iter());
        let told = Told::of(view, mark, &record.partition.topic, record.partition.number);
        self.held.fold.take(kind, &event, &told, place, self.report);
    }

    /// Everything that was recomputed must have been accepted by now.
    fn check_ends(&mut self) {
        let target = (self.target.topic, self.target.partition.number);
        for (source, end) in self.expected.ends(target) {
            let mark = self.marks.get(&source).copied();
            // A partition whose start was deleted may hold nothing of a source any more.
            let may_lose_its_start = matches!(
                self.target.topic,
                Topic::Commands(_) | Topic::Replies | Topic::Outcomes(_)
            );
            if mark.is_none() && !self.is_whole && may_lose_its_start {
                continue;
            }
            let mark = mark.unwrap_or_default();
            if mark < end {
                let detail = format!(
                    "records {} to {} of {source} are missing",
                    mark.link_sequence + 1,
                    end.link_sequence
                );
                self.report.violation("missing", self.target.partition.to_string(), detail);
            }
        }
    }
}
