//! The topics: made by `apply`, planned first, checked by every process at its start.

mod anew;
mod difference;
mod first_records;
mod plan;

use events::{
    Command, Topic,
    command::{Parameters, RaiseIncarnation},
    profile::Profile,
};

use crate::{
    Connection, Partition, StartError,
    admin::{Admin, AdminError, Blueprint, Description},
    control_records,
};

pub use anew::Lost;
pub use difference::Difference;
use first_records::{Beginning, Missing};
pub use first_records::{FIRST_REVISION, FIRST_RULES, First, WriteError};
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
    /// Nothing was done.
    #[error("{0}")]
    Lost(Lost),
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
        let (there, to_be_made): (Vec<_>, Vec<_>) =
            self.command_partitions().into_iter().partition(|p| found.contains_key(&*p.topic));
        for beginning in first_records::look(&self.connection, there).await? {
            let Beginning { partition, missing, has_stream_id } = beginning;
            if !has_stream_id {
                plan.differences.push(Difference::NoStreamId { partition });
            } else if missing != Missing::Nothing {
                plan.first_records.push((partition, missing));
            }
        }
        plan.first_records.extend(to_be_made.into_iter().map(|p| (p, Missing::Both)));
        plan.lost = self.look_for_lost(&plan, |topic| found.contains_key(topic.name())).await?;
        Ok(plan)
    }

    async fn look_for_lost(
        &self,
        plan: &Plan,
        exists: impl Fn(Topic) -> bool,
    ) -> Result<Option<Lost>, TopicsError> {
        let empty: Vec<_> = plan
            .first_records
            .iter()
            // Where an interrupted run left a log without rules in force, it has given no event either.
            .filter_map(|(partition, _)| partition.shard())
            .collect();
        if empty.is_empty() {
            return Ok(None);
        }
        let connection = self.connection.clone();
        let shards = anew::shards(&self.profile, exists);
        let profile = self.profile;
        let look = move || anew::look(&connection, &profile, &empty, &shards);
        Ok(first_records::blocking(look).await?)
    }

    /// Makes what is missing. Refuses to touch anything while something is different that it cannot
    /// change. Running it twice does nothing the second time; running it twice at once may write
    /// the first records twice, which is harmless, because the first ones count.
    pub async fn apply(&self, plan: &Plan) -> Result<(), TopicsError> {
        self.apply_with(plan, self.profile.parameters()).await
    }

    /// As [`Topics::apply`], with these parameters in the first rules revision.
    pub async fn apply_with(&self, plan: &Plan, parameters: Parameters) -> Result<(), TopicsError> {
        self.apply_by(plan, First::rules(parameters)).await
    }

    /// As [`Topics::apply`], with these rules for the shards that have none: where a deployment gets
    /// shards beside others, those that the others go by.
    pub async fn apply_by(&self, plan: &Plan, rules: First) -> Result<(), TopicsError> {
        if let Some(lost) = &plan.lost {
            return Err(TopicsError::Lost(lost.clone()));
        }
        self.make(plan, rules).await
    }

    /// Applies a plan that has lost shards: they begin anew, empty, under these rules, and every shard
    /// in a higher incarnation, so that the counters of all links begin again. What the lost shards
    /// held is given up. No processor may run meanwhile.
    ///
    /// The shards that are left are raised first: as long as a lost one lacks its first records, a run
    /// that ended early is found again and repeated whole, and a second raise does nothing.
    ///
    /// # Errors
    /// Nothing was done where product shards are lost and order shards are not.
    pub async fn begin_anew(&self, plan: &Plan, rules: First) -> Result<(), TopicsError> {
        let Some(lost) = &plan.lost else {
            return self.make(plan, rules).await;
        };
        if !lost.kept.is_empty() {
            return Err(TopicsError::Lost(lost.clone()));
        }
        check_differences(plan)?;
        let incarnation = lost.incarnation;
        self.raise_others(plan, incarnation).await?;
        self.make(plan, First { incarnation: Some(incarnation), ..rules }).await
    }

    /// Raises the incarnation of every shard whose log is there.
    async fn raise_others(&self, plan: &Plan, incarnation: i64) -> Result<(), TopicsError> {
        let is_left = |partition: &Partition| {
            plan.first_records.iter().all(|(lacking, _)| lacking != partition)
        };
        let others = self.command_partitions().into_iter().filter(is_left);
        let raise = || Command::from(RaiseIncarnation { incarnation });
        let records: Vec<(Partition, Command)> = others.map(|p| (p, raise())).collect();
        let connection = self.connection.clone();
        let append = move || Ok(control_records::append(&connection, "spillway-topics", &records)?);
        Ok(first_records::blocking(append).await?)
    }

    async fn make(&self, plan: &Plan, first: First) -> Result<(), TopicsError> {
        check_differences(plan)?;
        for topic in &plan.create {
            self.admin.create(&self.blueprint(*topic)).await?;
        }
        first_records::write(&self.connection, &plan.first_records, first).await?;
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
            let partitions = self.command_partitions();
            for beginning in first_records::look(&self.connection, partitions).await? {
                let Beginning { partition, missing, has_stream_id } = beginning;
                if !has_stream_id {
                    differences.push(Difference::NoStreamId { partition });
                } else if missing != Missing::Nothing {
                    differences.push(Difference::NoRules { partition, lacks: missing.to_string() });
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

fn check_differences(plan: &Plan) -> Result<(), TopicsError> {
    match plan.differences.is_empty() {
        true => Ok(()),
        false => Err(TopicsError::Different(plan.differences.clone())),
    }
}

fn sentences(differences: &[Difference]) -> String {
    differences.iter().map(|difference| format!("\n  - {difference}")).collect()
}
