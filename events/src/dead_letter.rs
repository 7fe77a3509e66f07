//! A record of a command topic that is no command, or could not be read.

use serde::{Deserialize, Serialize};

use crate::codec::record;

/// The trace that such a record leaves; its bytes stay in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandDeadLetter {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// Stable code: `undecodable`, `unknown-schema`, `not-a-command`, `null-key`, `wrong-key`,
    /// `wrong-topic`, `wrong-partition`, `not-initialised`, `proposal-refused`,
    /// `activation-refused`, `panic`.
    pub error_class: String,
    /// A sentence for people.
    pub message: String,
}

record!(CommandDeadLetter, "spillway.deadletters", "dead-letters/CommandDeadLetter.v1.avsc");
