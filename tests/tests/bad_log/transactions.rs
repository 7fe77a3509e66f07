//! Somebody writes a command topic in transactions, which nobody should. A transaction's marker takes
//! an offset that no reader is ever shown: the log has a hole there, and the shard goes on behind it.

use std::time::Duration;

use anyhow::ensure;
use eventlog::Partition;
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use spillway_tests::{Client, System};
use tokio::task::spawn_blocking;

use super::{ORDERS, orders_go_on_in_every_shard};

const WITHIN: Duration = Duration::from_secs(120);
const SHARD: i32 = 0;

/// Gives the number of records that are no commands.
pub(super) async fn a_marker_in_the_log_stops_nothing(
    system: &System,
    client: &Client,
) -> anyhow::Result<u64> {
    transact(system, true).await?;
    transact(system, false).await?;
    let records = system.log.read(Partition::of(ORDERS, SHARD)).await?;
    let follows = |pair: &[eventlog::Record]| pair[1].offset == pair[0].offset + 1;
    ensure!(!records.windows(2).all(follows), "the log has no hole");
    orders_go_on_in_every_shard(client, "behind-markers").await?;

    // Now one is the last thing in the log, for a new owner and for a repair.
    transact(system, true).await?;
    let instance = &system.command_apis[0];
    instance.kill().await?;
    instance.start().await?;
    let shard = format!("orders/{SHARD}");
    system.tool.done(&["repair", "--shard", &shard, "--from", "0", "--yes"]).await?;
    orders_go_on_in_every_shard(client, "with-a-new-owner").await?;
    assert_eq!(instance.metric("spillway_shard_halted", "").await?, 0.0);
    // Whatever became of its transaction, a record is there for every reader.
    Ok(3)
}

/// Writes one record and the marker of a commit or an abort.
async fn transact(system: &System, is_committed: bool) -> anyhow::Result<()> {
    let servers = system.stack().bootstrap_servers();
    spawn_blocking(move || {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("transactional.id", "a stranger")
            .create()?;
        producer.init_transactions(WITHIN)?;
        producer.begin_transaction()?;
        let record = BaseRecord::<[u8], [u8]>::to(ORDERS.name());
        let record = record.partition(SHARD).payload(&b"in a transaction"[..]);
        producer.send(record).map_err(|(error, _)| error)?;
        producer.flush(WITHIN)?;
        match is_committed {
            true => producer.commit_transaction(WITHIN)?,
            false => producer.abort_transaction(WITHIN)?,
        }
        Ok(())
    })
    .await?
}
