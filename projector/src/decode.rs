//! From a record to a fact: the body by its codec, the rest from the headers.

use std::{fmt::Debug, future::Future};

use chrono::{DateTime, Utc};
use eventlog::{DecodeError, Record, SchemaReader, registry::RegistryError};
use events::{
    Event,
    codec::Record as _,
    header::{self, View},
    outcome::Outcome,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    fact::{Fact, Poison, Source, class, time},
    fold::Content,
    intake::Arrived,
};

/// What the records of a topic say.
pub trait Body: Debug + Serialize + Send + Sync + Sized + 'static {
    /// Decodes a record. Fails only when the registry is to blame: then the same record is decoded
    /// again later.
    fn decode(
        arrived: &Arrived,
        schemas: &SchemaReader,
    ) -> impl Future<Output = Result<Content<Self>, RegistryError>> + Send;

    /// The aggregate whose version rises with it; `None` where the record carries no version.
    fn aggregate(&self) -> Option<&str>;
}

impl Body for Event {
    async fn decode(
        arrived: &Arrived,
        schemas: &SchemaReader,
    ) -> Result<Content<Self>, RegistryError> {
        let event = match schemas.decode(&arrived.record).await {
            Ok(event) => event,
            Err(DecodeError::Registry(error)) => return Err(error),
            Err(DecodeError::Poison(poison)) => {
                return Ok(Err(Poison::new(poison.class(), poison.to_string())));
            }
        };
        let headers = arrived.record.headers();
        let headers = View(&headers);
        Ok(event_time(headers).map(|at| Fact {
            at,
            version: headers.number(header::VERSION),
            command_id: headers.text(header::COMMAND).and_then(|id| Uuid::parse_str(id).ok()),
            source: source(arrived),
            body: event,
        }))
    }

    fn aggregate(&self) -> Option<&str> {
        self.is_versioned().then(|| self.key())
    }
}

impl Body for Outcome {
    async fn decode(arrived: &Arrived, _: &SchemaReader) -> Result<Content<Self>, RegistryError> {
        Ok(outcome(&arrived.record).and_then(|outcome| {
            let at = time(outcome.decided_at)
                .map_err(|unfit| Poison::new(class::UNDECODABLE, unfit.to_string()))?;
            Ok(Fact { at, version: None, command_id: None, source: source(arrived), body: outcome })
        }))
    }

    fn aggregate(&self) -> Option<&str> {
        None
    }
}

fn outcome(record: &Record) -> Result<Outcome, Poison> {
    let value = record.value().ok_or_else(|| Poison::new(class::NO_VALUE, "it has no value"))?;
    let outcome = Outcome::from_single_object(value)
        .map_err(|error| Poison::new(class::UNDECODABLE, error.to_string()))?;
    if record.key() == Some(outcome.key.as_bytes()) {
        Ok(outcome)
    } else {
        let message = format!("the record's key is not the outcome's, which is {}", outcome.key);
        Err(Poison::new(class::WRONG_KEY, message))
    }
}

fn event_time(headers: View<'_>) -> Result<DateTime<Utc>, Poison> {
    headers
        .text(header::CE_TIME)
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .map(|at| at.to_utc())
        .ok_or_else(|| {
            let message = format!("the header {} is missing or unreadable", header::CE_TIME);
            Poison::new(class::BAD_HEADER, message)
        })
}

fn source(arrived: &Arrived) -> Source {
    let origin = View(&arrived.record.headers()).origin();
    Source {
        partition: arrived.record.partition.clone(),
        offset: arrived.record.offset,
        incarnation: arrived.envelope.mark.incarnation,
        link_sequence: arrived.envelope.mark.link_sequence,
        origin,
    }
}
