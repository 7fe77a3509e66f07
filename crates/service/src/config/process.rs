//! Settings of every process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use url::Url;

use super::{Errors, Validate};
use crate::http::Limits;

/// Everything [`process::run`](crate::process::run) needs; `PORT` is the default port.
#[derive(Debug, Clone, Args)]
pub struct ProcessArgs<const PORT: u16> {
    #[command(flatten)]
    #[allow(missing_docs, reason = "the group documents itself")]
    pub listen: ListenArgs<PORT>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "the group documents itself")]
    pub http: HttpArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "the group documents itself")]
    pub log: LogArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "the group documents itself")]
    pub trace: TraceArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "the group documents itself")]
    pub stop: StopArgs,
}

impl<const PORT: u16> Validate for ProcessArgs<PORT> {
    fn validate(&self, errors: &mut Errors) {
        let HttpArgs { http_unready_s, http_drain_s, .. } = self.http;
        if http_unready_s + http_drain_s >= self.stop.stop_deadline_s {
            let deadline = self.stop.stop_deadline_s;
            errors.add(
                "http-drain-s",
                format!(
                    "must be below --stop-deadline-s ({deadline}), which covers it and \
                     --http-unready-s ({http_unready_s})"
                ),
            );
        }
    }
}

/// Where the process listens.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "HTTP")]
pub struct ListenArgs<const PORT: u16> {
    /// Address to listen on, such as 127.0.0.1:8080. Loopback by default: callers are not
    /// authenticated.
    #[arg(
        long,
        env = "LISTEN",
        value_name = "ADDRESS:PORT",
        default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)),
        value_parser = socket_address
    )]
    pub listen: SocketAddr,
}

/// Limits of the HTTP server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "HTTP")]
pub struct HttpArgs {
    /// Open connections; more wait in the kernel's backlog.
    #[arg(long, env = "HTTP_CONNECTIONS_MAX", value_name = "COUNT", default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub http_connections_max: u32,

    /// Seconds until a silent or idle client is disconnected. Keep it above the idle time of a
    /// load balancer in front (often 60), or that one sends into closing connections.
    #[arg(long, env = "HTTP_HEADER_TIMEOUT_S", value_name = "SECONDS", default_value_t = 75,
        value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub http_header_timeout_s: u64,

    /// Seconds that a client may take nothing of what is written to it before it is disconnected.
    #[arg(long, env = "HTTP_WRITE_TIMEOUT_S", value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub http_write_timeout_s: u64,

    /// Longest silence within a request body, in seconds.
    #[arg(long, env = "HTTP_BODY_TIMEOUT_S", value_name = "SECONDS", default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub http_body_timeout_s: u64,

    /// Largest request body in bytes.
    #[arg(long, env = "HTTP_BODY_BYTES_MAX", value_name = "BYTES", default_value_t = 262_144,
        value_parser = clap::value_parser!(u32).range(1_024..=67_108_864))]
    pub http_body_bytes_max: u32,

    /// Seconds that requests are still accepted after the stop, while /readyz already says no.
    /// Give a load balancer in front the time to notice: a little more than its probes take.
    #[arg(long, env = "HTTP_UNREADY_S", value_name = "SECONDS", default_value_t = 0,
        value_parser = clap::value_parser!(u64).range(0..=600))]
    pub http_unready_s: u64,

    /// Seconds that requests in flight then get to finish.
    #[arg(long, env = "HTTP_DRAIN_S", value_name = "SECONDS", default_value_t = 15,
        value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub http_drain_s: u64,
}

impl HttpArgs {
    /// The limits these settings ask for.
    #[must_use]
    pub fn limits(&self) -> Limits {
        // Both bounds above fit every usize that this runs on.
        let whole = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Limits {
            connections_max: whole(self.http_connections_max),
            header_timeout: Duration::from_secs(self.http_header_timeout_s),
            write_timeout: Duration::from_secs(self.http_write_timeout_s),
            body_timeout: Duration::from_secs(self.http_body_timeout_s),
            body_bytes_max: whole(self.http_body_bytes_max),
            unready: Duration::from_secs(self.http_unready_s),
            drain: Duration::from_secs(self.http_drain_s),
        }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Telemetry")]
pub struct LogArgs {
    /// What is logged: a level, or targets with levels, such as info,service=debug.
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = "info",
        value_parser = log_filter)]
    pub log_filter: String,

    /// Form of the log on standard error.
    #[arg(long, env = "LOG_FORMAT", value_name = "FORMAT", default_value = "auto", value_enum)]
    pub log_format: LogFormat,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text at a terminal, JSON lines elsewhere.
    Auto,
    /// One line of text per record.
    Text,
    /// One JSON object per line.
    Json,
}

/// What is traced.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Telemetry")]
pub struct TraceArgs {
    /// Share of requests without a caller's decision that are sampled, 0 to 1. A caller's
    /// decision, in its traceparent, is always followed.
    #[arg(long, env = "TRACE_SAMPLE_RATIO", value_name = "RATIO", default_value_t = 0.0,
        value_parser = ratio)]
    pub trace_sample_ratio: f64,

    /// Base URL of an OpenTelemetry collector that takes OTLP over HTTP, such as
    /// http://127.0.0.1:4318. Without one, spans are not exported. How they are batched is up to
    /// the OTEL_BSP_* variables.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL",
        value_parser = collector_url)]
    pub otlp_endpoint: Option<Url>,
}

/// How the process stops.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Stop")]
pub struct StopArgs {
    /// Seconds from SIGTERM until the process is ended by force. Keep it below the grace period
    /// of the supervisor (often 30).
    #[arg(long, env = "STOP_DEADLINE_S", value_name = "SECONDS", default_value_t = 25,
        value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub stop_deadline_s: u64,
}

impl StopArgs {
    /// The deadline as a duration.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.stop_deadline_s)
    }
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an IP address and a port, such as 127.0.0.1:8080".to_owned())
}

fn log_filter(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("{error}; give a level such as info, or target=level pairs")),
    }
}

/// Collectors are asked on the same machine or network; one behind TLS needs an agent in between.
fn collector_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host());
    url.ok_or_else(|| {
        "give a URL that begins with http://, such as http://127.0.0.1:4318".to_owned()
    })
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "give a number from 0 to 1".to_owned())
}
