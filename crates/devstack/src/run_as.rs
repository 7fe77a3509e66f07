//! As whom PostgreSQL runs: it refuses to run as root, so root must appear to be somebody else.

use std::{
    ffi::OsString,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

use nix::unistd::geteuid;

use crate::error::{Doing as _, Error};

/// Maps the own user to number 1000 within the program; its files stay the own user's.
const USER_NAMESPACE: [&str; 4] = ["unshare", "--user", "--map-user=1000", "--map-group=1000"];
const SETPRIV: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
/// Number of `nobody` and of `nogroup` on Linux.
const NOBODY: u32 = 65_534;

/// The way around root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunAs {
    /// The caller is not root: nothing to do.
    Caller,
    /// Root, in a user namespace where it has another number. Data may lie anywhere.
    UserNamespace,
    /// Root where the kernel or a container forbids user namespaces: another user, who must be
    /// able to reach the data and the programs.
    Nobody,
}

impl RunAs {
    /// Looked up once: it cannot change while this process runs.
    pub(crate) fn of_this_machine() -> Self {
        static FOUND: OnceLock<RunAs> = OnceLock::new();
        *FOUND.get_or_init(|| {
            if !geteuid().is_root() {
                return Self::Caller;
            }
            let [program, args @ ..] = USER_NAMESPACE;
            let allowed = Command::new(program)
                .args(args)
                .arg("true")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success());
            if allowed { Self::UserNamespace } else { Self::Nobody }
        })
    }

    /// The words of a command line that runs `program` so.
    pub(crate) fn words(self, program: &Path) -> Vec<OsString> {
        let before: &[&str] = match self {
            Self::Caller => &[],
            Self::UserNamespace => &USER_NAMESPACE,
            Self::Nobody => &SETPRIV,
        };
        before.iter().map(OsString::from).chain([program.into()]).collect()
    }

    /// Hands `dir` to the one PostgreSQL runs as, and refuses a folder that one cannot reach.
    pub(crate) fn give(self, dir: &Path) -> Result<(), Error> {
        if self != Self::Nobody {
            return Ok(());
        }
        for above in dir.ancestors().skip(1) {
            let mode = above.metadata().doing("read", above)?.permissions().mode();
            if mode & 0o001 == 0 {
                return Err(Error::Unsupported(format!(
                    "PostgreSQL does not run as root and user nobody cannot enter {}: choose a \
                     data folder (and SPILLWAY_CACHE) outside it, or do not run as root",
                    above.display()
                )));
            }
        }
        chown(dir, Some(NOBODY), Some(NOBODY)).doing("change the owner of", dir)
    }

    /// A word for names of what was made so.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Caller | Self::UserNamespace => "own",
            Self::Nobody => "nobody",
        }
    }
}
