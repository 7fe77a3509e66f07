//! The system on a running stack: from empty topics to the table, and back to nothing.

use std::{collections::BTreeMap, convert::Infallible, future::pending, net::SocketAddr};

use anyhow::{Context as _, bail};
use chrono::Utc;
use devstack::Stack;
use events::command::Parameters;
use tokio_util::sync::CancellationToken;

use super::{
    binaries::Binaries,
    children::{self, Children},
    gateway::{Gateway, Upstreams},
    ports::Ports,
    prepare, sample,
    steps::Steps,
    story, table,
};
use crate::{
    output::Format,
    running::{self, Running},
    words,
};

/// What was decided before anything starts.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) binaries: Binaries,
    pub(super) ports: Ports,
    pub(super) parameters: Parameters,
    pub(super) retained: bool,
    pub(super) sample: bool,
    pub(super) format: Format,
}

/// Runs the system until `stop` or a death; when this returns, the stack alone is left.
///
/// # Errors
/// A step of the start failed, or a process ended by itself; its last lines are in the text.
pub(super) async fn run(
    stack: &Stack,
    plan: Plan,
    steps: &Steps,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let children = Children::new(stack, &plan.binaries, &plan.ports, &[]);
    let upstreams = Children::upstreams(&plan.ports);
    let address = plan.ports.gateway.local_addr()?;
    let close = CancellationToken::new();
    let gateway = Gateway::new(upstreams.clone(), close.clone())?;
    let gateway = tokio::spawn(gateway.serve(plan.ports.gateway));
    let system = System {
        stack,
        children: &children,
        steps,
        running: describe(stack, address, upstreams, plan.retained),
    };
    let lived = system.live(&plan.parameters, plan.sample, plan.format);
    let ended = stop.run_until_cancelled(lived).await;
    // Requests in flight finish while there is still somebody to answer them.
    close.cancel();
    let closed = gateway.await.context("the gateway failed");
    children.stop(steps).await;
    match ended {
        Some(Err(error)) => Err(error),
        None => closed,
    }
}

struct System<'a> {
    stack: &'a Stack,
    children: &'a Children,
    steps: &'a Steps,
    running: Running,
}

impl System<'_> {
    /// Starts everything, shows it, and waits for a death: it ends only with an error.
    async fn live(
        &self,
        parameters: &Parameters,
        sample: bool,
        format: Format,
    ) -> anyhow::Result<Infallible> {
        tokio::try_join!(
            prepare::topics(self.stack, parameters, self.steps),
            prepare::schemas(self.stack, self.steps),
        )?;
        self.children.start(self.steps).await?;
        tokio::select! {
            // The words of a process that died are the better report.
            biased;
            report = self.children.first_end(self.stack) => bail!(report),
            shown = self.show(sample, format) => shown,
        }
    }

    /// Fills and shows the running system, and keeps it findable until dropped.
    async fn show(&self, sample: bool, format: Format) -> anyhow::Result<Infallible> {
        if sample {
            let put_in = sample::put_in(&self.running.url);
            self.steps.run("sample catalogue and orders", put_in).await?;
        }
        let _findable = running::register(&running::folder()?, &self.running)?;
        table::print(format, &self.running)?;
        words::say(&story::text(&self.running.url, &self.running.id));
        pending().await
    }
}

fn describe(stack: &Stack, gateway: SocketAddr, upstreams: Upstreams, retained: bool) -> Running {
    let url = format!("http://{gateway}");
    let parts = stack.env().into_iter().map(|(name, value)| (name.to_owned(), value));
    let snapshots = ("SNAPSHOTS".to_owned(), children::snapshots(stack));
    let own = ("SPILLWAY_URL".to_owned(), url.clone());
    Running {
        id: short_id(),
        pid: std::process::id(),
        started_at: Utc::now(),
        url,
        environment: BTreeMap::from_iter(parts.chain([own, snapshots])),
        processes: vec![upstreams.command_api, upstreams.projector, upstreams.query_api],
        logs: stack.logs().to_owned(),
        data: retained.then(|| stack.dir().to_owned()),
    }
}

/// Eight random hexadecimal digits.
fn short_id() -> String {
    let mut id = uuid::Uuid::new_v4().simple().to_string();
    id.truncate(8);
    id
}
