//! What every client does with the errors that librdkafka reports on the side.

use rdkafka::{
    ClientContext,
    consumer::ConsumerContext,
    error::{KafkaError, RDKafkaErrorCode},
};

use crate::metrics::CLIENT_ERRORS;

/// Context of a client without callbacks of its own.
#[derive(Debug)]
pub(crate) struct Context {
    /// What the client is for, as label and log field.
    pub(crate) client: &'static str,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        note_error(self.client, &error, reason);
    }
}

impl ConsumerContext for Context {}

/// Counts and logs an error that librdkafka handles itself by trying again. The library reports the
/// end of a partition and our own refusal to reset an offset here too; those are no trouble.
pub(crate) fn note_error(client: &'static str, error: &KafkaError, reason: &str) {
    if matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::AutoOffsetReset)
    ) {
        return;
    }
    metrics::counter!(CLIENT_ERRORS, "client" => client).increment(1);
    tracing::warn!(client, %error, reason, "the Kafka client met an error and goes on trying");
}
