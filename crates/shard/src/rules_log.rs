//! Which rules a shard's log proposes and activates, read without deciding anything.
//!
//! It follows `step` exactly where rules are concerned, and knows nothing else: a log of any length
//! is read in the memory of a few revisions, and rules that this binary cannot decide by are told
//! like all others.

use events::{
    Command,
    command::{Author, ProposeRules},
    header,
    position::Arrival,
};

use crate::{
    record::Record,
    rules::{Revision, Rules},
    state::{Links, State},
};

/// The rules of one shard after the records read so far.
#[derive(Debug, Default)]
pub struct RulesLog {
    rules: Rules,
    links: Links,
}

impl RulesLog {
    /// As if everything up to this state had been read.
    pub fn at(state: &State) -> Self {
        Self { rules: state.rules.clone(), links: state.links.clone() }
    }

    /// Reads the next record of the shard's log.
    pub fn read(&mut self, record: &Record<'_>) {
        let link = record.headers.link();
        // Clients' commands have a key and no link, and are most of the log.
        if link.is_none() && record.key.is_some() {
            return;
        }
        let Some(Ok(command)) = record.value.map(Command::from_single_object) else { return };
        match (link, &command) {
            (None, Command::ProposeRules(proposal)) if self.rules.objection(proposal).is_none() => {
                self.rules.propose(proposal);
            }
            (None, Command::ActivateRules(activate)) => self.activate(activate.revision),
            (Some((source, mark)), command)
                if command.author() == Author::Shard
                    && self.links.arrival(source, mark) == Arrival::Next =>
            {
                self.links.accept(source, mark);
                self.activate(record.headers.number(header::RULES).unwrap_or(0));
            }
            _ => {}
        }
    }

    /// The revision in force; `None` before the first activation.
    pub fn active(&self) -> Option<&Revision> {
        self.rules.active()
    }

    /// Revisions that are proposed and not yet activated, rising.
    pub fn proposed(&self) -> impl Iterator<Item = &Revision> {
        self.rules.all_proposed()
    }

    /// Why the shard would not take a proposal; `None` when it would.
    pub fn objection(&self, proposal: &ProposeRules) -> Option<&'static str> {
        self.rules.objection(proposal)
    }

    fn activate(&mut self, revision: i64) {
        if let Some(proposed) = self.rules.proposed(revision) {
            let proposed = *proposed;
            self.rules.activate(proposed);
        }
    }
}
