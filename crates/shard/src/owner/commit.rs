//! The committed offset and its metadata: `stream:revision:chain`.

use std::str::FromStr;

use crate::{Chain, Halt, State};

/// Everything before `offset` is out, and this is what the shard looked like there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub offset: i64,
    pub stream_id: String,
    pub revision: i64,
    pub chain: Chain,
}

/// The metadata of a commit is not ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the committed metadata {0:?} is not of the form stream:revision:chain")]
pub struct Unreadable(String);

impl Commit {
    /// The text that travels beside the offset.
    pub fn metadata(&self) -> String {
        format!("{}:{}:{}", self.stream_id, self.revision, self.chain)
    }

    /// Reads a committed offset with its metadata.
    pub fn read(offset: i64, metadata: &str) -> Result<Self, Unreadable> {
        let unreadable = || Unreadable(metadata.to_owned());
        let mut parts = metadata.split(':');
        let mut next = || parts.next().ok_or_else(unreadable);
        let stream_id = next()?.to_owned();
        let revision = next()?.parse().map_err(|_| unreadable())?;
        let chain = Chain::from_str(next()?).map_err(|_| unreadable())?;
        match parts.next() {
            None => Ok(Self { offset, stream_id, revision, chain }),
            Some(_) => Err(unreadable()),
        }
    }

    /// Compares a replayed state with what was committed at the same offset.
    pub(crate) fn check(&self, state: &State) -> Result<(), Halt> {
        let found = state.stream_id().unwrap_or_default();
        if found != self.stream_id {
            return Err(Halt::StreamDiffers {
                found: found.to_owned(),
                committed: self.stream_id.clone(),
            });
        }
        if state.chain() != self.chain {
            return Err(Halt::ChainDiffers {
                offset: self.offset,
                found: state.chain().to_string(),
                committed: self.chain.to_string(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_reads_back_and_foreign_text_is_refused() {
        let commit = Commit {
            offset: 7,
            stream_id: "5f1c".to_owned(),
            revision: 2,
            chain: Chain::from_str("0123456789abcdef0123456789abcdef").expect("hex"),
        };
        assert_eq!(Commit::read(7, &commit.metadata()), Ok(commit));
        assert!(Commit::read(7, "").is_err());
        assert!(Commit::read(7, "a:b:c").is_err());
    }
}
