//! From where a partition is read: the checkpoint's hint, as far as the log still holds it. Pure.

use eventlog::Watermarks;

use crate::link::{Checkpoint, Link};

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// At the hint of the checkpoint.
    Hint,
    /// At the oldest record that is kept: the hint led past records that are missing.
    Oldest,
}

/// The offset to start at, and the link that reads from there. `is_kept_for_ever` says that the
/// topic's retention never takes a record.
pub(crate) fn plan(
    checkpoint: Checkpoint,
    log: Watermarks,
    from: From,
    is_kept_for_ever: bool,
) -> (i64, Link) {
    let hint = checkpoint.next_offset;
    let offset = match from {
        From::Hint if log.can_start_at(hint) => hint,
        _ => log.low,
    };
    // Repair can never bring back what retention took, so waiting for it would be for ever.
    let link = if log.low > hint && !is_kept_for_ever {
        Link::after_loss(checkpoint)
    } else {
        Link::new(checkpoint)
    };
    (offset, link)
}

#[cfg(test)]
mod tests {
    use events::position::Mark;

    use super::*;
    use crate::{chain::Chain, envelope::Envelope, link::Verdict};

    const LOG: Watermarks = Watermarks { low: 10, high: 20 };

    fn at(next_offset: i64) -> Checkpoint {
        Checkpoint { next_offset, ..Checkpoint::default() }
    }

    #[test]
    fn a_hint_that_the_log_holds_is_followed() {
        assert_eq!(plan(at(15), LOG, From::Hint, true).0, 15);
        assert_eq!(plan(at(20), LOG, From::Hint, true).0, 20);
        assert_eq!(plan(at(15), LOG, From::Oldest, true).0, 10);
    }

    #[test]
    fn a_hint_that_the_log_does_not_hold_leads_to_the_oldest_record() {
        assert_eq!(plan(at(5), LOG, From::Hint, true).0, 10);
        assert_eq!(plan(at(99), LOG, From::Hint, true).0, 10);
    }

    #[test]
    fn what_retention_took_is_not_waited_for() {
        let first_left = Envelope {
            mark: Mark { incarnation: 0, link_sequence: 40 },
            chain: Chain::new(1),
            ends_step: true,
        };
        let (_, mut link) = plan(at(5), LOG, From::Hint, false);
        assert!(matches!(link.arrive(&first_left, 10), Verdict::Accept { .. }));
        let (_, mut link) = plan(at(5), LOG, From::Hint, true);
        assert!(matches!(link.arrive(&first_left, 10), Verdict::Gap));
    }
}
