//! From a typed command and its terms to the answer: the one path of all routes.

use std::sync::Arc;
use std::time::Instant;

use axum::response::{IntoResponse, Response};
use domain::bounds::{self, COMMAND_BYTES_MAX};
use events::{Command, ShardId, id};
use service::problem::{FieldError, Problem};
use shard::edge::Stamp;

use super::answer::{self, Subject, answer};
use super::request::{Condition, Terms, invalid};
use super::sold_out::{self, Pieces};
use super::submit::Submission;
use super::{CALLER, Edge};

impl Edge {
    /// Checks the command, brings it into the log and answers with what became of it.
    pub(crate) async fn carry_out(self: &Arc<Self>, command: Command, terms: Terms) -> Response {
        let patience = terms.patience;
        match self.prepare(&command, terms, service::trace::current_traceparent()) {
            Ok((subject, submission)) => {
                let wanted = sold_out::wanted(&command);
                if let Some(left) = self.left(&wanted, submission.shard) {
                    return answer::probably_sold_out(
                        &subject,
                        &command,
                        &left,
                        self.sold_out.bound(),
                    )
                    .into_response();
                }
                let ending = self.submit(submission, patience.reply).await;
                if ending.is_done() {
                    self.sold_out.reserved(&wanted, Instant::now());
                }
                answer(&subject, ending, patience)
            }
            Err(problem) => problem.into_response(),
        }
    }

    /// What is left for an order that would get nothing, when its shard is under pressure: while it
    /// is not, every order is decided.
    fn left<'a>(&self, wanted: &Pieces<'a>, shard: ShardId) -> Option<Pieces<'a>> {
        let at = Instant::now();
        let left = self.sold_out.left(wanted, at)?;
        let wait = self.shards.estimated_wait(shard, at);
        (wait >= self.settings.sold_out_hint_from).then_some(left)
    }

    /// Everything that can be said about a command without looking at any data.
    pub(crate) fn prepare(
        &self,
        command: &Command,
        terms: Terms,
        traceparent: Option<String>,
    ) -> Result<(Subject, Submission), Problem> {
        let (Some(kind), Some(key)) = (command.kind(), command.key()) else {
            unreachable!("routes build client commands only, and those have an aggregate");
        };
        let creates = command.creates();
        let mut faults = terms.faults;
        // Clients and proxies take such a segment out of a path, so nobody could ask for it.
        if matches!(key, "." | "..") {
            let detail = format!("the id {key:?} cannot stand in a path");
            faults.push(FieldError { pointer: String::new(), detail });
        }
        let version = match (terms.condition, creates) {
            (Condition::Any, _) | (Condition::Exists, false) => None,
            (Condition::Version(version), _) => Some(version),
            (Condition::Exists, true) => {
                faults.push(FieldError::header("If-Match", "* cannot hold before a creation"));
                None
            }
        };
        if let Some(problem) = invalid(bounds::check(command), faults) {
            return Err(problem);
        }
        let value = command.to_single_object();
        if value.len() > COMMAND_BYTES_MAX {
            return Err(answer::too_large());
        }
        let subject = Subject {
            command_id: id::command_id(CALLER, kind, key, &terms.key),
            kind,
            key: key.to_owned(),
            creates,
            rules: command.first_rules(),
        };
        let submission = Submission {
            command_id: subject.command_id,
            shard: self.shards.of_key(kind, key),
            key: key.to_owned(),
            value,
            version,
            traceparent,
            stamp: Stamp::default(),
        };
        Ok((subject, submission))
    }
}
