//! Why the stack, or one of its processes, could not do what was asked. Each text stands alone.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// A failure of the stack or of one process. No variant is retried inside this crate unless its
/// documentation says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program of the machine is needed and is not there.
    #[error("{tool} is missing: run deploy/local/prepare as root, or install {install}")]
    MissingTool {
        /// What was looked for.
        tool: &'static str,
        /// What brings it.
        install: &'static str,
    },
    /// The machine, or the combination of options, cannot carry the stack.
    #[error("{0}")]
    Unsupported(String),
    /// A fetched file is not the pinned one; it has been deleted.
    #[error(
        "{file} has the SHA-256 {found} where {expected} is pinned: it was deleted, so running \
         again fetches it once more"
    )]
    WrongSum {
        /// Path of the file within the fetched folder.
        file: String,
        /// The pinned sum, in lower-case hexadecimal.
        expected: String,
        /// The sum of the bytes that came.
        found: String,
    },
    /// The fetched folder holds a file without a pinned sum; it has been deleted.
    #[error("{0} has no pinned SHA-256: it was deleted")]
    UnlistedFile(String),
    /// A pinned file did not come.
    #[error("{0} is pinned and was not fetched")]
    MissingFile(String),
    /// A table of sums has a line that is not `<sum>  <path>`.
    #[error("line {line} of the table of sums is not `<sha-256>  <path>`")]
    BadTable {
        /// Counted from 1.
        line: usize,
    },
    /// A process ended before it served. [`Error::is_port_clash`] tells why in one case.
    #[error("{name} ended while starting ({status}); the last lines of {}:\n{tail}", log.display())]
    Died {
        /// Name of the process.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The last lines of the log since this start.
        tail: String,
    },
    /// A process did not serve within its time; it has been killed.
    #[error("{name} was not ready after {within:?}; the last lines of {}:\n{tail}", log.display())]
    NotReady {
        /// Name of the process.
        name: String,
        /// The time it had.
        within: Duration,
        /// Its log.
        log: PathBuf,
        /// The last lines of the log since this start.
        tail: String,
    },
    /// A program that had to end well did not; it does not run any more.
    #[error("{name} failed ({why}); the last lines of its output:\n{tail}")]
    Failed {
        /// Name of the program.
        name: String,
        /// Its exit status, or that its time was over.
        why: String,
        /// The last lines of its output.
        tail: String,
    },
    /// A signal was asked for a process that does not run.
    #[error("{0} is not running")]
    NotRunning(String),
    /// A start was asked for a process that runs.
    #[error("{0} is running already")]
    AlreadyRunning(String),
    /// Another process, or another stack, has a port of the fixed table.
    #[error("port {0} is taken: stop what listens there, or ask for random ports")]
    PortTaken(u16),
    /// Too many random ports were tried in vain.
    #[error("no free port was found between {low} and {high}")]
    NoFreePort {
        /// First port tried.
        low: u16,
        /// Last port tried.
        high: u16,
    },
    /// Another stack runs on the data folder.
    #[error("{} is in use by another stack: stop that one, or choose another folder", .0.display())]
    DataInUse(PathBuf),
    /// The data folder was made for another number of brokers.
    #[error(
        "{} holds {kept} broker(s) where {asked} were asked for: ask for {kept}, or choose another folder",
        dir.display()
    )]
    BrokersDiffer {
        /// The data folder.
        dir: PathBuf,
        /// Brokers whose data it holds.
        kept: usize,
        /// Brokers asked for.
        asked: usize,
    },
    /// The file system or the operating system refused.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
    /// The stack's PostgreSQL refused.
    #[error("PostgreSQL: cannot {doing}")]
    Database {
        /// What was tried.
        doing: String,
        /// The refusal.
        source: sqlx::Error,
    },
    /// An HTTP exchange on the loopback failed.
    #[error("{method} {url}: {why}")]
    Http {
        /// The method of the request.
        method: http::Method,
        /// The address asked.
        url: String,
        /// What happened instead of the expected answer.
        why: String,
    },
}

impl Error {
    /// Whether a part could not listen because its port was taken after it had been chosen. A
    /// start on random ports is then tried again with others.
    #[must_use]
    pub fn is_port_clash(&self) -> bool {
        match self {
            Self::PortTaken(_) => true,
            Self::Died { tail, .. } => {
                ["Address already in use", "seems to be in use", "already bound"]
                    .iter()
                    .any(|text| tail.contains(text))
            }
            _ => false,
        }
    }
}

/// Says what was being done when the operating system refused.
pub(crate) trait Doing<T> {
    /// Turns the refusal into [`Error::Io`]: "cannot `doing` `path`".
    fn doing(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T, Error> {
        self.map_err(|source| Error::Io { doing, path: path.into(), source })
    }
}
