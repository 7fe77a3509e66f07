//! Exit codes: how a process ended, in a number that scripts and supervisors can tell apart.

use std::process::ExitCode;

/// How a process ended. A panic outside a request is 101, as for every Rust program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or stopped as asked.
    Success,
    /// 1: the process gave up; the log says why.
    Failed,
    /// 2: the configuration is not valid; standard error lists every error.
    Configuration,
    /// 3: the stop was cut short, by its deadline or by a second signal. Work may be unfinished;
    /// it is safe to start again.
    Forced,
}

impl Exit {
    /// The number the parent process sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Configuration => 2,
            Self::Forced => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
