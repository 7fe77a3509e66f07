//! Spans that are recorded once they are over, some under an id that is known beforehand.
//!
//! What a shard writes names the span that sends it (PROTOCOL 26): an id that follows from the record's
//! origin, so that every owner writes the same bytes. Whoever sends the record records that span.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::SystemTime;

use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Tracer as _};
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracer};

use super::Parent;

thread_local! {
    /// The id of the span that this thread makes next, where it must be a certain one.
    static NEXT: Cell<Option<SpanId>> = const { Cell::new(None) };
}

/// The tracer of this process, if it exports: like the subscriber, a process has one.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Random ids, but for spans whose id is known beforehand.
#[derive(Debug, Default)]
pub(crate) struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        self.0.new_trace_id()
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.take().unwrap_or_else(|| self.0.new_span_id())
    }
}

/// From here on [`record`] exports by this tracer, whose ids are [`Ids`].
pub(crate) fn export_by(tracer: SdkTracer) {
    // A second start of telemetry has failed before.
    let _ = TRACER.set(tracer);
}

/// A span that is over.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) name: String,
    pub(super) kind: SpanKind,
    /// The id that others know it by; random where nobody does.
    pub(super) id: Option<u64>,
    pub(super) began: SystemTime,
    pub(super) attributes: Vec<KeyValue>,
}

/// Whether anything is exported: else no span need be made.
pub(super) fn is_exported() -> bool {
    TRACER.get().is_some()
}

/// Records a span that ends now, as a child of `parent`. Nothing where nothing is exported, or where
/// the parent is not sampled.
pub(super) fn record(parent: &Parent, past: Past) {
    if let Some(tracer) = TRACER.get() {
        record_by(tracer, parent, past);
    }
}

fn record_by(tracer: &SdkTracer, parent: &Parent, past: Past) {
    let context = Context::new().with_remote_span_context(parent.0.clone());
    let builder = SpanBuilder::from_name(past.name)
        .with_kind(past.kind)
        .with_start_time(past.began)
        .with_attributes(past.attributes);
    NEXT.set(past.id.map(SpanId::from));
    let mut span = tracer.build_with_context(builder, &context);
    NEXT.set(None);
    span.end();
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::{SpanContext, TracerProvider as _};
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};

    use super::*;

    /// Keeps what is exported.
    #[derive(Debug, Default, Clone)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().append(&mut batch);
            Ok(())
        }
    }

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    fn past(id: Option<u64>) -> Past {
        let began = SystemTime::UNIX_EPOCH;
        Past {
            name: "send".to_owned(),
            kind: SpanKind::Producer,
            id,
            began,
            attributes: Vec::new(),
        }
    }

    #[test]
    fn a_span_has_the_id_that_others_know_and_its_parents_trace() {
        let exporter = Kept::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .with_id_generator(Ids::default())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))
            .build();
        let tracer = provider.tracer("test");
        let parent = Parent::parse(SAMPLED).unwrap();
        record_by(&tracer, &parent, past(Some(0x17)));
        record_by(&tracer, &parent, past(None));
        record_by(&tracer, &Parent::parse(NOT_SAMPLED).unwrap(), past(Some(0x18)));
        let spans = exporter.0.lock().unwrap();
        let contexts: Vec<&SpanContext> = spans.iter().map(|span| &span.span_context).collect();
        assert_eq!(contexts.len(), 2, "what is not sampled is not exported: {contexts:?}");
        assert_eq!(contexts[0].span_id(), SpanId::from(0x17_u64));
        assert_ne!(contexts[1].span_id(), SpanId::from(0x17_u64));
        for (span, context) in spans.iter().zip(contexts) {
            assert_eq!(context.trace_id().to_string(), parent.trace_id());
            assert_eq!(span.parent_span_id, parent.0.span_id());
        }
    }
}
