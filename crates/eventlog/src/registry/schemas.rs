//! Schemas of writers, by the id in each event, fetched once.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use apache_avro::Schema;
use events::{Event, codec::same_bytes};

use super::client::{Registry, RegistryError};
use crate::metrics::SCHEMA_FETCHES;

/// The schema that a record was written with.
#[derive(Debug)]
pub struct WriterSchema {
    /// Name of the record with its namespace.
    pub full_name: String,
    pub schema: Schema,
    /// True when the compiled-in schema of that name reads the same bytes.
    pub is_ours: bool,
}

impl WriterSchema {
    fn parse(text: &str) -> Result<Self, String> {
        let schema = Schema::parse_str(text).map_err(|error| error.to_string())?;
        let name = schema.name().ok_or("it is no record")?;
        let full_name = name.fullname(None);
        let is_ours =
            Event::codec_of(&full_name).is_some_and(|codec| same_bytes(codec.schema(), &schema));
        Ok(Self { full_name, schema, is_ours })
    }
}

/// Knows writers' schemas by id. Ids never change their schema, so nothing ever leaves the cache;
/// what is not known is asked again each time. Shared by reference between readers.
#[derive(Debug)]
pub struct SchemaReader {
    registry: Registry,
    known: RwLock<HashMap<u32, Arc<WriterSchema>>>,
}

impl SchemaReader {
    pub fn new(registry: Registry) -> Self {
        Self { registry, known: RwLock::default() }
    }

    /// The schema, if it was fetched before. Never waits for the registry.
    pub fn known(&self, id: u32) -> Option<Arc<WriterSchema>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// The schema, fetched where it must be. Retries for about three seconds; after
    /// [`RegistryError::Unanswered`] the caller waits and asks again, for the record is not to
    /// blame. [`RegistryError::UnknownId`] and [`RegistryError::Unreadable`] are the record's fault.
    pub async fn fetch(&self, id: u32) -> Result<Arc<WriterSchema>, RegistryError> {
        if let Some(known) = self.known(id) {
            return Ok(known);
        }
        metrics::counter!(SCHEMA_FETCHES).increment(1);
        let text = self.registry.schema(id).await?;
        let writer = WriterSchema::parse(&text)
            .map(Arc::new)
            .map_err(|reason| RegistryError::Unreadable { id, reason })?;
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&writer));
        Ok(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_schema_is_recognised_without_its_docs() {
        let name = "spillway.events.OrderShipped";
        let text = Event::schema_of(name).expect("an event");
        let mut schema: serde_json::Value = serde_json::from_str(text).expect("JSON");
        schema["doc"] = "another text".into();
        let writer = WriterSchema::parse(&schema.to_string()).expect("readable");
        assert!(writer.is_ours);
        assert_eq!(writer.full_name, name);
    }

    #[test]
    fn another_version_or_another_record_is_not_ours() {
        let other = r#"{"type":"record","name":"OrderShipped","namespace":"spillway.events",
            "fields":[{"name":"order_id","type":"string"}]}"#;
        assert!(!WriterSchema::parse(other).expect("readable").is_ours);
        assert!(WriterSchema::parse("\"string\"").is_err());
        assert!(WriterSchema::parse("{").is_err());
    }
}
