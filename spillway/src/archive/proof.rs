//! The report of a verification, as far as it allows commands to be deleted.

use std::{fs, path::Path};

use anyhow::Context as _;
use events::ShardId;
use serde::Deserialize;

use crate::exit;

#[derive(Debug, Deserialize)]
pub(super) struct Proof {
    pub(super) ok: bool,
    pub(super) verified: Vec<Verified>,
}

/// What was recomputed of one shard and found right.
#[derive(Debug, Deserialize)]
pub(super) struct Verified {
    pub(super) shard: String,
    pub(super) stream_id: String,
    /// The first offset that was not recomputed.
    pub(super) until: i64,
}

impl Verified {
    pub(super) fn shard(&self) -> anyhow::Result<ShardId> {
        self.shard.parse().map_err(|_| exit::usage(format!("{:?} is no shard", self.shard)))
    }
}

/// Reads what `spillway verify -o json` has printed.
///
/// # Errors
/// A usage error when it is no such report, or one of a verification that found something wrong.
pub(super) fn read(path: &Path) -> anyhow::Result<Proof> {
    let text = fs::read(path)
        .with_context(|| format!("the report {} cannot be read", path.display()))
        .map_err(|error| exit::usage(format!("{error:#}")))?;
    let proof: Proof = serde_json::from_slice(&text).map_err(|error| {
        let path = path.display();
        exit::usage(format!("{path} is no report of `spillway verify -o json`: {error}"))
    })?;
    if !proof.ok {
        return Err(exit::usage(
            "the verification found something wrong: nothing may be deleted before it is understood",
        ));
    }
    Ok(proof)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> anyhow::Result<Proof> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn only_the_report_of_a_good_verification_is_a_proof() {
        let verified = r#"[{"shard":"orders/3","stream_id":"s","from":0,"until":7}]"#;
        let good = read_text(&format!(r#"{{"ok":true,"counts":{{}},"verified":{verified}}}"#));
        assert_eq!(good.unwrap().verified[0].until, 7);
        let bad = read_text(&format!(r#"{{"ok":false,"verified":{verified}}}"#)).unwrap_err();
        assert!(bad.to_string().contains("something wrong"), "{bad}");
        assert!(read_text("[]").unwrap_err().to_string().contains("no report"));
    }
}
