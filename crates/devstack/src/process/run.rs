//! Runs a program to its end, under the same guard as the ones that serve.

use tokio::time::timeout;

use super::{group::Group, log::tail, spec::Spec};
use crate::error::Error;

/// Runs the program and waits for its end, within [`Spec::start_within`]; `ready` means nothing
/// here. Dropping the future kills the program.
///
/// # Errors
/// [`Error::Failed`] with the last lines of its output; [`Error::Io`] when it cannot be started.
pub(crate) async fn to_end(spec: &Spec) -> Result<(), Error> {
    let group = Group::launch(spec)?;
    let why = match timeout(spec.start_within, group.ended()).await {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => status.to_string(),
        Err(_) => format!("not done after {:?}", spec.start_within),
    };
    Err(Error::Failed { name: spec.name.clone(), why, tail: tail(&spec.log, group.log_start()) })
}
