//! Telemetry: structured logs on standard error, and spans with W3C trace and span ids.
//!
//! Log messages are sentences that can be read alone; values are fields. The two layers filter
//! apart: a quiet log does not cut traces.

use std::io::IsTerminal;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{ParseError, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::build::Build;
use crate::config::{LogArgs, LogFormat, TraceArgs};
use crate::otlp::{self, OtlpError};
use crate::trace::past;

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The log filter does not parse; configuration checks it first.
    #[error("the log filter is not valid")]
    Filter(#[from] ParseError),
    /// The process already has a subscriber; telemetry starts once.
    #[error("telemetry was started twice")]
    Twice(#[from] TryInitError),
    /// Spans cannot be exported.
    #[error("spans cannot be exported (--otlp-endpoint)")]
    Export(#[from] OtlpError),
}

/// Keeps telemetry alive. Dropping it hands finished spans to the exporters, if there are any.
#[derive(Debug)]
#[must_use = "telemetry ends when the guard is dropped"]
pub struct Guard {
    provider: SdkTracerProvider,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown() {
            eprintln!("The last spans were not exported: {error}");
        }
    }
}

/// Starts logs and traces for the whole process, and reports panics as log records.
///
/// # Errors
/// When the filter does not parse, telemetry was started before, or spans cannot be exported.
pub fn init(build: &Build, log: &LogArgs, trace: &TraceArgs) -> Result<Guard, InitError> {
    let provider = provider(build, trace)?;
    let tracer = provider.tracer(build.name);
    let filter = EnvFilter::try_new(&log.log_filter)?;
    tracing_subscriber::registry()
        .with(log_layer(log.log_format).with_filter(filter))
        .with(trace_layer(tracer))
        .try_init()?;
    if trace.otlp_endpoint.is_some() {
        past::export_by(provider.tracer(build.name));
    }
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    std::panic::set_hook(Box::new(report_panic));
    Ok(Guard { provider })
}

/// The tracer provider, with an exporter where a collector is named. The batches of the exporter follow
/// the `OTEL_BSP_*` variables.
fn provider(build: &Build, trace: &TraceArgs) -> Result<SdkTracerProvider, OtlpError> {
    // A caller that samples is followed; without a caller's word the configured share is sampled.
    let own = match trace.trace_sample_ratio {
        ratio if ratio <= 0.0 => Sampler::AlwaysOff,
        ratio => Sampler::TraceIdRatioBased(ratio),
    };
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(own)))
        .with_id_generator(past::Ids::default());
    let Some(endpoint) = &trace.otlp_endpoint else {
        return Ok(provider.build());
    };
    let resource = Resource::builder()
        .with_service_name(build.name)
        .with_attribute(KeyValue::new("service.namespace", "spillway"))
        .with_attribute(KeyValue::new("service.version", build.version))
        .build();
    let exporter = otlp::exporter(endpoint)?;
    Ok(provider.with_resource(resource).with_batch_exporter(exporter).build())
}

/// Spans from INFO up, whatever the log filter says; warnings and errors become span events.
fn trace_layer<S>(tracer: opentelemetry_sdk::trace::SdkTracer) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let wanted = filter_fn(|metadata| {
        let lowest = if metadata.is_span() { Level::INFO } else { Level::WARN };
        *metadata.level() <= lowest
    });
    // Context activation, inactivity tracking and source locations cost time on every poll or
    // span and say nothing that the span's own fields do not.
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_context_activation(false)
        .with_tracked_inactivity(false)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_filter(wanted)
}

/// Text for people at a terminal, JSON lines for everything else.
fn log_layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let terminal = std::io::stderr().is_terminal();
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !terminal,
    };
    if json {
        fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .boxed()
    } else {
        let colour = terminal && std::env::var_os("NO_COLOR").is_none();
        fmt::layer().with_ansi(colour).with_writer(std::io::stderr).boxed()
    }
}

/// A panic is a record like every other, so that log search finds it.
fn report_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a payload that is no text");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(
        panic = message,
        place,
        thread = thread.name().unwrap_or("unnamed"),
        "A thread panicked."
    );
}
