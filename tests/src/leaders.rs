//! Gives every partition another leader, as an operator would: with Kafka's own tools.

use std::fs;

use events::Topic;
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::{Value, json};

use crate::{System, until};

const REASSIGN: &str = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand";
const ELECT: &str = "org.apache.kafka.tools.LeaderElectionCommand";
/// Where the groups keep their offsets, and how many partitions that has in the local stack.
const OFFSETS: (&str, usize) = ("__consumer_offsets", 4);
const BROKERS: [i32; 3] = [1, 2, 3];

impl System {
    /// Puts the copies of every partition into an order that the seed says and has the first one
    /// lead. Needs three brokers.
    ///
    /// # Errors
    /// The brokers do not do it in time: a copy that was away must be in sync again before it may
    /// lead.
    pub async fn move_leaders(&self, seed: u64) -> anyhow::Result<()> {
        let file = self.stack().dir().join("reassignment.json");
        fs::write(&file, assignment(self, seed).to_string())?;
        let file = file.display().to_string();
        let servers = self.stack().bootstrap_servers();
        let to = ["--bootstrap-server", servers.as_str()];
        until("the copies have another order", async || {
            let args = [&to[..], &["--reassignment-json-file", &file, "--execute"]].concat();
            Ok(self.stack().kafka_tool(REASSIGN, &args).await?)
        })
        .await?;
        until("the first copies lead", async || {
            let args = [&to[..], &["--election-type", "preferred", "--all-topic-partitions"]];
            Ok(self.stack().kafka_tool(ELECT, &args.concat()).await?)
        })
        .await
    }
}

fn assignment(system: &System, seed: u64) -> Value {
    let mut rng = StdRng::seed_from_u64(seed);
    let counts = Topic::ALL.map(|topic| (topic.name(), system.log.partitions(topic).len()));
    let mut partitions = Vec::new();
    for (topic, count) in counts.into_iter().chain([OFFSETS]) {
        for partition in 0..count {
            let mut replicas = BROKERS;
            replicas.shuffle(&mut rng);
            partitions.push(json!({"topic": topic, "partition": partition, "replicas": replicas}));
        }
    }
    json!({"version": 1, "partitions": partitions})
}
