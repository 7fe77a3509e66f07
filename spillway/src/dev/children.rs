//! The processes of the system: started in the order in which they need each other, watched, and
//! stopped in the opposite one.

use std::{net::SocketAddr, path::Path, process::ExitStatus, time::Duration};

use devstack::{Process, Ready, Spec, Stack, StopSignal};
use events::profile::Profile;
use futures::future::select_all;

use super::{
    binaries::Binaries,
    gateway::Upstreams,
    log_tail,
    ports::{Port, Ports},
    steps::Steps,
};
use crate::running::Service;

/// Restoring shards and migrating take moments here; a loaded machine may need many of them.
const START_WITHIN: Duration = Duration::from_secs(90);
/// Above the 25 s in which a process ends itself.
const GRACE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Children {
    command_api: Process,
    projector: Process,
    query_api: Process,
}

impl Children {
    /// The processes on a running stack, not started yet, with these settings beside the usual ones.
    pub(crate) fn new(
        stack: &Stack,
        binaries: &Binaries,
        ports: &Ports,
        settings: &[(String, String)],
    ) -> Self {
        let spec =
            |name, program, port| spec(stack, name, program, port).envs(settings.iter().cloned());
        let command_api = spec("command-api", &binaries.command_api, &ports.command_api)
            .envs([("SNAPSHOTS", snapshots(stack))]);
        let projector = spec("projector", &binaries.projector, &ports.projector);
        let query_api = spec("query-api", &binaries.query_api, &ports.query_api)
            .envs([("GRAPHQL_PLAYGROUND", "true")]);
        Self {
            command_api: Process::new(command_api),
            projector: Process::new(projector),
            query_api: Process::new(query_api),
        }
    }

    /// The addresses under which they will serve.
    pub(super) fn upstreams(ports: &Ports) -> Upstreams {
        let service = |name: &str, address: SocketAddr| Service {
            name: name.to_owned(),
            url: format!("http://{address}"),
        };
        Upstreams {
            command_api: service("command-api", ports.command_api.address()),
            projector: service("projector", ports.projector.address()),
            query_api: service("query-api", ports.query_api.address()),
        }
    }

    /// Starts them and waits until all are ready. The projector makes the tables that query-api
    /// reads, so that one waits for it.
    pub(crate) async fn start(&self, steps: &Steps) -> anyhow::Result<()> {
        let write_side = start(steps, &self.command_api);
        let read_side = async {
            start(steps, &self.projector).await?;
            start(steps, &self.query_api).await
        };
        tokio::try_join!(write_side, read_side)?;
        Ok(())
    }

    /// Stops them: first what takes commands, so that nothing new arrives while the rest drains.
    pub(crate) async fn stop(&self, steps: &Steps) {
        stop(steps, &self.command_api).await;
        tokio::join!(stop(steps, &self.projector), stop(steps, &self.query_api));
    }

    /// All of them, running or not.
    pub(crate) fn all(&self) -> [&Process; 3] {
        [&self.command_api, &self.projector, &self.query_api]
    }

    /// Waits until one of them, or of the stack, ends by itself, and tells about it.
    pub(crate) async fn first_end(&self, stack: &Stack) -> String {
        // One that has ended already ends the wait at once, so that no death is missed.
        let ends = self.all().into_iter().chain(stack.processes());
        let (report, ..) = select_all(ends.map(|process| Box::pin(end(process)))).await;
        report
    }
}

/// Folder of the shards' snapshots: kept and lost together with the log.
pub(crate) fn snapshots(stack: &Stack) -> String {
    stack.dir().join("snapshots").display().to_string()
}

/// One process of the system on a port.
pub(crate) fn spec(stack: &Stack, name: &str, program: &Path, port: &Port) -> Spec {
    let listen = port.address();
    Spec::new(name, program, stack.logs().join(format!("{name}.log")))
        .arg("--listen")
        .arg(listen.to_string())
        .envs(stack.env())
        .envs([("SPILLWAY_PROFILE", Profile::LOCAL.name)])
        .ready(Ready::Http(format!("http://{listen}/readyz")))
        .start_within(START_WITHIN)
        .stop(StopSignal::Terminate, GRACE)
}

async fn start(steps: &Steps, process: &Process) -> anyhow::Result<()> {
    let start = async { Ok(process.start().await?) };
    steps.run(process.name(), start).await
}

async fn stop(steps: &Steps, process: &Process) {
    let name = process.name().to_owned();
    // Nothing to tell of a process that does not run.
    if process.is_running() {
        let stop = async {
            process.stop().await;
            Ok(())
        };
        let _ = steps.run(&format!("{name} stopped"), stop).await;
    }
}

async fn end(process: &Process) -> String {
    let status = process.ended().await;
    let log = process.log();
    format!(
        "{} {}; the last lines of {}:\n{}",
        process.name(),
        how(status),
        log.display(),
        log_tail::of(log)
    )
}

fn how(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => format!("ended by itself ({status})"),
        None => "ended by itself".to_owned(),
    }
}
