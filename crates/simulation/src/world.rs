//! Everything together: brokers, instances, edges, callers and readers, one small move at a time.

use std::collections::BTreeMap;

use events::{
    Command, Kind, Millis, Topic,
    command::{ActivateRules, ProposeRules, RaiseIncarnation},
    header,
};
use shard::planted;

use crate::{
    Violation,
    broker::{Broker, PartitionId, Response, Stored},
    callers::Callers,
    edge::{Edge, Told},
    faults::{Faults, parameters},
    group::Group,
    library::Library,
    network::{Message, Network},
    node::Node,
    producer::Producer,
    random::Random,
    reader::Reader,
};

const NODES: usize = 3;
const EDGES: usize = 2;
/// The first moment; far from 0, which stands for "before everything" in the state.
const START_MS: Millis = 1_700_000_000_000;

/// A whole deployment.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) faults: Faults,
    pub(crate) now: Millis,
    pub(crate) broker: Broker,
    pub(crate) network: Network,
    pub(crate) group: Group,
    pub(crate) library: Library,
    /// `None` while an instance is down.
    pub(crate) nodes: Vec<Option<Node>>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) callers: Callers,
    pub(crate) readers: BTreeMap<PartitionId, Reader>,
    /// Event partitions that lost acknowledged records, and the lowest offset of their commands.
    pub(crate) cut: BTreeMap<PartitionId, i64>,
    /// What is left of the operator's plans (revision 2, perhaps an incarnation), the next one last.
    pub(crate) operator: Vec<(PartitionId, Command)>,
    pub(crate) tally: Tally,
    producers: u64,
}

