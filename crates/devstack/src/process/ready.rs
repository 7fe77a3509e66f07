//! Waits until a started program serves, and notices when it dies instead.

use std::time::Duration;

use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout_at},
};

use super::{
    group::Group,
    log::{Search, tail},
    spec::{Ready, Spec},
};
use crate::{error::Error, http};

/// Between two looks: short against the start of any part.
const POLL: Duration = Duration::from_millis(20);

/// Waits for readiness, the program's end or the deadline, whichever comes first.
pub(super) async fn wait(spec: &Spec, group: &Group, deadline: Instant) -> Result<(), Error> {
    let first = async {
        tokio::select! {
            // A program that is ready and then ends was not ready.
            biased;
            status = group.ended() => Err(status),
            () = ready(spec, group.log_start()) => Ok(()),
        }
    };
    match timeout_at(deadline, first).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(status)) => Err(Error::Died {
            name: spec.name.clone(),
            status,
            log: spec.log.clone(),
            tail: tail(&spec.log, group.log_start()),
        }),
        Err(_) => Err(Error::NotReady {
            name: spec.name.clone(),
            within: spec.start_within,
            log: spec.log.clone(),
            tail: tail(&spec.log, group.log_start()),
        }),
    }
}

async fn ready(spec: &Spec, log_start: u64) {
    match &spec.ready {
        Ready::AtOnce => {}
        Ready::LogLine(text) => {
            let mut search = Search::new(&spec.log, log_start, text);
            while !search.found() {
                sleep(POLL).await;
            }
        }
        Ready::Tcp(address) => {
            while TcpStream::connect(address).await.is_err() {
                sleep(POLL).await;
            }
        }
        Ready::Http(url) => {
            while !http::get(url).await.is_ok_and(|(status, _)| status.is_success()) {
                sleep(POLL).await;
            }
        }
    }
}
