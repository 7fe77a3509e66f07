//! The headers of a client command record.

use events::{
    Millis,
    header::{self, Headers, ReturnAddress},
};
use uuid::Uuid;

/// One copy of a client command, apart from key and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy<'a> {
    pub command_id: Uuid,
    pub caller: &'a str,
    /// Log time at which this copy was stamped.
    pub issued_at: Millis,
    pub reply_to: ReturnAddress,
    /// The version that the aggregate must have.
    pub version: Option<i64>,
    pub traceparent: Option<&'a str>,
}

/// The headers in their fixed order.
pub fn headers(copy: &Copy<'_>) -> Headers {
    let mut headers = Vec::with_capacity(6);
    headers.push((header::COMMAND, copy.command_id.to_string()));
    headers.push((header::CALLER, copy.caller.to_owned()));
    headers.push((header::ISSUED_AT, copy.issued_at.to_string()));
    headers.push((header::REPLY_TO, copy.reply_to.to_string()));
    if let Some(version) = copy.version {
        headers.push((header::IF_MATCH, version.to_string()));
    }
    if let Some(traceparent) = copy.traceparent {
        headers.push((header::TRACEPARENT, traceparent.to_owned()));
    }
    headers
}
