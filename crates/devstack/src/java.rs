//! Finds the machine's JDK and says with which flags the Java parts run.

use std::{env, path::PathBuf, process::Stdio};

use tokio::process::Command;

use crate::{error::Error, options::Load};

const MISSING: Error =
    Error::MissingTool { tool: "a JDK, version 17 or newer,", install: "default-jdk-headless" };

/// A JDK of version 17 or newer.
#[derive(Clone, Debug)]
pub(crate) struct Java {
    /// The launcher.
    pub(crate) java: PathBuf,
    /// The archiver, for unpacking.
    pub(crate) jar: PathBuf,
    /// What the launcher says about itself: a class archive belongs to one build.
    pub(crate) version: String,
}

impl Java {
    /// Looks in `JAVA_HOME`, then on `PATH`.
    pub(crate) async fn find() -> Result<Self, Error> {
        let home = env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin"));
        let bin = home.filter(|bin| bin.join("java").exists()).unwrap_or_default();
        let java = bin.join("java");
        let said = Command::new(&java)
            .arg("-version")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|_| MISSING)?;
        let version = String::from_utf8_lossy(&said.stderr).into_owned();
        match major(&version) {
            Some(17..) => Ok(Self { java, jar: bin.join("jar"), version }),
            _ => Err(MISSING),
        }
    }
}

/// The number after `version "`; 1.8 and its like count as 1.
fn major(said: &str) -> Option<u32> {
    let (_, number) = said.split_once("version \"")?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// The flags for a Java part that needs `heap_mib` under light load. Without performance data no
/// file of the virtual machine lands in the machine's temporary folder.
pub(crate) fn flags(load: Load, heap_mib: u32) -> Vec<String> {
    let tuned: &[&str] = match load {
        Load::Light => &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"],
        Load::Heavy => &["-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"],
    };
    let heap_mib = match load {
        Load::Light => heap_mib,
        Load::Heavy => heap_mib * 4,
    };
    let mut flags = vec![format!("-Xmx{heap_mib}m"), "-XX:-UsePerfData".to_owned()];
    flags.extend(tuned.iter().map(|flag| (*flag).to_owned()));
    flags
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read_from_what_the_launcher_says() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
        assert_eq!(major("openjdk version \"25\" 2025-09-16"), Some(25));
        assert_eq!(major("java version \"1.8.0_402\""), Some(1));
        assert_eq!(major("sh: java: not found"), None);
    }
}
