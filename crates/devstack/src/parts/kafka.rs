//! Apache Kafka in KRaft mode: every broker is a controller too.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{
    addresses::{Addresses, BrokerPorts},
    classes::Classes,
    error::{Doing as _, Error},
    home::Home,
    java,
    options::Options,
    parts::clock::Clock,
    process::{self, Ready, Spec, StopSignal},
    tools::Tools,
};

const LOG4J: &str = include_str!("../../resources/log4j2.properties");
const HEAP_MIB: u32 = 256;
/// Formatting is one start of a virtual machine.
const FORMAT_WITHIN: Duration = Duration::from_secs(180);
const START_WITHIN: Duration = Duration::from_secs(180);
/// A start of a virtual machine and some questions to brokers that may be busy.
const TOOL_WITHIN: Duration = Duration::from_secs(180);
/// The last brokers of a cluster wait in vain for a quorum before they end.
const GRACE: Duration = Duration::from_secs(30);

/// The process of broker `id`, counted from 1.
pub(crate) fn spec(
    options: &Options,
    tools: &Tools,
    classes: &Classes,
    home: &Home,
    logs: &Path,
    clock: Option<&Clock>,
    id: usize,
) -> Result<Spec, Error> {
    let setting = |name: &str, value: &Path| format!("-D{name}={}", value.display());
    let name = if options.brokers == 1 { "kafka".to_owned() } else { format!("kafka-{id}") };
    // One virtual machine records for all.
    let classes =
        if id == 1 || matches!(classes, Classes::Use(_)) { classes.flag("kafka") } else { None };
    let env = clock.map(Clock::env).transpose()?.unwrap_or_default();
    let spec = Spec::new(&name, &tools.java.java, logs.join(format!("{name}.log")))
        .envs(env)
        .args(java::flags(options.load, HEAP_MIB))
        .args(classes)
        .arg(setting("log4j2.configurationFile", &home.etc().join("log4j2.properties")))
        .arg(setting("java.io.tmpdir", &home.scratch()))
        .arg("-cp")
        .arg(tools.artifacts.kafka_class_path())
        .arg("kafka.Kafka")
        .arg(home.etc().join(format!("broker-{id}.properties")))
        .dir(home.scratch())
        .ready(Ready::LogLine("Kafka Server started".to_owned()))
        .start_within(START_WITHIN)
        .stop(StopSignal::Terminate, GRACE)
        .passing(["Failed to acquire lock on file .lock"]);
    Ok(spec)
}

/// Where broker `id`, counted from 1, keeps its logs.
pub(crate) fn data(home: &Home, id: usize) -> PathBuf {
    home.dir().join("kafka").join(id.to_string())
}

/// One run of a tool of Kafka by its class, such as `org.apache.kafka.tools.LeaderElectionCommand`.
pub(crate) fn tool(tools: &Tools, home: &Home, logs: &Path, class: &str, args: &[&str]) -> Spec {
    let log4j = home.etc().join("log4j2.properties");
    let name = class.rsplit('.').next().unwrap_or(class);
    Spec::new(name, &tools.java.java, logs.join("kafka-tools.log"))
        .args(java::flags(crate::Load::Light, HEAP_MIB))
        .arg(format!("-Dlog4j2.configurationFile={}", log4j.display()))
        .arg("-cp")
        .arg(tools.artifacts.kafka_class_path())
        .arg(class)
        .args(args)
        .dir(home.scratch())
        .start_within(TOOL_WITHIN)
}

