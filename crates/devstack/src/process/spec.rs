//! What a process is: program, arguments, environment, log, and when it counts as ready.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use nix::sys::signal::Signal;

/// Everything needed to start a program, again and again.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its name in errors and steps.
    pub name: String,
    /// A path, or a name to be found on `PATH`.
    pub program: OsString,
    /// The arguments after the program.
    pub args: Vec<OsString>,
    /// Variables added to the owner's environment.
    pub env: Vec<(OsString, OsString)>,
    /// The working folder; `None`: the owner's.
    pub dir: Option<PathBuf>,
    /// File to which standard output and standard error are appended.
    pub log: PathBuf,
    /// When it counts as ready.
    pub ready: Ready,
    /// How long it may take to be ready.
    pub start_within: Duration,
    /// The signal that asks it to end.
    pub stop_signal: StopSignal,
    /// How long it may take to end before it is killed.
    pub grace: Duration,
    /// Texts of conditions that pass by themselves, such as a lock that its killed predecessor has
    /// not given back yet. A program that dies while starting and logs one of them is started
    /// again, within the same [`Spec::start_within`].
    pub passing: Vec<String>,
}

/// When a process counts as ready.
#[derive(Clone, Debug)]
pub enum Ready {
    /// As soon as it has been started.
    AtOnce,
    /// Once its log holds this text, written since this start.
    LogLine(String),
    /// Once this address accepts a connection.
    Tcp(SocketAddr),
    /// Once this address, of the shape `http://host:port/path`, answers with a 2xx status.
    Http(String),
}

/// The signal that asks a process to end in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM.
    Terminate,
    /// SIGINT; PostgreSQL's "fast" stop.
    Interrupt,
}

impl From<StopSignal> for Signal {
    fn from(signal: StopSignal) -> Self {
        match signal {
            StopSignal::Terminate => Self::SIGTERM,
            StopSignal::Interrupt => Self::SIGINT,
        }
    }
}

impl Spec {
    /// A program that is ready at once, has 60 s to start, and ends within 15 s of SIGTERM.
    pub fn new(
        name: impl Into<String>,
        program: impl Into<OsString>,
        log: impl Into<PathBuf>,
    ) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            log: log.into(),
            ready: Ready::AtOnce,
            start_within: Duration::from_secs(60),
            stop_signal: StopSignal::Terminate,
            grace: Duration::from_secs(15),
            passing: Vec::new(),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds variables to the environment.
    #[must_use]
    pub fn envs<N: Into<OsString>, V: Into<OsString>>(
        mut self,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.env.extend(vars.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Sets when the process counts as ready.
    #[must_use]
    pub fn ready(mut self, ready: Ready) -> Self {
        self.ready = ready;
        self
    }

    /// Sets how long the process may take to be ready.
    #[must_use]
    pub fn start_within(mut self, within: Duration) -> Self {
        self.start_within = within;
        self
    }

    /// Sets the signal that asks the process to end, and how long it may take over that.
    #[must_use]
    pub fn stop(mut self, signal: StopSignal, grace: Duration) -> Self {
        self.stop_signal = signal;
        self.grace = grace;
        self
    }

    /// Names texts of conditions that pass by themselves; see [`Spec::passing`].
    #[must_use]
    pub fn passing<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.passing.extend(texts.into_iter().map(Into::into));
        self
    }

    /// Whether these last lines of a log tell of a condition that passes by itself.
    pub(crate) fn is_passing(&self, tail: &str) -> bool {
        self.passing.iter().any(|text| tail.contains(text))
    }
}
