//! Correlation numbers: which copy of which command a reply belongs to.

use events::reply::Reply;
use uuid::Uuid;

/// The numbers of one life of one edge: a random nonce above a counter, 128 bits in all. None is
/// used twice, not even for a second copy of one command.
#[derive(Debug, Clone, Copy)]
pub struct Correlations {
    nonce: u64,
}

impl Correlations {
    /// `nonce` must be random for each life of each instance.
    pub fn new(nonce: u64) -> Self {
        planted!(CorrelationReused => Self { nonce: 0 }; Self { nonce })
    }

    /// The correlation of a copy; `ticket` counts the copies of this life.
    pub fn of(self, ticket: u64) -> u128 {
        (u128::from(self.nonce) << 64) | u128::from(ticket)
    }

    /// The ticket that a reply names; `None` when it belongs to another instance or life.
    pub fn ticket(self, reply: &Reply) -> Option<u64> {
        let correlation = u128::from_str_radix(&reply.correlation, 16).ok()?;
        // Both halves fit by construction.
        #[allow(clippy::cast_possible_truncation)]
        let (nonce, ticket) = ((correlation >> 64) as u64, correlation as u64);
        (nonce == self.nonce).then_some(ticket)
    }
}

/// Whether a reply names this command; a correlation alone is not believed.
pub fn answers(reply: &Reply, command_id: Uuid) -> bool {
    Uuid::try_parse(&reply.command_id) == Ok(command_id)
}
