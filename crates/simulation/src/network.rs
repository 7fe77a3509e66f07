//! What is on its way: requests, their answers, and commits, each late by as much as it pleases.

use std::collections::BTreeMap;

use events::{Millis, ShardId};
use shard::{processor::Committed, snapshot::Snapshot};

use crate::{
    broker::{PartitionId, ProducerId, Request, Response},
    faults::Faults,
    random::Random,
};

/// Something on its way.
#[derive(Debug)]
pub(crate) enum Message {
    Produce(Request),
    Answer { producer: ProducerId, partition: PartitionId, first: u64, response: Response },
    Commit(ShardId, Committed),
    Publish(Snapshot),
}

/// Everything that has not arrived yet.
#[derive(Debug, Default)]
pub(crate) struct Network {
    messages: BTreeMap<(Millis, u64), Message>,
    sent: u64,
}

impl Network {
    pub(crate) fn send(&mut self, due: Millis, message: Message) {
        self.sent += 1;
        self.messages.insert((due, self.sent), message);
    }

    /// Sends a request as the faults will have it: lost, once, twice, late.
    pub(crate) fn produce(
        &mut self,
        request: &Request,
        is_command: bool,
        now: Millis,
        faults: &Faults,
        random: &mut Random,
    ) {
        if random.chance(faults.lost) {
            return;
        }
        let copies = if random.chance(faults.doubled) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = if is_command && random.chance(faults.very_late) {
                random.between(13_000, 22_000)
            } else if random.chance(faults.late) {
                random.between(100, 2_500)
            } else {
                random.between(0, 10)
            };
            self.send(now + delay, Message::Produce(request.clone()));
        }
    }

    pub(crate) fn due(&mut self, now: Millis) -> Option<Message> {
        let entry = self.messages.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        Some(entry.remove())
    }

    pub(crate) fn next_due(&self) -> Option<Millis> {
        self.messages.keys().next().map(|(due, _)| *due)
    }
}
