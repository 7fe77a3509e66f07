//! Configuration: flag, else environment variable, else default; every error at once.
//!
//! A process declares a clap struct, flattens the groups it needs and implements [`Validate`] for
//! rules that span several settings; rules of one setting belong in its value parser. `--help` is
//! the reference, and [`reference()`] the same as a page. A secret may come from a file: where `NAME` is read, `NAME_FILE` may name a file
//! that holds the value.
//!
//! Declare a process's own settings with `next_help_heading`, or above the flattened groups:
//! clap lists a setting without a heading under the heading of the group before it.

mod errors;
mod groups;
mod load;
mod process;
mod reference;
mod secret_files;

pub use errors::Errors;
pub use groups::{DatabaseArgs, KafkaArgs, RegistryArgs};
pub use load::{Failure, load, parse};
pub use process::{HttpArgs, ListenArgs, LogArgs, LogFormat, ProcessArgs, StopArgs, TraceArgs};
pub use reference::reference;

/// Rules that span several settings.
pub trait Validate {
    /// Adds every broken rule to `errors`; adds nothing when all hold.
    fn validate(&self, errors: &mut Errors);
}
