//! When a copy of a command was issued, in log time.

use events::{
    Millis,
    reply::{Answer, Reply},
};

/// The stamp of a first copy: the larger of the own clock and the log time last seen of the shard.
pub fn issued_at(clock: Millis, seen: Millis) -> Millis {
    clock.max(seen)
}

/// The one second stamp that a command may get: its first copy was stamped by a clock that is off,
/// and the answer told the shard's log time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamp {
    is_anew: bool,
}

impl Stamp {
    /// The stamp of the second copy; `None` when this reply ends the command.
    pub fn after(&mut self, reply: &Reply) -> Option<Millis> {
        if self.is_anew || reply.answer != Answer::Stale {
            return None;
        }
        self.is_anew = true;
        Some(reply.now)
    }
}
