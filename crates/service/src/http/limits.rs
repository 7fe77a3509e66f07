//! Limits of the HTTP server: what a client, honest or not, can make it hold.

use std::time::Duration;

/// Limits of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more wait in the kernel's backlog.
    pub connections_max: usize,
    /// Time to send the head of a request, counted from the accept or the previous answer. It
    /// cuts silent clients and idle kept-alive connections alike.
    pub header_timeout: Duration,
    /// How long a client may take nothing of what is written to it. It cuts clients that have
    /// stopped reading, streams and upgraded connections among them; a slow reader goes on.
    pub write_timeout: Duration,
    /// Longest silence within the body of a request.
    pub body_timeout: Duration,
    /// Largest request body; more is answered 413.
    pub body_bytes_max: usize,
    /// How long requests are still accepted after the stop. The process is not ready from the stop
    /// on, so a balancer in front has this time to notice before it would meet a closed port.
    pub unready: Duration,
    /// How long requests in flight may take after that before they are cut.
    pub drain: Duration,
}

impl Default for Limits {
    /// The defaults of [`HttpArgs`](crate::config::HttpArgs), which says why.
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            header_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(10),
            body_bytes_max: 256 * 1_024,
            unready: Duration::ZERO,
            drain: Duration::from_secs(15),
        }
    }
}
