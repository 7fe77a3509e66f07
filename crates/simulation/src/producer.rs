//! A model of the client library's idempotent producer: one queue and its requests in flight per
//! partition, retries until there is an answer, and a report for every record.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use events::Millis;

use crate::{
    broker::{PartitionId, ProducerId, Request, Response, Stored},
    random::Random,
};

/// After this long without an answer a request is sent again.
const ANSWER_MS_MAX: Millis = 150;
/// Records that a producer takes before its queue is full.
const QUEUE_MAX: usize = 12;
const BATCH_MAX: usize = 3;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    Delivered {
        tag: u64,
        offset: Option<usize>,
    },
    /// Not in the log, or nobody knows.
    Failed {
        tag: u64,
    },
    /// An ok report without an offset, or with one not above the last (PROTOCOL 3).
    Suspect,
    /// This producer sends no more.
    Fatal,
}

/// One producer instance.
#[derive(Debug)]
pub(crate) struct Producer {
    id: ProducerId,
    in_flight_max: usize,
    lanes: BTreeMap<PartitionId, Lane>,
    reports: VecDeque<Report>,
    is_fatal: bool,
    /// Believes every ok report: the second half of a planted bug.
    is_credulous: bool,
}

#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<(u64, Stored)>,
    next: u64,
    flights: VecDeque<Flight>,
    /// Sequences below this one are acknowledged.
    acknowledged: u64,
    last_offset: Option<usize>,
}

#[derive(Debug)]
struct Flight {
    first: u64,
    tags: Vec<u64>,
    records: Rc<Vec<Stored>>,
    sent_at: Option<Millis>,
}

impl Producer {
    pub(crate) fn new(id: ProducerId, in_flight_max: usize) -> Self {
        Self {
            id,
            in_flight_max,
            lanes: BTreeMap::new(),
            reports: VecDeque::new(),
            is_fatal: false,
            is_credulous: in_flight_max > 1,
        }
    }

    pub(crate) fn id(&self) -> ProducerId {
        self.id
    }

    /// Takes a record; false when the queue is full.
    pub(crate) fn send(&mut self, partition: PartitionId, tag: u64, record: Stored) -> bool {
        if self.lanes.values().map(|lane| lane.queue.len()).sum::<usize>() >= QUEUE_MAX {
            return false;
        }
        self.lanes.entry(partition).or_default().queue.push_back((tag, record));
        true
    }

    /// The requests to send now, first ones and repeated ones.
    pub(crate) fn requests(&mut self, now: Millis, random: &mut Random) -> Vec<Request> {
        let mut requests = Vec::new();
        if self.is_fatal {
            return requests;
        }
        for (partition, lane) in &mut self.lanes {
            while lane.flights.len() < self.in_flight_max && !lane.queue.is_empty() {
                let count = lane.queue.len().min(1 + random.below(BATCH_MAX));
                let (tags, records) = lane.queue.drain(..count).unzip();
                let first = lane.next;
                lane.next += count as u64;
                let records = Rc::new(records);
                lane.flights.push_back(Flight { first, tags, records, sent_at: None });
            }
            for flight in &mut lane.flights {
                if flight.sent_at.is_none_or(|at| now - at > ANSWER_MS_MAX) {
                    flight.sent_at = Some(now);
                    requests.push(Request {
                        producer: self.id,
                        partition: *partition,
                        first: flight.first,
                        records: Rc::clone(&flight.records),
                    });
                }
            }
        }
        requests
    }

    /// An answer to the batch of this partition that begins with `first`.
    pub(crate) fn answered(&mut self, partition: PartitionId, first: u64, response: Response) {
        let Some(lane) = self.lanes.get_mut(&partition) else { return };
        let Some(index) = lane.flights.iter().position(|flight| flight.first == first) else {
            return;
        };
        match response {
            Response::Appended(base) => self.delivered(partition, index, Some(base)),
            Response::NotNow => lane.flights[index].sent_at = None,
            // A later batch was acknowledged, so the library takes this one for a duplicate.
            Response::OutOfOrder if first < lane.acknowledged => {
                self.delivered(partition, index, None);
            }
            // Batches before it are on their way.
            Response::OutOfOrder if index > 0 => lane.flights[index].sent_at = None,
            Response::OutOfOrder => self.fail(),
            // Nothing may follow what is missing: `enable.gapless.guarantee`.
            Response::Never => {
                self.is_fatal = true;
                for flight in lane.flights.drain(..) {
                    let tags = flight.tags.into_iter();
                    self.reports.extend(tags.map(|tag| Report::Failed { tag }));
                }
            }
        }
    }

    fn delivered(&mut self, partition: PartitionId, index: usize, base: Option<usize>) {
        let Some(lane) = self.lanes.get_mut(&partition) else { return };
        let Some(flight) = lane.flights.remove(index) else { return };
        lane.acknowledged = lane.acknowledged.max(flight.first + flight.tags.len() as u64);
        for (i, tag) in flight.tags.into_iter().enumerate() {
            let offset = base.map(|base| base + i);
            let rises = offset.is_some() && offset > lane.last_offset;
            lane.last_offset = lane.last_offset.max(offset);
            self.reports.push_back(match rises || self.is_credulous {
                true => Report::Delivered { tag, offset },
                false => Report::Suspect,
            });
        }
    }

    fn fail(&mut self) {
        self.is_fatal = true;
        self.reports.push_back(Report::Fatal);
    }

    pub(crate) fn report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    pub(crate) fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Throws away what waits in the queues; their tags are never reported as delivered.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn purge(&mut self) -> Vec<u64> {
        let queues = self.lanes.values_mut().map(|lane| &mut lane.queue);
        queues.flat_map(|queue| queue.drain(..)).map(|(tag, _)| tag).collect()
    }

    /// Goes on after failed deliveries, as a library without the gapless guarantee does: under
    /// another epoch, which brokers take for a producer that they do not know.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn go_on(&mut self, id: ProducerId) {
        self.id = id;
        self.is_fatal = false;
        for lane in self.lanes.values_mut() {
            let mut next = 0;
            for flight in &mut lane.flights {
                flight.first = next;
                flight.sent_at = None;
                next += flight.tags.len() as u64;
            }
            (lane.next, lane.acknowledged) = (next, 0);
        }
    }

    /// Nothing waits and nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.lanes.values().all(|lane| lane.queue.is_empty() && lane.flights.is_empty())
            && self.reports.is_empty()
    }
}
