//! nginx with the configuration of a deployment, moved to addresses and a folder of its own, so that
//! a test runs the very file that is deployed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::unistd::geteuid;

use crate::{
    error::{Doing as _, Error},
    ports::PortLease,
    process::{Process, Ready, Spec, StopSignal},
};

/// Where the deployed file listens, writes and reads.
const LISTEN: &str = "listen 8080;";
const WRITES: &str = "/tmp/nginx";
const READS: &str = "/usr/share/spillway";
const START_WITHIN: Duration = Duration::from_secs(30);

/// A running nginx; dropping it kills it.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    url: String,
    _port: PortLease,
}

impl Nginx {
    /// Starts it with `config`, in which every name (`host:port`) of `servers` is replaced by the
    /// address beside it. All it writes lies in `dir`, which must exist; the files that it serves
    /// are those in `dir` too.
    ///
    /// # Errors
    /// [`Error::MissingTool`]; [`Error::Unsupported`] when the configuration does not have what is
    /// to be replaced; and as [`Process::start`].
    pub async fn start(config: &Path, servers: &[(&str, &str)], dir: &Path) -> Result<Self, Error> {
        let nginx = find()?;
        let port = PortLease::random()?;
        let address = format!("127.0.0.1:{}", port.port());
        let listen = format!("listen {address};");
        let writes = dir.join("nginx").display().to_string();
        let reads = dir.display().to_string();
        let own = [(LISTEN, &*listen), (WRITES, &*writes), (READS, &*reads)];
        let deployed = fs::read_to_string(config).doing("read", config)?;
        let moved = replace(deployed, own.iter().chain(servers))?;
        let path = dir.join("nginx.conf");
        fs::write(&path, moved).doing("write", &path)?;

        let url = format!("http://{address}");
        let mut spec = Spec::new("nginx", nginx, dir.join("nginx.log"))
            .arg("-c")
            .arg(&path)
            .ready(Ready::Http(format!("{url}/livez")))
            .start_within(START_WITHIN)
            .stop(StopSignal::Terminate, Duration::from_secs(15));
        if geteuid().is_root() {
            // The folder may lie where no other user can reach it.
            spec = spec.args(["-g", "user root;"]);
        }
        Ok(Self { process: Process::spawn(spec).await?, url, _port: port })
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process, which writes errors and the access log into its log.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }
}

/// On Debian the program is not where people who are not root look for programs.
fn find() -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join("nginx")).find(|file| file.is_file());
    found.ok_or(Error::MissingTool { tool: "nginx", install: "Debian's nginx" })
}

fn replace<'a>(
    mut text: String,
    pairs: impl Iterator<Item = &'a (&'a str, &'a str)>,
) -> Result<String, Error> {
    for (from, to) in pairs {
        if !text.contains(from) {
            return Err(Error::Unsupported(format!("the configuration of nginx has no {from:?}")));
        }
        text = text.replace(from, to);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_cannot_be_replaced() {
        let text = "listen 8080; server a:1; server b:1;".to_owned();
        let moved = replace(text.clone(), [("a:1", "127.0.0.1:9"), ("b:1", "c:2")].iter());
        assert_eq!(moved.unwrap(), "listen 8080; server 127.0.0.1:9; server c:2;");
        let error = replace(text, [("d:1", "e:2")].iter()).unwrap_err();
        assert!(error.to_string().contains("\"d:1\""), "{error}");
    }
}
