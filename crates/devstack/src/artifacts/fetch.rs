//! Lets Maven fetch what the pom names: `kafka/*.jar` and `archives/*`.

use std::{fs, path::Path, time::Duration};

use super::POM;
use crate::{
    error::{Doing as _, Error},
    process::{self, Spec},
};

/// The folders that Maven fills.
pub(super) const FOLDERS: [&str; 2] = ["kafka", "archives"];

/// About 190 MB; a line slower than that allows needs another mirror, not more patience.
const WITHIN: Duration = Duration::from_secs(900);

/// Fills the [`FOLDERS`] of `dir`, with `repository` as Maven's local repository.
pub(super) async fn fetch(dir: &Path, repository: &Path) -> Result<(), Error> {
    let pom = dir.join("pom.xml");
    fs::write(&pom, POM).doing("write", &pom)?;
    let log = dir.join("fetch.log");
    let maven = Spec::new("mvn", "mvn", &log)
        .args(["-B", "-ntp", "-q", "-f"])
        .arg(&pom)
        .arg(format!("-Dmaven.repo.local={}", repository.display()))
        .arg("package")
        .dir(dir)
        .start_within(WITHIN);
    process::to_end(&maven).await
}
