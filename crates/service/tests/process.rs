//! Whole processes: this test binary starts itself as a service and judges how it ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use clap::Parser;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use service::config::{self, DatabaseArgs, Errors, KafkaArgs, ProcessArgs, RegistryArgs, Validate};
use service::process::{self, Frame};

/// Arguments of the started service, as one string; set only for the child.
const CHILD: &str = "SERVICE_TEST_ARGUMENTS";
/// Longest time a test waits for a line or for an end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service for these tests.
#[derive(Debug, Parser)]
#[command(name = "sample", version)]
struct Config {
    #[command(flatten)]
    process: ProcessArgs<8080>,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    /// What the service does when it is asked to stop.
    #[arg(long, default_value = "returns", value_parser = ["returns", "hangs", "blocks", "fails"])]
    end: String,
}

impl Validate for Config {
    fn validate(&self, errors: &mut Errors) {
        self.process.validate(errors);
    }
}

/// Not a test of its own: the service that the tests below start. Without them it does nothing.
#[test]
fn child() {
    let Ok(arguments) = std::env::var(CHILD) else { return };
    let words = std::iter::once("sample").chain(arguments.split_whitespace());
    // `load` reads the words of this test binary, so its two halves are used apart.
    let config: Config = match config::parse(words.map(Into::into)) {
        Ok(config) => config,
        Err(config::Failure::Invalid(errors)) => {
            eprint!("{errors}");
            std::process::exit(service::Exit::Configuration.code().into());
        }
        Err(config::Failure::Asked(answer)) => answer.exit(),
    };
    eprintln!("{config:?}");
    let end = config.end.clone();
    let code = process::run(service::build!(), &config.process, |frame| app(frame, end));
    let failed = code != std::process::ExitCode::SUCCESS;
    std::process::exit(i32::from(failed));
}

async fn app(frame: Frame, end: String) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    frame.serve(axum::Router::new().route("/trace", axum::routing::get(traced))).await?;
    match end.as_str() {
        "hangs" => std::future::pending().await,
        // Blocks the thread, as a call into a foreign library may.
        "blocks" => loop {
            std::thread::park();
        },
        "fails" => Err("the sample fails as it was told".into()),
        _ => Ok(()),
    }
}

async fn traced() -> String {
    tracing::warn!("Somebody asks.");
    service::trace::current_traceparent().unwrap_or_default()
}

/// A started service; killed when it is dropped.
struct Sample {
    child: Child,
    lines: mpsc::Receiver<String>,
    address: String,
}

impl Sample {
    /// Starts it and waits until it listens.
    fn start(arguments: &str) -> Self {
        let all = format!("--listen 127.0.0.1:0 --log-format json {arguments}");
        let mut child = command(&all)
            .env("DATABASE_URL", "postgres://app:hunter2@db/spillway")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        let mut sample = Self { child, lines, address: String::new() };
        let line = json(&sample.line_with("Listening for HTTP."));
        sample.address = line["address"].as_str().unwrap().to_owned();
        sample
    }

    /// The next line that contains `text`.
    fn line_with(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the line did not come in time");
            if line.contains(text) {
                return line;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, signal).unwrap();
    }

    /// Its exit status; its standard error ends when it does.
    fn ended(&mut self) -> ExitStatus {
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().unwrap()
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))
}

fn command(arguments: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "--exact", "--nocapture"]).env_clear().env(CHILD, arguments);
    command
}

fn output(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn sigterm_and_sigint_end_a_service_in_good_order() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut sample = Sample::start("");
        sample.signal(signal);
        let line = sample.line_with("Stopping on a signal.");
        assert!(line.contains(signal.as_str()), "{line}");
        sample.line_with("Stopped.");
        assert_eq!(sample.ended().code(), Some(0));
    }
}

#[test]
fn a_service_that_hangs_is_ended_at_its_deadline() {
    for end in ["hangs", "blocks"] {
        let arguments = format!("--end {end} --stop-deadline-s 1 --http-drain-s 0");
        let mut sample = Sample::start(&arguments);
        sample.signal(Signal::SIGTERM);
        sample.line_with("the stop took longer than its deadline of 1 s.");
        assert_eq!(sample.ended().code(), Some(3), "{end}");
    }
}

#[test]
fn a_second_signal_ends_a_service_at_once() {
    let mut sample = Sample::start("--end hangs");
    sample.signal(Signal::SIGTERM);
    sample.line_with("Stopping on a signal.");
    sample.signal(Signal::SIGINT);
    sample.line_with("a second signal (SIGINT) came while stopping.");
    assert_eq!(sample.ended().code(), Some(3));
}

