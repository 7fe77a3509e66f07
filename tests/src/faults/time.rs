//! What is done to log time: a topic switched to its writers' clocks, a broker's clock an hour ahead.

use std::time::Duration;

use events::{Kind, Topic};

use crate::{System, until};

const CONFIGS: &str = "kafka.admin.ConfigCommand";
/// How far ahead a broker's clock is put. Log time never goes back, so the clock stays there.
const AHEAD: Duration = Duration::from_secs(3_600);

/// Who says when a record of a command topic was written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clocks {
    Writers,
    Brokers,
}

/// Switches a command topic's timestamps.
///
/// # Errors
/// The brokers do not take it in time.
pub(super) async fn go_by(system: &System, kind: Kind, clocks: Clocks) -> anyhow::Result<()> {
    let servers = system.stack().bootstrap_servers();
    let setting = match clocks {
        Clocks::Writers => "message.timestamp.type=CreateTime",
        Clocks::Brokers => "message.timestamp.type=LogAppendTime",
    };
    let topic = Topic::Commands(kind).name();
    until("the topic's timestamps are switched", async || {
        let args = ["--bootstrap-server", &servers, "--alter", "--topic", topic];
        let args = [&args[..], &["--add-config", setting]].concat();
        Ok(system.stack().kafka_tool(CONFIGS, &args).await?)
    })
    .await
}

/// Puts a broker's clock ahead, for good.
///
/// # Errors
/// The clock cannot be set.
pub(super) fn put_ahead(system: &System, broker: usize) -> anyhow::Result<()> {
    Ok(system.stack().set_clock(broker, AHEAD)?)
}

/// Puts all clocks where the furthest may be, so that log time goes on in every shard and the last
/// deadlines pass.
///
/// # Errors
/// A clock cannot be set.
pub(super) fn put_all_ahead(system: &System) -> anyhow::Result<()> {
    (0..system.brokers().len()).try_for_each(|broker| put_ahead(system, broker))
}
