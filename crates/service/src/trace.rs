//! Trace context across process borders: HTTP headers in, record headers out, and back.
//!
//! One text form everywhere: the W3C `traceparent`. `tracestate` and baggage are dropped
//! (PROTOCOL 26). A malformed text counts as absent, as the W3C recommendation demands.

pub mod messaging;
pub(crate) mod past;

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Name of the HTTP and record header.
pub const TRACEPARENT: &str = "traceparent";

/// Length of a version 00 `traceparent`: `00-{32 hex}-{16 hex}-{2 hex}`.
const TEXT_LENGTH: usize = 55;

/// A span of another process that a span here continues or is linked to.
#[derive(Debug, Clone, PartialEq)]
pub struct Parent(SpanContext);

impl Parent {
    /// Reads a `traceparent` text; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if !is_well_formed(text) {
            return None;
        }
        let carrier = Carrier(Some(text.to_owned()));
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
        let span = context.span().span_context().clone();
        span.is_valid().then_some(Self(span))
    }

    /// Reads the `traceparent` of an HTTP request. More than one counts as none.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        match (values.next(), values.next()) {
            (Some(only), None) => Self::parse(only.to_str().ok()?),
            _ => None,
        }
    }

    /// Makes `span` a child of this parent. Call it before `span` is entered or has children;
    /// later it changes nothing. Without telemetry it does nothing.
    pub fn adopt(self, span: &Span) {
        let context = Context::new().with_remote_span_context(self.0);
        // The errors say that the span is not traced, or that it is too late; the contract above
        // covers both.
        let _ = span.set_parent(context);
    }

    /// Links `span` to this parent: for a batch that works for many producers' spans.
    pub fn link(self, span: &Span) {
        span.add_link(self.0);
    }

    /// The trace's id in hex.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.0.trace_id().to_string()
    }

    /// The span's id.
    #[must_use]
    pub fn span_id(&self) -> u64 {
        u64::from_be_bytes(self.0.span_id().to_bytes())
    }

    /// Another span of the same trace.
    #[must_use]
    pub fn with_span(&self, id: u64) -> Self {
        let span = SpanId::from(id);
        let (flags, state) = (self.0.trace_flags(), self.0.trace_state().clone());
        Self(SpanContext::new(self.0.trace_id(), span, flags, true, state))
    }

    /// Whether the other process samples this trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.0.is_sampled()
    }
}

/// The `traceparent` of the current span, for the next hop; `None` outside any traced span.
#[must_use]
pub fn current_traceparent() -> Option<String> {
    traceparent_of(&Span::current())
}

/// The `traceparent` of `span`; `None` when it is not traced.
#[must_use]
pub fn traceparent_of(span: &Span) -> Option<String> {
    let mut carrier = Carrier(None);
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.0
}

/// Whether `span` is recorded for export. Settles its parent: [`Parent::adopt`] comes before.
#[must_use]
pub fn is_sampled(span: &Span) -> bool {
    span.context().span().span_context().is_sampled()
}

/// Gives the traced span another name; its log records keep the old one.
pub fn rename(span: &Span, name: String) {
    span.context().span().update_name(name);
}

/// Whether a text has the exact shape of version 00: the propagator also takes shorter ids.
fn is_well_formed(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == TEXT_LENGTH
        && text.starts_with("00-")
        && text.bytes().enumerate().all(|(at, byte)| match at {
            2 | 35 | 52 => byte == b'-',
            _ => is_hex(byte),
        })
}

/// One `traceparent` on its way through the propagator.
struct Carrier(Option<String>);

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == TRACEPARENT)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const TEXT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn subscriber(sampler: Sampler) -> impl tracing::Subscriber + Send + Sync {
        let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing_subscriber::registry().with(layer)
    }

    #[test]
    fn a_text_that_is_no_traceparent_counts_as_absent() {
        assert!(Parent::parse(TEXT).is_some_and(|parent| parent.is_sampled()));
        for text in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Parent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn two_traceparents_in_one_request_count_as_none() {
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, http::HeaderValue::from_static(TEXT));
        assert!(Parent::from_headers(&headers).is_some());
        headers.append(TRACEPARENT, http::HeaderValue::from_static(TEXT));
        assert!(Parent::from_headers(&headers).is_none());
    }

    #[test]
    fn a_child_keeps_trace_and_sampling_and_has_its_own_span_id() {
        let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
        tracing::subscriber::with_default(subscriber(sampler), || {
            let span = tracing::info_span!("child");
            Parent::parse(TEXT).unwrap().adopt(&span);
            let _entered = span.enter();
            let text = current_traceparent().unwrap();
            assert_eq!((&text[..36], &text[52..]), (&TEXT[..36], &TEXT[52..]));
            assert_ne!(text[36..52], TEXT[36..52]);
            assert!(is_sampled(&span));
        });
    }

    #[test]
    fn a_span_without_parent_has_ids_of_its_own_and_is_marked_as_not_sampled() {
        tracing::subscriber::with_default(subscriber(Sampler::AlwaysOff), || {
            let text = traceparent_of(&tracing::info_span!("root")).unwrap();
            assert!(is_well_formed(&text) && text.ends_with("-00"), "{text}");
        });
    }

    #[test]
    fn without_telemetry_there_is_no_traceparent() {
        assert_eq!(current_traceparent(), None);
    }
}
