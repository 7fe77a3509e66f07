//! What goes wrong between turns.

use events::{Command, Topic, command::Tick, header::View};

use crate::{
    broker::{PartitionId, Stored},
    world::World,
};

impl World {
    /// Lets this turn's faults happen.
    pub(crate) fn trouble(&mut self) {
        if self.random.chance(self.faults.crash) {
            self.crash();
        }
        if self.random.chance(self.faults.pause) {
            self.pause();
        }
        if self.random.chance(self.faults.rebalance) {
            self.rebalance();
        }
        if self.random.chance(self.faults.edge_crash) {
            let index = self.random.below(self.edges.len());
            let told = self.edges[index].end();
            self.hear(told);
            self.edges[index] = self.new_edge();
        }
        if self.random.chance(self.faults.fail_over) {
            self.fail_over();
        }
        if self.random.chance(self.faults.forgotten_producer)
            && let Some(partition) = self.any_partition(|_| true)
        {
            self.broker.log_mut(partition).forget_producers();
        }
        if self.random.chance(self.faults.stray_tick) {
            self.stray_tick();
        }
        if self.random.chance(self.faults.quiet) {
            self.now += self.random.between(500, 4_000);
        }
        if self.faults.loses_tail && self.random.chance(2) {
            self.lose_tail();
        }
        if self.random.chance(self.faults.commit_forgotten) {
            self.forget_commit();
        }
        if self.random.chance(self.faults.commit_foreign) {
            self.commit_foreign();
        }
        if self.random.chance(self.faults.snapshot_damaged) {
            self.damage_snapshot();
        }
        if self.random.chance(self.faults.snapshot_foreign) {
            self.put_foreign_snapshot();
        }
        if self.random.chance(self.faults.archive) {
            self.archive();
        }
        if self.random.chance(6) {
            self.operate_next();
        }
        self.start_again();
    }

    fn crash(&mut self) {
        let index = self.random.below(self.nodes.len());
        self.tally.crashes += 1;
        self.nodes[index] = None;
        // The session ends, and others get its shards; or it is back before.
        if self.random.chance(700) {
            let shards: Vec<_> = self.group.of(index).collect();
            for shard in shards {
                let to = self.random.below(self.nodes.len());
                self.group.owners.insert(shard, to);
            }
        }
    }

    fn start_again(&mut self) {
        for index in 0..self.nodes.len() {
            if self.nodes[index].is_none() && self.random.chance(50) {
                let node = self.new_node(index);
                self.nodes[index] = Some(node);
            }
        }
    }

    /// Stops an instance, or cuts it off from the coordinator while it works on; either way others
    /// may get its shards meanwhile.
    fn pause(&mut self) {
        let index = self.random.below(self.nodes.len());
        let until = self.now + self.random.between(50, 2_500);
        let is_cut_off = self.random.chance(500);
        let Some(node) = self.nodes[index].as_mut() else { return };
        self.tally.pauses += 1;
        if is_cut_off {
            node.cut_off_until = until;
        } else {
            node.paused_until = until;
            // It hears of the group only some time after it wakes up.
            node.cut_off_until = until + self.random.between(0, 300);
        }
        if self.random.chance(800) {
            let shards: Vec<_> = self.group.of(index).collect();
            for shard in shards {
                let to = self.random.below(self.nodes.len());
                self.group.owners.insert(shard, to);
            }
        }
    }

    fn rebalance(&mut self) {
        let shards = self.broker.shards();
        if let Some(shard) = self.random.pick(&shards) {
            let to = self.random.below(self.nodes.len());
            self.group.owners.insert(shard, to);
        }
    }

    fn fail_over(&mut self) {
        // Chance alone seldom hits one that has something to lose.
        let ahead = self.broker.logs.iter().filter(|(_, log)| log.is_ahead_of_replicas());
        let ahead: Vec<PartitionId> = ahead.map(|(partition, _)| *partition).collect();
        let partition = match self.random.chance(700) {
            true => self.random.pick(&ahead),
            false => self.any_partition(|_| true),
        };
        let Some(partition) = partition else { return };
        self.tally.fail_overs += 1;
        let clock_ahead = self.clock_error();
        let random = &mut self.random;
        let log = self.broker.log_mut(partition);
        let gone = log.fail_over(|count| random.below(count)) as u64;
        self.tally.unreplicated_gone += gone;
        log.clock_ahead = clock_ahead;
        self.answer(partition);
    }

    /// Somebody appends a Tick that nobody needs, or a second one.
    fn stray_tick(&mut self) {
        let is_commands = |partition: &PartitionId| matches!(partition.0, Topic::Commands(_));
        let Some(partition) = self.any_partition(is_commands) else { return };
        let now = self.now;
        let log = self.broker.log_mut(partition);
        let timestamp = now + log.clock_ahead;
        let value = Command::from(Tick {}).to_single_object();
        log.append(Stored { timestamp, key: None, value, headers: Vec::new() });
        self.answer(partition);
    }

    /// Acknowledged events are gone. No rule prevents it; readers must see it, and repair heals it.
    fn lose_tail(&mut self) {
        let is_events = |partition: &PartitionId| matches!(partition.0, Topic::Events(_));
        let Some(partition) = self.any_partition(is_events) else { return };
        let count = 1 + self.random.below(4);
        let lost = self.broker.log_mut(partition).lose_tail(count);
        let origins = lost.iter().filter_map(|stored| View(&stored.view()).origin());
        if let Some(from) = origins.map(|origin| origin.offset).min() {
            self.tally.lost_tails += 1;
            self.faults.loses_tail = false;
            self.cut.insert(partition, from);
        }
        self.answer(partition);
    }

    fn any_partition(&mut self, is_meant: impl Fn(&PartitionId) -> bool) -> Option<PartitionId> {
        let partitions: Vec<_> = self.broker.logs.keys().copied().filter(is_meant).collect();
        self.random.pick(&partitions)
    }
}
