//! `deploy/local/prepare`: silent where everything is there, one sentence where it cannot help.
#![allow(clippy::unwrap_used, reason = "a refusal fails the test")]

use std::{
    env,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn prepare(path: &Path) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Command::new(root.join("deploy/local/prepare"))
        .env("PATH", path)
        .env("CARGO_HOME", "/nonexistent")
        .env_remove("JAVA_HOME")
        .current_dir("/")
        .output()
        .unwrap()
}

/// A folder with links to those of `tools` that this machine has.
fn machine_with(tools: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = env::var_os("PATH").unwrap();
    for tool in tools {
        let found: Option<PathBuf> =
            env::split_paths(&path).map(|folder| folder.join(tool)).find(|file| file.is_file());
        symlink(found.unwrap(), folder.path().join(tool)).unwrap();
    }
    folder
}

#[test]
fn a_prepared_machine_is_left_alone_without_a_word() {
    let output = prepare(Path::new(&env::var_os("PATH").unwrap()));
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn what_cannot_be_installed_is_named_in_one_sentence() {
    let tools = ["dirname", "id", "sed", "paste", "uname", "cc", "c++", "make", "tar", "curl"];
    let output = prepare(machine_with(&tools).path());
    assert!(!output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "prepare: install what Debian calls: pkg-config libssl-dev zlib1g-dev \
         default-jdk-headless maven xz-utils util-linux\n"
    );
}
