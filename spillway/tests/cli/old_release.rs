//! A deployment that activates rules its processor does not have, and the release that has them.
//!
//! Runs with `cargo test -p spillway --features old-release-test --test cli old_release`, because it
//! builds an earlier release of the processor: this one without the rules above version 1.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{Dev, at, system::System};

/// A folder with all programs of a release, as `spillway dev` looks for them.
struct Release {
    folder: tempfile::TempDir,
}

impl Release {
    fn with(command_api: &Path) -> Self {
        let built = built();
        // The program finds the others beside its own file, so that must lie here and not be a link.
        let folder = tempfile::tempdir_in(&built).unwrap();
        fs::hard_link(built.join("spillway"), folder.path().join("spillway")).unwrap();
        for name in ["projector", "query-api"] {
            symlink(built.join(name), folder.path().join(name)).unwrap();
        }
        symlink(command_api, folder.path().join("command-api")).unwrap();
        Self { folder }
    }

    async fn start(&self, kept: &Path) -> System {
        let runtime = tempfile::tempdir().unwrap();
        let program = at(&self.folder.path().join("spillway"), runtime.path());
        let args = ["--random-ports", "--no-sample", "--retain", kept.to_str().unwrap()];
        System::of(Dev::of(program, &args), runtime).await
    }
}

/// Where this build lies.
fn built() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_spillway")).parent().unwrap().to_owned()
}

/// Builds the processor of the earlier release, in a target folder of its own.
fn old_command_api() -> PathBuf {
    let target = built().parent().unwrap().join("rules-1-only");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--package", "command-api", "--features", "rules-1-only", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(built.success());
    target.join("debug/command-api")
}

#[tokio::test]
async fn a_processor_without_the_rules_stops_and_the_right_one_decides_what_waited() {
    let old = old_command_api();
    let data = tempfile::tempdir().unwrap();
    let kept = data.path().join("kept");
    let lines = json!([{"sku": "plenty", "quantity": 2}, {"sku": "scarce", "quantity": 9}]);
    let order = |id: &str| json!({"order_id": id, "currency": "EUR", "lines": lines.clone()});

    let system = Release::with(&old).start(&kept).await;
    system.stock("plenty", 250, 10).await;
    system.stock("scarce", 100, 1).await;
    system.rows(&["rules", "propose", "--rules=2", "--yes"], 0).await;
    let (status, ..) = system.post("/v1/orders", &order("before")).await;
    assert_eq!(status, StatusCode::CONFLICT, "a proposal stops nobody");
    system.rows(&["rules", "activate", "2", "--yes"], 0).await;
    let reason = "rules revision 2 needs code version 2, which this binary does not have";
    system.page(0, "/readyz", |page| page.contains(reason)).await;
    let (status, _, waiting) = system.post("/v1/orders", &order("waiting")).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{waiting}");
    system.stop().await;

    let system = Release::with(&built().join("command-api")).start(&kept).await;
    let command = format!("/v1/commands/{}", waiting["command_id"].as_str().unwrap());
    let outcome = system.get_at(&command, "").await;
    assert_eq!(
        (&outcome["status"], &outcome["order"]["status"]),
        (&json!("done"), &json!("reserved"))
    );
    assert_eq!(outcome["order"]["refused_lines"][0]["line"], 2, "{outcome}");
    let verified = system.rows(&["verify"], 0).await;
    assert_eq!(verified["violations"], json!([]));
    system.stop().await;
}
