//! The way of spans to an OpenTelemetry collector: OTLP over HTTP, protobuf bodies.
//!
//! Traces are an aid: spans that nobody takes in time are dropped, and nothing waits for them.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use tokio::runtime::{Builder, Runtime};
use url::Url;

/// Bound on one export. The last one is waited for at the stop, well within its deadline.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no way to the collector.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// No HTTP client could be made.
    #[error("no HTTP client can be made")]
    Client(#[from] reqwest::Error),
    /// The system gives no resources.
    #[error("no runtime can be made")]
    Runtime(#[from] std::io::Error),
    /// The exporter refuses its settings.
    #[error("the exporter cannot be made")]
    Exporter(#[from] ExporterBuildError),
}

/// An exporter to the collector at a base URL, such as `http://127.0.0.1:4318`.
pub(crate) fn exporter(base: &Url) -> Result<SpanExporter, OtlpError> {
    let endpoint = format!("{}/v1/traces", base.as_str().trim_end_matches('/'));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new()?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(TIMEOUT);
    Ok(exporter.build()?)
}

/// An HTTP client with a runtime of its own: the exporter's thread has none, and is there before and
/// after the process's.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Runtime,
}

impl Client {
    fn new() -> Result<Self, OtlpError> {
        let http =
            reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(TIMEOUT).build()?;
        Ok(Self { http, runtime: Builder::new_current_thread().enable_all().build()? })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let sent = self.http.request(head.method, head.uri.to_string());
        let answer = sent.headers(head.headers).body(body).send().await?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        Ok(response.body(answer.bytes().await?)?)
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    /// Blocks the exporter's own thread, which has nothing else to do.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.runtime.block_on(self.send(request))
    }
}
