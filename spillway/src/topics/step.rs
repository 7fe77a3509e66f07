//! One line of what is to be done to the topics, or cannot be.

use eventlog::topics::Plan;
use serde::Serialize;

use crate::output::Row;

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Step {
    action: Action,
    /// A topic, a partition, or a sentence about a difference.
    what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    CreateTopic,
    WriteRules,
    /// A shard whose log is gone begins anew, empty.
    BeginAnew,
    /// Something is different and cannot be changed in place.
    Resolve,
}

impl Step {
    /// The steps of a plan, in their order.
    pub(super) fn of(plan: &Plan) -> Vec<Self> {
        let create = plan.create.iter().map(|topic| Self::new(Action::CreateTopic, topic));
        let rules = plan
            .partitions_without_rules()
            .map(|partition| Self::new(Action::WriteRules, partition));
        let lost = plan.lost.iter().flat_map(|lost| &lost.shards);
        let anew = lost.map(|shard| Self::new(Action::BeginAnew, shard));
        let resolve =
            plan.differences.iter().map(|difference| Self::new(Action::Resolve, difference));
        create.chain(rules).chain(anew).chain(resolve).collect()
    }

    fn new(action: Action, what: &impl ToString) -> Self {
        Self { action, what: what.to_string() }
    }
}

impl Row for Step {
    const HEAD: &'static [&'static str] = &["action", "what"];

    fn cells(&self) -> Vec<String> {
        let action = match self.action {
            Action::CreateTopic => "create topic",
            Action::WriteRules => "write rules",
            Action::BeginAnew => "begin anew",
            Action::Resolve => "resolve",
        };
        vec![action.to_owned(), self.what.clone()]
    }
}

#[cfg(test)]
mod tests {
    use eventlog::topics::Difference;
    use events::Topic;

    use super::*;

    #[test]
    fn a_plan_is_told_step_by_step() {
        let mut plan = Plan::default();
        assert_eq!(Step::of(&plan), []);
        plan.create.push(Topic::Replies);
        plan.differences.push(Difference::Missing { topic: Topic::CommandDeadLetters });
        let rows: Vec<Vec<String>> = Step::of(&plan).iter().map(Row::cells).collect();
        assert_eq!(rows[0], ["create topic", "command.replies.v1"]);
        assert_eq!(rows[1][0], "resolve");
        assert!(rows[1][1].starts_with("command.dead-letters.v1"), "{rows:?}");
    }
}