/// Writes the brokers' configuration and, the first time, formats their data.
pub(crate) async fn prepare(
    tools: &Tools,
    home: &Home,
    addresses: &Addresses,
) -> Result<(), Error> {
    let log4j = home.etc().join("log4j2.properties");
    fs::write(&log4j, LOG4J).doing("write", &log4j)?;
    let data = home.dir().join("kafka");
    for id in 1..=addresses.brokers.len() {
        let path = home.etc().join(format!("broker-{id}.properties"));
        fs::write(&path, properties(&addresses.brokers, id, &data)).doing("write", &path)?;
    }
    if data.exists() {
        let kept = fs::read_dir(&data).doing("read", &data)?.count();
        let asked = addresses.brokers.len();
        if kept == asked {
            return Ok(());
        }
        return Err(Error::BrokersDiffer { dir: home.dir().to_owned(), kept, asked });
    }
    let template = template(tools).await?;
    // Formatted under another name: a half-formatted cluster never stands under its own.
    let part = home.scratch().join("kafka");
    let cluster = random_id();
    for id in 1..=addresses.brokers.len() {
        let dir = part.join(id.to_string());
        fs::create_dir_all(&dir).doing("make", &dir)?;
        let checkpoint = "bootstrap.checkpoint";
        fs::copy(template.join(checkpoint), dir.join(checkpoint)).doing("copy to", &dir)?;
        let meta = format!(
            "version=1\ncluster.id={cluster}\nnode.id={id}\ndirectory.id={}\n",
            random_id()
        );
        fs::write(dir.join("meta.properties"), meta).doing("write to", &dir)?;
    }
    fs::rename(&part, &data).doing("make", &data)
}

/// A folder that Kafka's own tool has formatted. Only its `meta.properties` names a cluster and a
/// broker, so writing that anew saves a start of a virtual machine per broker and stack.
async fn template(tools: &Tools) -> Result<PathBuf, Error> {
    let name = format!("kafka-{}", tools.artifacts.key());
    tools
        .cache
        .entry(&name, async |part| {
            let config = part.join("format.properties");
            let text = format!(
                "process.roles=broker,controller\nnode.id=1\nlog.dirs={}\n\
                 controller.quorum.voters=1@127.0.0.1:1\ncontroller.listener.names=CONTROLLER\n\
                 listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1\n",
                part.display()
            );
            fs::write(&config, text).doing("write", &config)?;
            let format = Spec::new("kafka format", &tools.java.java, part.join("format.log"))
                .args(java::flags(crate::Load::Light, HEAP_MIB))
                .arg("-cp")
                .arg(tools.artifacts.kafka_class_path())
                .args(["kafka.tools.StorageTool", "format", "-t", &random_id(), "-c"])
                .arg(&config)
                .start_within(FORMAT_WITHIN);
            process::to_end(&format).await
        })
        .await
}

/// An id as Kafka writes them: 16 bytes in URL-safe base64. A time-ordered one never starts with
/// the dash that command lines take for an option.
fn random_id() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Uuid::now_v7().as_bytes())
}

fn properties(brokers: &[BrokerPorts], id: usize, data: &Path) -> String {
    let voters: Vec<String> = brokers
        .iter()
        .zip(1..)
        .map(|(broker, id)| format!("{id}@127.0.0.1:{}", broker.controller.port()))
        .collect();
    let (replicas, in_sync) = if brokers.len() >= 3 { (3, 2) } else { (1, 1) };
    let client = brokers[id - 1].client.port();
    let controller = brokers[id - 1].controller.port();
    let lines = [
        "process.roles=broker,controller".to_owned(),
        format!("node.id={id}"),
        format!("controller.quorum.voters={}", voters.join(",")),
        format!("listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}"),
        format!("advertised.listeners=PLAINTEXT://127.0.0.1:{client}"),
        "controller.listener.names=CONTROLLER".to_owned(),
        "inter.broker.listener.name=PLAINTEXT".to_owned(),
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned(),
        format!("log.dirs={}", data.join(id.to_string()).display()),
        "num.partitions=12".to_owned(),
        format!("default.replication.factor={replicas}"),
        format!("min.insync.replicas={in_sync}"),
        format!("offsets.topic.replication.factor={replicas}"),
        "offsets.topic.num.partitions=4".to_owned(),
        format!("transaction.state.log.replication.factor={replicas}"),
        format!("transaction.state.log.min.isr={in_sync}"),
        "transaction.state.log.num.partitions=4".to_owned(),
        format!("share.coordinator.state.topic.replication.factor={replicas}"),
        format!("share.coordinator.state.topic.min.isr={in_sync}"),
        // Every topic is made on purpose, with its settings.
        "auto.create.topics.enable=false".to_owned(),
        "unclean.leader.election.enable=false".to_owned(),
        // A group of one must not wait for more members.
        "group.initial.rebalance.delay.ms=0".to_owned(),
        "log.cleaner.backoff.ms=1000".to_owned(),
        "log.cleaner.dedupe.buffer.size=8388608".to_owned(),
    ];
    lines.join("\n") + "\n"
}
