//! What it means that the name of a snapshot is taken.

use super::Snapshot;
use crate::format;

/// What lies under a name, beside the snapshot that should have been written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Another instance was first, with the same bytes.
    Same,
    /// Torn, of another format, or of another log: whoever reads it passes it over.
    Unusable,
    /// Another state: two opinions about one log, an alarm.
    Other,
}

/// Compares a snapshot with what was found under its name. Equal states give equal bytes.
pub fn standing(found: &[u8], snapshot: &Snapshot) -> Standing {
    if found == snapshot.bytes {
        return Standing::Same;
    }
    match (format::decode(found), format::decode(&snapshot.bytes)) {
        (Ok(found), Ok(ours)) if found.stream_id() == ours.stream_id() => Standing::Other,
        _ => Standing::Unusable,
    }
}

#[cfg(test)]
mod tests {
    use events::{Kind, ShardId};

    use super::*;
    use crate::{State, snapshot::Name};

    #[test]
    fn only_another_state_of_the_same_log_is_an_alarm() {
        let shard = ShardId::new(Kind::Orders, 0);
        let of = |now, stream: &str| {
            let stream_id = Some(stream.to_owned());
            format::encode(&State { now, stream_id, ..State::new(shard) })
        };
        let snapshot = Snapshot { name: Name { shard, next_offset: 0 }, bytes: of(1, "s") };
        assert_eq!(standing(&of(1, "s"), &snapshot), Standing::Same);
        assert_eq!(standing(&of(2, "s"), &snapshot), Standing::Other);
        assert_eq!(standing(&of(2, "of the topic before"), &snapshot), Standing::Unusable);
        assert_eq!(standing(&of(1, "s")[..40], &snapshot), Standing::Unusable);
        assert_eq!(standing(b"", &snapshot), Standing::Unusable);
    }
}
