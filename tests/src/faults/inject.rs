//! Carries a fault out on the running system, its end included.

use std::time::Duration;

use anyhow::Context as _;
use events::{Kind, Topic};
use futures::future::try_join_all;
use tokio::time::sleep;

use super::{
    archive,
    fault::{Fault, Role},
    reset, rules,
    storm::Storm,
    tail,
    time::{self, Clocks},
};
use crate::{Program, System};

/// Strikes, waits for as long as the fault lasts, and heals.
///
/// # Errors
/// The process did not end or come back as it must.
pub(crate) async fn inject(system: &System, storm: &Storm, fault: Fault) -> anyhow::Result<()> {
    match fault {
        Fault::Kill { role, instance, down } => {
            let program = &programs(system, role)[instance];
            program.kill().await?;
            lasts(down).await;
            program.start().await
        }
        Fault::Pause { role, instance, asleep } => {
            let program = &programs(system, role)[instance];
            program.pause()?;
            lasts(asleep).await;
            program.resume()
        }
        Fault::Roll { role } => {
            for program in programs(system, role) {
                program.term().await?;
                program.start().await?;
            }
            Ok(())
        }
        Fault::KillBroker { broker, down } => {
            let broker = &system.brokers()[broker];
            broker.kill().await.context("a broker did not run when it was killed")?;
            lasts(down).await;
            Ok(broker.start().await?)
        }
        Fault::PauseBroker { broker, asleep } => {
            let broker = &system.brokers()[broker];
            broker.pause()?;
            lasts(asleep).await;
            Ok(broker.resume()?)
        }
        Fault::MoveLeaders { seed } => system.move_leaders(seed).await,
        Fault::HarmProduce { lasting } => {
            storm.rage(lasting).await;
            Ok(())
        }
        Fault::SwitchTimestamps { kind, lasting } => {
            time::go_by(system, kind, Clocks::Writers).await?;
            lasts(lasting).await;
            time::go_by(system, kind, Clocks::Brokers).await
        }
        Fault::LoseTail { kind, partition } => tail::lose(system, kind, partition).await,
        Fault::AdvanceClock { broker } => time::put_ahead(system, broker),
        Fault::SwitchRules { rules, deadline } => {
            let deadline_ms = u64::try_from(deadline.as_millis())?;
            rules::switch(system, rules, deadline_ms).await
        }
        Fault::Archive => archive::archive(system).await,
        Fault::ResetOffsets { role } => reset_offsets(system, role).await,
    }
}

/// A fault takes its time; nothing is waited for.
async fn lasts(duration: Duration) {
    sleep(duration).await;
}

async fn reset_offsets(system: &System, role: Role) -> anyhow::Result<()> {
    let programs = programs(system, role);
    try_join_all(programs.iter().map(Program::kill)).await?;
    match role {
        Role::CommandApi => {
            let topics = Kind::ALL.map(Topic::Commands);
            reset::forwards(&system.log, "command-api", &topics).await?;
        }
        Role::Projector => {
            reset::forwards(&system.log, "projector-orders", &[Topic::Events(Kind::Orders)])
                .await?;
        }
    }
    try_join_all(programs.iter().map(Program::start)).await?;
    match role {
        // The moved offsets look as if everything were decided, until the owners' own replace them.
        Role::CommandApi => reset::is_undone(&system.log).await,
        Role::Projector => Ok(()),
    }
}

fn programs(system: &System, role: Role) -> &[Program] {
    match role {
        Role::CommandApi => &system.command_apis,
        Role::Projector => &system.projectors,
    }
}
