//! What the projector and the tool say when rows have changed; see the projector's `store::notice`.

use events::position::Mark;

use super::row;
use crate::read::checkpoint::Projection;

/// The channel of changed rows.
pub(super) const ROWS: &str = "rows";
/// The channel of switches between generations: `NAME/NEW/OLD`.
pub(super) const GENERATIONS: &str = "generations";

/// A notice.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice<'a> {
    /// These rows stand as of the mark.
    Changed { projection: Projection, partition: i32, mark: Mark, ids: Vec<&'a str> },
    /// Any row of the read model may have changed, whatever its mark.
    Forget { projection: Projection, generation: Option<i32> },
}

/// Reads a notice; nothing for one of a read model that is not known here, or of which no row is kept. One that cannot be read
/// is of a later release, and says at least that something has changed.
pub(super) fn read<'a>(channel: &str, text: &'a str) -> Option<Notice<'a>> {
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or_default().split('/');
    let projection = Projection::of_name(words.next()?).filter(|of| row::is_kept(*of))?;
    if channel == GENERATIONS {
        let generation = words.next().and_then(|number| number.parse().ok());
        return Some(Notice::Forget { projection, generation });
    }
    let mut change = || {
        let _topic = words.next()?;
        let partition = words.next()?.parse().ok()?;
        let incarnation = words.next()?.parse().ok()?;
        let link_sequence = words.next()?.parse().ok()?;
        Some((partition, Mark { incarnation, link_sequence }))
    };
    let ids: Vec<&str> = lines.collect();
    match change() {
        Some((partition, mark)) if !ids.is_empty() => {
            Some(Notice::Changed { projection, partition, mark, ids })
        }
        _ => Some(Notice::Forget { projection, generation: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_names_rows_or_means_all_of_them() {
        let projection = Projection::Orders;
        let changed = read(ROWS, "orders/orders.events.v1/3/1/42\no-1\no 2/x");
        let mark = Mark { incarnation: 1, link_sequence: 42 };
        let ids = vec!["o-1", "o 2/x"];
        assert_eq!(changed, Some(Notice::Changed { projection, partition: 3, mark, ids }));

        let forget = Some(Notice::Forget { projection, generation: None });
        for text in ["orders", "orders/orders.events.v1/3/1/42", "orders/x\no-1"] {
            assert_eq!(read(ROWS, text), forget, "{text}");
        }
        let switched = read(GENERATIONS, "orders/7/6");
        assert_eq!(switched, Some(Notice::Forget { projection, generation: Some(7) }));
        for other in ["shipments/x/1/0/1\na", "customers/orders.events.v1/1/0/1\no-1", "sales"] {
            assert_eq!(read(ROWS, other), None, "{other}");
        }
    }
}
