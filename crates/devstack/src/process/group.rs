//! One start of one program: its process group, its gate, its guard, and how it ended.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    sys::{
        signal::{Signal, kill, killpg},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};
use tokio::sync::watch;

use super::spec::Spec;
use crate::error::{Doing as _, Error};

/// Waits for one line on its input, then becomes the program given as arguments. When the owner
/// dies before it wrote the line the input ends, and the program is never started.
const GATE: &str = r#"read -r _ && exec "$@" </dev/null"#;

/// Holds the read end of a pipe whose only writer is the owner. The word "done" means that the
/// process group given as argument has ended; the end of the input means that the owner has died,
/// however that happened, so the group must not outlive it.
const GUARD: &str = r#"trap '' HUP INT TERM
read -r word
[ "$word" = done ] || kill -s KILL -- "-$1""#;

/// How long a drop waits for a killed program to be gone; its files may be removed next.
const DROP_WITHIN: Duration = Duration::from_secs(5);

/// A running program with its process group. Dropping it kills the group and waits until the
/// program is gone.
#[derive(Debug)]
pub(super) struct Group {
    leader: Pid,
    log_start: u64,
    end: Arc<End>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

/// Whether the leader has been reaped. Signals are sent under this lock and only before, so that
/// none can reach a stranger who was given the same number.
#[derive(Debug, Default)]
struct End {
    status: Mutex<Option<ExitStatus>>,
    reaped: Condvar,
}

impl Group {
    /// Starts the program. From here on it ends when the owner ends, whatever happens in between.
    pub(super) fn launch(spec: &Spec) -> Result<Self, Error> {
        let log = open_log(spec)?;
        let log_start = log.metadata().doing("read", &spec.log)?.len();
        let mut leader = gate(spec, log).doing("start", &spec.program)?;
        let Ok(id) = i32::try_from(leader.id()) else {
            unreachable!("the kernel gives no process id above i32::MAX")
        };
        let guard = match guard(id) {
            Ok(guard) => guard,
            Err(refusal) => {
                // The gate waits for its line: the end of its input ends it.
                drop(leader.stdin.take());
                return leader.wait().and(Err(refusal)).doing("start the guard of", &spec.program);
            }
        };
        let line = leader.stdin.take();
        let end = Arc::new(End::default());
        let (tell, ended) = watch::channel(None);
        let reaper = Reaper { leader, guard, end: Arc::clone(&end), tell };
        let group = Self { leader: Pid::from_raw(id), log_start, end, ended };
        thread::Builder::new()
            .name(format!("wait:{}", spec.name))
            .spawn(move || reaper.run())
            .doing("start a thread for", &spec.program)?;
        // A gate that somebody has killed meanwhile is told like any other end.
        let _ = line.map(|mut line| line.write_all(b"go\n"));
        Ok(group)
    }

    pub(super) fn id(&self) -> u32 {
        self.leader.as_raw().unsigned_abs()
    }

    /// Where in the log this start begins, in bytes.
    pub(super) fn log_start(&self) -> u64 {
        self.log_start
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.lock().is_some()
    }

    /// Waits for the program's end. It may be called from any runtime, also after the one that
    /// started the program is gone.
    pub(super) async fn ended(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await.map(|status| *status) {
            Ok(Some(status)) => status,
            // The reaper tells before it drops its end.
            Ok(None) | Err(_) => unreachable!("the reaper ended without a word"),
        }
    }

    /// Signals the program itself; false when it has ended.
    pub(super) fn signal(&self, signal: Signal) -> bool {
        let status = self.end.lock();
        status.is_none() && kill(self.leader, signal).is_ok()
    }

    /// Kills the program and whatever else is in its group.
    pub(super) fn kill(&self) {
        let status = self.end.lock();
        if status.is_none() {
            // The only refusal left is a group that is just ending.
            let _ = killpg(self.leader, Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        let status = self.end.lock();
        let _ = self.end.reaped.wait_timeout_while(status, DROP_WITHIN, |status| status.is_none());
    }
}

impl End {
    fn lock(&self) -> MutexGuard<'_, Option<ExitStatus>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits on a thread of its own for the leader's end, so that no runtime is needed for it.
struct Reaper {
    leader: Child,
    guard: (Child, ChildStdin),
    end: Arc<End>,
    tell: watch::Sender<Option<ExitStatus>>,
}

impl Reaper {
    fn run(mut self) {
        let leader = Pid::from_raw(self.leader.id().cast_signed());
        // Seen but not reaped: the number stays the leader's until the group has been killed.
        while waitid(Id::Pid(leader), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)
            .is_err_and(|refusal| refusal == nix::errno::Errno::EINTR)
        {}
        let ended = {
            let mut status = self.end.lock();
            let _ = killpg(leader, Signal::SIGKILL);
            // A refusal means that somebody else has reaped it; how it ended is lost.
            let ended =
                self.leader.wait().unwrap_or_else(|_| ExitStatus::from_raw(Signal::SIGKILL as i32));
            *status = Some(ended);
            self.end.reaped.notify_all();
            ended
        };
        let (mut guard, mut word) = self.guard;
        // A guard that is gone already has nothing left to do.
        let _ = word.write_all(b"done\n");
        let _ = guard.wait();
        self.tell.send_replace(Some(ended));
    }
}

fn open_log(spec: &Spec) -> Result<File, Error> {
    if let Some(folder) = spec.log.parent() {
        fs::create_dir_all(folder).doing("make", folder)?;
    }
    File::options().create(true).append(true).open(&spec.log).doing("open", &spec.log)
}

fn gate(spec: &Spec, log: File) -> io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", GATE, "gate"]).arg(&spec.program).args(&spec.args);
    command.envs(spec.env.iter().map(|(name, value)| (name, value)));
    if let Some(dir) = &spec.dir {
        command.current_dir(dir);
    }
    command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).process_group(0).spawn()
}

fn guard(group: i32) -> io::Result<(Child, ChildStdin)> {
    let mut guard = Command::new("/bin/sh")
        .args(["-c", GUARD, "guard", &group.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let word = guard.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((guard, word))
}
