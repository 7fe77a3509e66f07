//! The end of all faults: one owner for each shard, everything delivered, every deadline passed.

use events::{ShardId, Topic};
use shard::planted;

use crate::{Violation, faults::Faults, world::World};

/// Rounds after which a world that does not come to rest never will.
const ROUNDS_MAX: usize = 20_000;

impl World {
    /// Ends the faults, repairs what lost its tail, and runs until nothing is left to do.
    pub(crate) fn heal(&mut self) -> Result<(), Violation> {
        self.faults = Faults::none();
        self.callers.stop();
        while !self.operator.is_empty() {
            self.operate_next();
        }
        for index in 0..self.nodes.len() {
            if self.nodes[index].is_none() {
                let node = self.new_node(index);
                self.nodes[index] = Some(node);
            }
            if let Some(node) = self.nodes[index].as_mut() {
                (node.paused_until, node.cut_off_until) = (0, 0);
            }
        }
        self.run_to_rest()?;
        if planted!(LostTailNotRepaired => false; true) {
            self.repair()?;
        }
        // Past every payment deadline: what is not paid expires.
        for _ in 0..3 {
            self.now += 2_600;
            self.run_to_rest()?;
        }
        self.read_all();
        Ok(())
    }

    /// Emits again what the event partitions lost: one more owner of the shard, which starts lower
    /// (8). It asks nobody, and the owner of the shard does not notice.
    fn repair(&mut self) -> Result<(), Violation> {
        for ((topic, partition), from) in self.cut.clone() {
            let Topic::Events(kind) = topic else { continue };
            let shard = ShardId::new(kind, partition);
            let mut node = self.new_node(self.nodes.len());
            let (broker, library) = (&self.broker, &self.library);
            node.rewind(shard, from, broker, library).map_err(Self::violation)?;
            self.nodes.push(Some(node));
            self.run_to_rest()?;
            self.nodes.pop();
        }
        Ok(())
    }

    fn run_to_rest(&mut self) -> Result<(), Violation> {
        for _ in 0..ROUNDS_MAX {
            self.now += 5;
            self.deliver()?;
            self.replicate_all();
            for index in 0..self.nodes.len() {
                for what in [10, 8, 0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 6, 7, 9] {
                    self.node_move(index, what)?;
                }
            }
            for index in 0..self.edges.len() {
                self.edge_move(index);
            }
            if self.is_at_rest() {
                return Ok(());
            }
            if self.nodes.iter().flatten().all(|node| node.is_idle(&self.broker)) {
                // Only callers wait, for replies that never come.
                self.now += 100;
            }
            if self.is_waiting_for_the_network() {
                self.now = self.network.next_due().unwrap_or(self.now);
            }
        }
        let obstacles = self.nodes.iter().flatten().filter_map(|node| node.processor.obstacle());
        let obstacles = obstacles.collect::<Vec<_>>().join("; ");
        Err(Self::violation(format!("the world does not come to rest: {obstacles}")))
    }

    fn is_at_rest(&self) -> bool {
        let owned = |(shard, owner): (&ShardId, &usize)| {
            self.nodes[*owner].as_ref().is_some_and(|node| node.holds(*shard))
        };
        self.is_waiting_for_the_network()
            && self.network.next_due().is_none()
            && self.group.owners.iter().all(owned)
    }

    fn is_waiting_for_the_network(&self) -> bool {
        self.nodes.iter().flatten().all(|node| node.is_idle(&self.broker))
            && self.edges.iter().all(crate::edge::Edge::is_idle)
    }
}
