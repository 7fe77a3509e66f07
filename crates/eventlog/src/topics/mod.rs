//! The topics: made by `apply`, planned first, checked by every process at its start.

mod difference;
mod first_records;
mod plan;

use events::{Topic, command::Parameters, profile::Profile};

use crate::{
    Connection, Partition, StartError,
    admin::{Admin, AdminError, Blueprint, Description},
};

pub use difference::Difference;
pub use first_records::{FIRST_REVISION, FIRST_RULES, WriteError};
pub use plan::Plan;

/// Why the topics are not, or could not be made, as the profile wants them.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Each difference is a sentence that says what to do.
    #[error("the topics are not as they must be:{}", sentences(.0))]
    Different(Vec<Difference>),
}

impl From<StartError> for TopicsError {
    fn from(error: StartError) -> Self {
        TopicsError::Admin(error.into())
    }
}

/// The topics of one deployment.
#[derive(Debug)]
pub struct Topics {
    admin: Admin,
    connection: Connection,
    profile: Profile,
}

impl Topics {
    pub fn new(connection: &Connection, profile: Profile) -> Result<Self, StartError> {
        Ok(Self { admin: Admin::connect(connection)?, connection: connection.clone(), profile })
    }

    /// What `apply` would do, and what is wrong that it cannot do anything about.
    pub async fn plan(&self) -> Result<Plan, TopicsError> {
        let found = self.admin.describe(&Topic::ALL.map(Topic::name)).await?;
        let mut plan = Plan::default();
        for topic in Topic::ALL {
            match found.get(topic.name()) {
                None => plan.create.push(topic),
                Some(found) => {
                    plan.differences.extend(difference::between(&self.profile, topic, found));
                }
            }
        }
        // Nothing is applied while something is wrong, and partitions may be lacking then.
        if !plan.differences.is_empty() {
            return Ok(plan);
        }
        for partition in self.command_partitions() {
            let missing = if found.contains_key(&*partition.topic) {
                first_records::missing(&self.connection, &partition).await?
            } else {
                first_records::Missing::Both
            };
            if missing != first_records::Missing::Nothing {
                plan.first_records.push((partition, missing));
            }
        }
        Ok(plan)
    }

    /// Makes what is missing. Refuses to touch anything while something is different that it cannot
    /// change. Running it twice does nothing the second time; running it twice at once may write
    /// the first records twice, which is harmless, because the first ones count.
    pub async fn apply(&self, plan: &Plan) -> Result<(), TopicsError> {
        self.apply_with(plan, self.profile.parameters()).await
    }

    /// As [`Topics::apply`], with these parameters in the first rules revision.
    pub async fn apply_with(&self, plan: &Plan, parameters: Parameters) -> Result<(), TopicsError> {
        if !plan.differences.is_empty() {
            return Err(TopicsError::Different(plan.differences.clone()));
        }
        for topic in &plan.create {
            self.admin.create(&self.blueprint(*topic)).await?;
        }
        first_records::write(&self.connection, &plan.first_records, parameters).await?;
        Ok(())
    }

    /// What every process asks at its start: are all topics there, with the right partitions and
    /// settings, and have the shards their first records?
    pub async fn check(&self) -> Result<(), TopicsError> {
        let found = self.admin.describe(&Topic::ALL.map(Topic::name)).await?;
        let mut differences = Vec::new();
        for topic in Topic::ALL {
            match found.get(topic.name()) {
                None => differences.push(Difference::Missing { topic }),
                Some(found) => {
                    differences.extend(difference::between(&self.profile, topic, found));
                }
            }
        }
        // Only where the partitions are right does it make sense to ask for what they hold.
        if differences.is_empty() {
            for partition in self.command_partitions() {
                let watermarks = self.admin.watermarks(partition.clone()).await?;
                if watermarks.high == 0 {
                    differences.push(Difference::NoRules { partition });
                }
            }
        }
        if differences.is_empty() { Ok(()) } else { Err(TopicsError::Different(differences)) }
    }

    fn command_partitions(&self) -> Vec<Partition> {
        events::Kind::ALL
            .into_iter()
            .map(Topic::Commands)
            .flat_map(|topic| Partition::all_of(topic, self.profile.partitions(topic)))
            .collect()
    }

    fn blueprint(&self, topic: Topic) -> Blueprint {
        Blueprint {
            name: topic.name(),
            partitions: self.profile.partitions(topic),
            replication: self.profile.replication,
            settings: self.profile.settings(topic),
        }
    }
}

fn sentences(differences: &[Difference]) -> String {
    differences.iter().map(|difference| format!("\n  - {difference}")).collect()
}
