//! What can happen to the system, and what it happens to.

use std::{fmt, time::Duration};

use events::Kind;

/// Instances of each process.
pub(crate) const INSTANCES: usize = 2;

/// A process of the system that there are several of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    CommandApi,
    Projector,
}

/// One fault, with its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL, started again after a while.
    Kill { role: Role, instance: usize, down: Duration },
    /// SIGSTOP, then SIGCONT: nothing knows that it slept.
    Pause { role: Role, instance: usize, asleep: Duration },
    /// SIGTERM, an orderly end, then a start; one instance after the other.
    Roll { role: Role },
    /// All instances killed, the offsets of their group set to the ends of the topics, all started.
    ResetOffsets { role: Role },
    /// SIGKILL of a broker, started again after a while.
    KillBroker { broker: usize, down: Duration },
    /// SIGSTOP of a broker, then SIGCONT.
    PauseBroker { broker: usize, asleep: Duration },
    /// The copies of every partition are put into the order that this seed says, and the first ones
    /// made leaders; the groups' own topic included.
    MoveLeaders { seed: u64 },
    /// Many of the processes' Produce requests are refused, delayed, doubled or cut.
    HarmProduce { lasting: Duration },
    /// A command topic goes by its writers' clocks for a while. No process starts meanwhile.
    SwitchTimestamps { kind: Kind, lasting: Duration },
    /// A broker's clock is an hour ahead from now on.
    AdvanceClock { broker: usize },
    /// All brokers lose their power, and every copy of an event partition its end; its shard is
    /// repaired.
    LoseTail { kind: Kind, partition: i32 },
    /// Other rules, or another payment deadline, are proposed and activated.
    SwitchRules { rules: i32, deadline: Duration },
    /// What an operator does to keep the log short: all but the newest snapshots removed, verified,
    /// and old commands archived.
    Archive,
}

/// What a fault strikes; two faults never strike the same at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// All instances, where none is named.
    Program(Role, Option<usize>),
    EveryProgram,
    Brokers,
    Network,
    Clocks,
    Rules,
    Archive,
}

impl Fault {
    /// The word under which it is counted.
    pub(crate) fn name(&self) -> String {
        match self {
            Fault::Kill { role, .. } => format!("kill of {role}"),
            Fault::Pause { role, .. } => format!("pause of {role}"),
            Fault::Roll { role } => format!("rolling restart of {role}"),
            Fault::ResetOffsets { role } => format!("offsets forwards of {role}"),
            Fault::KillBroker { .. } => "kill of broker".to_owned(),
            Fault::PauseBroker { .. } => "pause of broker".to_owned(),
            Fault::MoveLeaders { .. } => "move of leaders".to_owned(),
            Fault::HarmProduce { .. } => "harm to produce".to_owned(),
            Fault::SwitchTimestamps { .. } => "writers' timestamps".to_owned(),
            Fault::AdvanceClock { .. } => "clock ahead".to_owned(),
            Fault::LoseTail { .. } => "lost end of events".to_owned(),
            Fault::SwitchRules { .. } => "switch of rules".to_owned(),
            Fault::Archive => "archive".to_owned(),
        }
    }

    pub(crate) fn collides(&self, other: &Fault) -> bool {
        match (self.target(), other.target()) {
            (Target::Program(role, one), Target::Program(other, two)) => {
                role == other && one.zip(two).is_none_or(|(one, two)| one == two)
            }
            (Target::EveryProgram, Target::Program(..))
            | (Target::Program(..), Target::EveryProgram) => true,
            // Between the loss of a log's end and its repair, a verification rightly finds rows of
            // events that are not there.
            (Target::Brokers, Target::Archive) => matches!(self, Fault::LoseTail { .. }),
            (Target::Archive, Target::Brokers) => matches!(other, Fault::LoseTail { .. }),
            (one, two) => one == two,
        }
    }

    fn target(&self) -> Target {
        match *self {
            Fault::Kill { role, instance, .. } | Fault::Pause { role, instance, .. } => {
                Target::Program(role, Some(instance))
            }
            Fault::Roll { role } | Fault::ResetOffsets { role } => Target::Program(role, None),
            // Whichever starts refuses such a topic.
            Fault::SwitchTimestamps { .. } => Target::EveryProgram,
            Fault::KillBroker { .. }
            | Fault::PauseBroker { .. }
            | Fault::MoveLeaders { .. }
            | Fault::LoseTail { .. } => Target::Brokers,
            Fault::HarmProduce { .. } => Target::Network,
            Fault::AdvanceClock { .. } => Target::Clocks,
            Fault::SwitchRules { .. } => Target::Rules,
            Fault::Archive => Target::Archive,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::CommandApi => "command-api",
            Role::Projector => "projector",
        })
    }
}
