//! Processes and everything below them, to tell whether any outlived the test.

use std::{collections::HashSet, fs};

use crate::until;

/// One process: its number, and the tick of its start, which tells it from a later one with the
/// same number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Member {
    id: u32,
    started: String,
    name: String,
}

/// Processes with all their descendants, as they were at one moment.
#[derive(Debug)]
pub(crate) struct Family(HashSet<Member>);

impl Family {
    /// The processes of these numbers and everything below them.
    pub(crate) fn of(roots: impl IntoIterator<Item = u32>) -> Self {
        let roots: HashSet<u32> = roots.into_iter().collect();
        let all: Vec<(u32, Member)> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(look)
            .collect();
        let mut ids: Vec<u32> = roots.iter().copied().collect();
        let mut members: HashSet<Member> =
            all.iter().filter(|(_, m)| roots.contains(&m.id)).map(|(_, m)| m.clone()).collect();
        while let Some(parent) = ids.pop() {
            for (_, child) in all.iter().filter(|(above, _)| *above == parent) {
                if members.insert(child.clone()) {
                    ids.push(child.id);
                }
            }
        }
        Self(members)
    }

    /// Waits until none of them is there any more: the kernel needs moments to end a process.
    pub(crate) async fn is_gone(&self) -> anyhow::Result<()> {
        until("no process is left behind", async || {
            let is_left =
                |member: &&Member| look(member.id).is_some_and(|(_, now)| now == **member);
            let left: Vec<&Member> = self.0.iter().filter(is_left).collect();
            anyhow::ensure!(left.is_empty(), "left behind: {left:?}");
            Ok(())
        })
        .await
    }
}

/// The parent of a process, and the process; `None` when it is gone or only its parent's to reap.
fn look(id: u32) -> Option<(u32, Member)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in parentheses and may hold any character.
    let (head, tail) = text.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let (state, parent, started) = (fields.first()?, fields.get(1)?, fields.get(19)?);
    let member = Member { id, started: (*started).to_owned(), name };
    (*state != "Z").then_some((parent.parse().ok()?, member))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[tokio::test]
    async fn a_child_of_a_child_belongs_to_the_family_and_is_missed_when_it_is_gone() {
        let shell = "sleep 60 & read -r _; kill $!; wait";
        let mut parent =
            Command::new("sh").args(["-c", shell]).stdin(Stdio::piped()).spawn().unwrap();
        let family = until("the child runs", async || {
            let family = Family::of([parent.id()]);
            anyhow::ensure!(family.0.len() == 2, "{family:?}");
            Ok(family)
        });
        let family = family.await.unwrap();
        drop(parent.stdin.take());
        parent.wait().unwrap();
        family.is_gone().await.unwrap();
    }
}
