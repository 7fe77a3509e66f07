//! Subjects of our events, and the ids that the registry gave them.

use std::collections::BTreeMap;

use events::{Event, Topic};

/// The subject of an event by TopicRecordNameStrategy, such as
/// `orders.events.v1-spillway.events.OrderPlaced`; `None` for a full name that is no event's.
pub fn subject_of(full_name: &str) -> Option<String> {
    let short = full_name.rsplit('.').next()?;
    let kind = Event::kind_of(short).filter(|_| Event::FULL_NAMES.contains(&full_name))?;
    Some(format!("{}-{full_name}", Topic::Events(kind)))
}

/// An event's schema and where it belongs in the registry.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) full_name: &'static str,
    pub(super) schema: &'static str,
}

/// The subjects of all compiled-in events, in the order of the enum.
pub(super) fn all() -> Vec<Subject> {
    Event::FULL_NAMES
        .iter()
        .filter_map(|full_name| {
            Some(Subject {
                name: subject_of(full_name)?,
                full_name,
                schema: Event::schema_of(full_name)?,
            })
        })
        .collect()
}

/// The registry's id of every compiled-in event schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaIds(BTreeMap<&'static str, u32>);

impl SchemaIds {
    pub(super) fn new(ids: BTreeMap<&'static str, u32>) -> Self {
        Self(ids)
    }

    /// The id of a record's full name; `None` for a name that is no event's.
    pub fn of(&self, full_name: &str) -> Option<u32> {
        self.0.get(full_name).copied()
    }

    /// All ids by full name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.0.iter().map(|(name, id)| (*name, *id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_subject_below_its_topic() {
        assert_eq!(all().len(), Event::FULL_NAMES.len());
        assert_eq!(
            subject_of("spillway.events.OrderPlaced").as_deref(),
            Some("orders.events.v1-spillway.events.OrderPlaced")
        );
        assert_eq!(
            subject_of("spillway.events.StockReserved").as_deref(),
            Some("products.events.v1-spillway.events.StockReserved")
        );
        assert_eq!(subject_of("elsewhere.OrderPlaced"), None);
        assert_eq!(subject_of(""), None);
    }
}