#[test]
fn an_error_is_logged_and_gives_exit_code_1() {
    let mut sample = Sample::start("--end fails");
    sample.signal(Signal::SIGTERM);
    let line = sample.line_with("the sample fails as it was told");
    let record = json(&line);
    assert_eq!((&record["level"], &record["message"]), (&"ERROR".into(), &"Gave up.".into()));
    assert_eq!(sample.ended().code(), Some(1));
}

#[test]
fn a_quiet_log_does_not_cut_traces() {
    const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (filter, trace_id) in [
        ("info", Some("0af7651916cd43dd8448eb211c80319c")),
        ("warn,service::process=info,service::http=off", None),
    ] {
        let sample = Sample::start(&format!("--log-filter {filter}"));
        let mut stream = TcpStream::connect(&sample.address).unwrap();
        let head = format!("host: x\r\nconnection: close\r\ntraceparent: {TRACEPARENT}\r\n");
        write!(stream, "GET /trace HTTP/1.1\r\n{head}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let traceparent = answer.rsplit("\r\n").next().unwrap();
        assert_eq!(traceparent.len(), TRACEPARENT.len(), "{answer}");
        assert_eq!(traceparent[..36], TRACEPARENT[..36]);
        assert_ne!(traceparent, TRACEPARENT);
        let record = json(&sample.line_with("Somebody asks."));
        assert_eq!(record["span"]["trace_id"].as_str(), trace_id, "{record}");
    }
}

#[test]
fn every_configuration_error_is_reported_at_once_with_its_names() {
    let (code, stderr) = output(
        command("--http-drain-s 60 --stop-deadline-s=9 --log-format loud")
            .env("LISTEN", "somewhere")
            .env("KAFKA_BOOTSTRAP_SERVERS", "kafka")
            .env("DATABASE_URL", "mysql://app:hunter2@db"),
    );
    assert_eq!(code, Some(2), "{stderr}");
    for line in [
        r#"--listen (LISTEN): "somewhere" is not allowed: give an IP address"#,
        r#"--log-format (LOG_FORMAT): "loud" is not allowed: allowed are auto, text, json"#,
        r#"--kafka-bootstrap-servers (KAFKA_BOOTSTRAP_SERVERS): "kafka" is not allowed"#,
        "--database-url (DATABASE_URL): the value is not allowed: give a URL such as",
    ] {
        assert!(stderr.contains(line), "{line} is not in\n{stderr}");
    }
    assert!(!stderr.contains("hunter2"), "{stderr}");
}

#[test]
fn rules_across_settings_are_reported_beside_bad_values() {
    let (code, stderr) = output(
        command("--http-drain-s 60 --stop-deadline-s=9")
            .env("LISTEN", "somewhere")
            .env("DATABASE_URL", "postgres://db/x"),
    );
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("--listen (LISTEN)"), "{stderr}");
    assert!(stderr.contains("--http-drain-s (HTTP_DRAIN_S): must be below"), "{stderr}");
}

#[test]
fn a_missing_setting_and_an_unknown_flag_are_reported() {
    let (code, stderr) = output(&mut command(""));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("--database-url (DATABASE_URL): missing; "), "{stderr}");
    let (code, stderr) = output(&mut command("--colour blue"));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("unexpected argument '--colour'"), "{stderr}");
}

#[test]
fn a_secret_comes_from_its_file_and_is_masked() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"postgres://app:hunter2@db/spillway\n").unwrap();
    let mut started = command("--listen 127.0.0.1:0")
        .env("DATABASE_URL_FILE", file.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(started.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("Listening") && stderr.read_line(&mut text).unwrap() > 0 {}
    started.kill().unwrap();
    started.wait().unwrap();
    stderr.read_to_string(&mut text).unwrap();
    assert!(text.contains("REDACTED") && text.contains("Listening"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_secret_with_two_sources_or_an_unreadable_file_is_refused_once() {
    let (code, stderr) = output(command("").env("DATABASE_URL_FILE", "/nowhere/url"));
    assert_eq!(code, Some(2));
    let line = "--database-url (DATABASE_URL): DATABASE_URL_FILE (/nowhere/url): No such file";
    assert!(stderr.contains(line), "{stderr}");
    assert_eq!(stderr.matches("--database-url").count(), 1, "{stderr}");
    let both = "DATABASE_URL_FILE is set too";
    let (code, stderr) = output(
        command("").env("DATABASE_URL_FILE", "/nowhere/url").env("DATABASE_URL", "postgres://db/x"),
    );
    assert_eq!((code, stderr.contains(both)), (Some(2), true), "{stderr}");
}