/// What a run has seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub crashes: u64,
    pub pauses: u64,
    pub takeovers: u64,
    pub doubts: u64,
    pub fail_overs: u64,
    /// Records that no replica had when another broker began to lead.
    pub unreplicated_gone: u64,
    pub lost_tails: u64,
    /// Snapshots that were written, found written already, and torn or damaged.
    pub snapshots: u64,
    pub repeated_snapshots: u64,
    pub torn_snapshots: u64,
    pub damaged_snapshots: u64,
    /// Restores that began with a snapshot, and snapshots that they passed over.
    pub snapshot_restores: u64,
    pub unfit_snapshots: u64,
    /// Restores that replayed a log from its start.
    pub whole_restores: u64,
    /// Commands that were deleted, and instances that had not read them yet.
    pub archived: u64,
    pub out_of_range: u64,
    /// Copies of client commands in the logs.
    pub client_records: u64,
    /// Commands that a caller heard a definitive answer to.
    pub answered: u64,
    pub follow_ups: u64,
    pub records: u64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let faults = Faults::of(&mut random);
        let mut world = Self {
            broker: Broker::new(&parameters(1)),
            network: Network::default(),
            group: Group::default(),
            library: Library::default(),
            nodes: Vec::new(),
            edges: Vec::new(),
            callers: Callers::default(),
            readers: BTreeMap::new(),
            cut: BTreeMap::new(),
            operator: Vec::new(),
            tally: Tally::default(),
            producers: 0,
            now: START_MS,
            random,
            faults,
        };
        world.apply_topics(if seed.is_multiple_of(2) { 3 } else { 2 });
        for shard in world.broker.shards() {
            let owner = world.random.below(NODES);
            world.group.owners.insert(shard, owner);
        }
        for index in 0..NODES {
            let node = world.new_node(index);
            world.nodes.push(Some(node));
        }
        for _ in 0..EDGES {
            let edge = world.new_edge();
            world.edges.push(edge);
        }
        world.callers.begin(&mut world.random);
        world
    }

    /// The first records of every command partition, and later those of the second revision.
    fn apply_topics(&mut self, second_rules: i32) {
        let partitions: Vec<PartitionId> = self.broker.logs.keys().copied().collect();
        for partition in partitions {
            let clock_ahead = self.clock_error();
            self.broker.log_mut(partition).clock_ahead = clock_ahead;
            let (Topic::Commands(kind), number) = partition else { continue };
            self.operate(partition, &propose(kind, number, (1, 1)));
            self.operate(partition, &ActivateRules { revision: 1 }.into());
            self.operator.push((partition, ActivateRules { revision: 2 }.into()));
            if self.faults.raises_incarnation {
                self.operator.push((partition, RaiseIncarnation { incarnation: 1 }.into()));
            }
            self.operator.insert(0, (partition, propose(kind, number, (2, second_rules))));
        }
        // Every partition knows the revision before one switches to it; which is first is open.
        self.operator.reverse();
        let shards = self.broker.shards().len();
        for index in 1..self.operator.len() - shards {
            let other = self.random.below(index + 1);
            self.operator.swap(index, other);
        }
    }

    fn operate(&mut self, partition: PartitionId, command: &Command) {
        let now = self.now;
        let log = self.broker.log_mut(partition);
        let (key, headers, value) = (None, Vec::new(), command.to_single_object());
        log.append(Stored { timestamp: now + log.clock_ahead, key, value, headers });
        self.answer(partition);
    }

    /// The operator's next record.
    pub(crate) fn operate_next(&mut self) {
        if let Some((partition, command)) = self.operator.pop() {
            self.operate(partition, &command);
        }
    }

    pub(crate) fn clock_error(&mut self) -> Millis {
        let most = self.faults.clock_ms;
        self.random.between(-most, most)
    }

    fn new_producer(&mut self, in_flight_max: usize) -> Producer {
        self.producers += 1;
        Producer::new(self.producers, in_flight_max)
    }

    pub(crate) fn output_producers(&mut self) -> Vec<Producer> {
        let count = planted!(TwoProducers => 2; 1);
        let in_flight_max = planted!(FiveInFlight => 5; 1);
        (0..count).map(|_| self.new_producer(in_flight_max)).collect()
    }

    pub(crate) fn new_node(&mut self, index: usize) -> Node {
        let producers = self.output_producers();
        let clock_ahead = self.clock_error();
        Node::new(producers, index == 0, clock_ahead)
    }

    pub(crate) fn new_edge(&mut self) -> Edge {
        let nonce = self.random.next();
        let producer = self.new_producer(1);
        let replies = i32::from(self.random.chance(500));
        let clock_ahead = self.clock_error();
        Edge::new(nonce, producer, replies, &self.broker, clock_ahead)
    }

    pub(crate) fn command_producer(&mut self) -> Producer {
        self.new_producer(1)
    }

    /// Answers that a change of a log has made due.
    pub(crate) fn answer(&mut self, partition: PartitionId) {
        for (producer, first, response) in self.broker.log_mut(partition).answers() {
            self.respond(producer, partition, first, response);
        }
    }

    fn respond(&mut self, producer: u64, partition: PartitionId, first: u64, response: Response) {
        if self.random.chance(self.faults.unanswered) {
            return;
        }
        let due = self.now + self.random.between(0, 10);
        self.network.send(due, Message::Answer { producer, partition, first, response });
    }

    /// Everything that arrives by now.
    pub(crate) fn deliver(&mut self) -> Result<(), Violation> {
        while let Some(message) = self.network.due(self.now) {
            match message {
                Message::Produce(request) => {
                    let (producer, partition) = (request.producer, request.partition);
                    let is_command = self.edges.iter().any(|e| e.producer.id() == producer);
                    let never = !is_command && self.random.chance(self.faults.refused_for_good);
                    let response = if never {
                        Some(Response::Never)
                    } else if self.random.chance(self.faults.refused) {
                        Some(Response::NotNow)
                    } else {
                        let is_replicated = !self.random.chance(self.faults.unreplicated);
                        let now = self.now;
                        self.broker.log_mut(partition).take(&request, now, is_replicated)
                    };
                    if let Some(response) = response {
                        self.respond(producer, partition, request.first, response);
                    }
                    self.answer(partition);
                }
                Message::Answer { producer, partition, first, response } => {
                    let nodes = self.nodes.iter_mut().flatten();
                    let mut producers = nodes.filter_map(|node| node.producer_of(producer));
                    if let Some(of_node) = producers.next() {
                        of_node.answered(partition, first, response);
                        continue;
                    }
                    let mut edges = self.edges.iter_mut().map(|edge| &mut edge.producer);
                    if let Some(of_edge) = edges.find(|p| p.id() == producer) {
                        of_edge.answered(partition, first, response);
                    }
                }
                Message::Commit(shard, committed) => {
                    self.group.committed.insert(shard, committed);
                }
                Message::Publish(snapshot) => self.publish(&snapshot)?,
            }
        }
        Ok(())
    }

    pub(crate) fn hear(&mut self, told: Vec<Told>) {
        for told in told {
            // An answer that is lost between edge and caller is none.
            let told = match self.random.chance(self.faults.answer_lost) {
                true => Told { heard: crate::edge::Heard::Unknown, ..told },
                false => told,
            };
            self.callers.hear(told, self.now, &mut self.random);
        }
    }

    /// What this run has seen, counted at its end.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = self.tally;
        for shard in self.broker.shards() {
            for stored in self.broker.commands(shard).visible() {
                tally.records += 1;
                tally.follow_ups += u64::from(stored.text(header::ORIGIN).is_some());
                tally.client_records += u64::from(stored.text(header::ISSUED_AT).is_some());
            }
        }
        let calls = self.callers.calls.iter();
        tally.answered = calls.filter(|call| !call.told.is_empty()).count() as u64;
        tally
    }

    pub(crate) fn violation(what: impl Into<String>) -> Violation {
        Violation(what.into())
    }
}

/// Every revision has other parameters, and the second one other code.
fn propose(kind: Kind, partition: i32, (revision, rules): (i64, i32)) -> Command {
    let stream_id = format!("{kind}-{partition}");
    ProposeRules { revision, rules, stream_id, parameters: parameters(revision) }.into()
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.crashes += other.crashes;
        self.pauses += other.pauses;
        self.takeovers += other.takeovers;
        self.doubts += other.doubts;
        self.fail_overs += other.fail_overs;
        self.lost_tails += other.lost_tails;
        self.unreplicated_gone += other.unreplicated_gone;
        self.snapshots += other.snapshots;
        self.repeated_snapshots += other.repeated_snapshots;
        self.torn_snapshots += other.torn_snapshots;
        self.damaged_snapshots += other.damaged_snapshots;
        self.snapshot_restores += other.snapshot_restores;
        self.unfit_snapshots += other.unfit_snapshots;
        self.whole_restores += other.whole_restores;
        self.archived += other.archived;
        self.out_of_range += other.out_of_range;
        self.client_records += other.client_records;
        self.answered += other.answered;
        self.follow_ups += other.follow_ups;
        self.records += other.records;
    }
}
