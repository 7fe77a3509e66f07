//! A collector of traces within the test: takes OTLP over HTTP and keeps every span.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{AnyValue, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1,
};
use prost::Message as _;
use tokio::{net::TcpListener, task::JoinHandle};

pub use opentelemetry_proto::tonic::trace::v1::span::SpanKind as Kind;

/// A span as it was exported, with ids in hexadecimal digits.
#[derive(Debug, Clone)]
pub struct Span {
    /// Name of the process's program.
    pub service: String,
    pub name: String,
    pub kind: Kind,
    pub trace: String,
    pub id: String,
    /// Empty for the first span of a trace.
    pub parent: String,
    /// Ids of the spans that it is linked to.
    pub links: Vec<String>,
    pub attributes: BTreeMap<String, String>,
    pub began_ns: u64,
    pub ended_ns: u64,
}

/// A collector, which listens for as long as it lives.
#[derive(Debug)]
pub struct Collector {
    url: String,
    spans: Arc<Mutex<Vec<Span>>>,
    serving: JoinHandle<()>,
}

impl Collector {
    /// Listens on a free port of the loopback.
    ///
    /// # Errors
    /// No port can be listened on.
    pub async fn start() -> anyhow::Result<Self> {
        let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn(async move {
            // A listener that fails is seen as spans that never come.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, spans, serving })
    }

    /// Settings of a process that exports here, soon.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.url.clone()),
            ("OTEL_BSP_SCHEDULE_DELAY", "200".to_owned()),
        ]
    }

    /// What has come of a trace.
    #[must_use]
    pub fn trace(&self, id: &str) -> Vec<Span> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.iter().filter(|span| span.trace == id).cloned().collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(
    State(spans): State<Arc<Mutex<Vec<Span>>>>,
    body: Bytes,
) -> Result<Vec<u8>, StatusCode> {
    let request = ExportTraceServiceRequest::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let mut kept = spans.lock().unwrap_or_else(PoisonError::into_inner);
    for of_resource in request.resource_spans {
        let service = service(of_resource.resource.as_ref());
        let exported = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        kept.extend(exported.map(|span| read(&service, span)));
    }
    Ok(ExportTraceServiceResponse::default().encode_to_vec())
}

fn service(resource: Option<&Resource>) -> String {
    let attributes = resource.map(|resource| texts(&resource.attributes)).unwrap_or_default();
    attributes.get("service.name").cloned().unwrap_or_default()
}

fn read(service: &str, span: v1::Span) -> Span {
    Span {
        service: service.to_owned(),
        kind: span.kind(),
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        links: span.links.iter().map(|link| hex(&link.span_id)).collect(),
        attributes: texts(&span.attributes),
        began_ns: span.start_time_unix_nano,
        ended_ns: span.end_time_unix_nano,
        name: span.name,
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &AnyValue| match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let named = attributes.iter();
    named.filter_map(|named| Some((named.key.clone(), text(named.value.as_ref()?)))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
