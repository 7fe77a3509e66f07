//! What the parts of a world do in one turn.

use crate::{Violation, network::Message, node::Polled, world::World};

impl World {
    /// Some instances, edges, callers and readers do something; time passes.
    pub(crate) fn turn(&mut self) -> Result<(), Violation> {
        self.now += self.random.between(0, 14);
        self.deliver()?;
        let node = self.random.below(self.nodes.len());
        for _ in 0..1 + self.random.below(6) {
            let what = self.random.below(11);
            self.node_move(node, what)?;
        }
        let edge = self.random.below(self.edges.len());
        self.edge_move(edge);
        if self.random.chance(120) {
            self.callers.think(&mut self.random);
        }
        if let Some(request) = self.callers.due(self.now, &mut self.random) {
            let edge = self.random.below(self.edges.len());
            self.edges[edge].submit(request, self.now);
        }
        if self.random.chance(500) {
            self.read_some();
        }
        self.replicate_some();
        Ok(())
    }

    /// One move of an instance, unless it is down or paused.
    pub(crate) fn node_move(&mut self, index: usize, what: usize) -> Result<(), Violation> {
        let now = self.now;
        let Some(node) = self.nodes[index].as_mut().filter(|node| node.paused_until <= now) else {
            return Ok(());
        };
        node.enter(now);
        match what {
            0..=2 => {
                if let Some(shard) = self.random.pick(&node.shards()) {
                    let polled = node.poll(shard, &self.broker, now).map_err(Self::violation)?;
                    if polled == Polled::OutOfRange {
                        self.tally.out_of_range += 1;
                        self.begin_anew(index);
                    }
                }
            }
            3..=4 => {
                for _ in 0..=self.random.below(4) {
                    node.send();
                }
            }
            5 => {
                let requests: Vec<_> = node
                    .producers
                    .iter_mut()
                    .flat_map(|producer| producer.requests(now, &mut self.random))
                    .collect();
                for request in requests {
                    self.network.produce(&request, false, now, &self.faults, &mut self.random);
                }
            }
            6 => {
                for _ in 0..=self.random.below(4) {
                    if node.take_report() {
                        self.doubt(index);
                        return Ok(());
                    }
                }
            }
            7 => {
                let commits = node.commits(now);
                self.commit(commits);
            }
            8 => {
                let restored = node
                    .restore(&self.broker, &self.group, &self.library, now, &mut self.random)
                    .map_err(Self::violation)?;
                node.tick(now);
                if let Some(restored) = restored {
                    self.tally.snapshot_restores += u64::from(restored.from_snapshot);
                    self.tally.whole_restores += u64::from(!restored.from_snapshot);
                    self.tally.unfit_snapshots += restored.unfit;
                }
            }
            9 => {
                let (broker, library) = (&self.broker, &self.library);
                let taken = node
                    .taker
                    .work(broker, library, now, &mut self.random)
                    .map_err(Self::violation)?;
                if let Some(snapshot) = taken {
                    self.send_snapshot(snapshot);
                }
            }
            _ => self.hear_from_the_group(index),
        }
        Ok(())
    }

    fn doubt(&mut self, index: usize) {
        self.tally.doubts += 1;
        self.begin_anew(index);
    }

    /// Replaces the producer of an instance; all its shards are restored.
    fn begin_anew(&mut self, index: usize) {
        let producers = self.output_producers();
        if let Some(node) = self.nodes[index].as_mut() {
            node.doubt(producers, self.now);
        }
    }

    pub(crate) fn commit(&mut self, commits: Vec<(events::ShardId, shard::processor::Committed)>) {
        for (shard, committed) in commits {
            if self.random.chance(self.faults.commit_lost) {
                continue;
            }
            let is_late = self.random.chance(self.faults.commit_late);
            let delay = self.random.between(0, if is_late { 1_500 } else { 5 });
            self.network.send(self.now + delay, Message::Commit(shard, committed));
        }
    }

    /// Takes over what the coordinator gives, and gives back what it takes. An instance that does
    /// not answer has lost its shards; the others do not wait for it.
    pub(crate) fn hear_from_the_group(&mut self, index: usize) {
        let now = self.now;
        let target: Vec<_> = self.group.of(index).collect();
        let Some(node) = self.nodes[index].as_mut().filter(|node| node.cut_off_until <= now) else {
            return;
        };
        let gone: Vec<_> = node.shards().into_iter().filter(|s| !target.contains(s)).collect();
        let wanted: Vec<_> = target.into_iter().filter(|shard| !node.holds(*shard)).collect();
        for shard in gone {
            let is_lost = self.held_by_another(index, shard);
            if let Some(node) = self.nodes[index].as_mut() {
                let (commits, is_doubtful) = node.revoked(shard, is_lost, now);
                self.commit(commits);
                if is_doubtful {
                    self.doubt(index);
                }
            }
        }
        for shard in wanted {
            let holder_answers = self.nodes.iter().enumerate().any(|(other, node)| {
                let Some(node) = node else { return false };
                let is_reached = node.paused_until <= now && node.cut_off_until <= now;
                other != index && is_reached && node.holds(shard)
            });
            if holder_answers {
                continue;
            }
            if self.held_by_another(index, shard) {
                self.tally.takeovers += 1;
            }
            if let Some(node) = self.nodes[index].as_mut() {
                node.assigned(shard);
            }
        }
    }

    fn held_by_another(&self, index: usize, shard: events::ShardId) -> bool {
        let others = self.nodes.iter().enumerate().filter(|(other, _)| *other != index);
        others.filter_map(|(_, node)| node.as_ref()).any(|node| node.holds(shard))
    }

    /// One round of an edge.
    pub(crate) fn edge_move(&mut self, index: usize) {
        let now = self.now;
        let edge = &mut self.edges[index];
        let requests = edge.producer.requests(now, &mut self.random);
        for request in requests {
            self.network.produce(&request, true, now, &self.faults, &mut self.random);
        }
        edge.read(&self.broker, now);
        let is_doubtful = edge.take_reports();
        if edge.lose_patience(now) || is_doubtful {
            let producer = self.command_producer();
            self.edges[index].replace_producer(producer);
        }
        let told = self.edges[index].told();
        self.hear(told);
    }

    /// One reader reads on, sometimes from before where it was: a Kafka offset is only a hint.
    fn read_some(&mut self) {
        let partitions: Vec<_> = self.broker.logs.keys().copied().collect();
        let Some(partition) = self.random.pick(&partitions) else { return };
        let log = self.broker.log(partition);
        let reader = self.readers.entry(partition).or_default();
        if self.random.chance(50) {
            reader.go_back(self.random.below(log.visible().len() + 1));
        }
        reader.read(log);
    }

    /// All readers read on.
    pub(crate) fn read_all(&mut self) {
        for (partition, log) in &self.broker.logs {
            self.readers.entry(*partition).or_default().read(log);
        }
    }

    fn replicate_some(&mut self) {
        if !self.random.chance(500) {
            return;
        }
        let partitions: Vec<_> = self.broker.logs.keys().copied().collect();
        for partition in partitions {
            if self.random.chance(self.faults.replicated) {
                self.broker.log_mut(partition).replicate();
                self.answer(partition);
            }
        }
    }

    pub(crate) fn replicate_all(&mut self) {
        let partitions: Vec<_> = self.broker.logs.keys().copied().collect();
        for partition in partitions {
            self.broker.log_mut(partition).replicate();
            self.answer(partition);
        }
    }
}
