//! The edge's part of the protocol, without HTTP and Kafka (PROTOCOL 16, 19): how copies of a
//! command are numbered, stamped and addressed, and which replies are believed.

mod correlation;
mod headers;
mod stamp;

pub use correlation::{Correlations, answers};
pub use headers::{Copy, headers};
pub use stamp::{Stamp, Window, issued_at};
