//! Questions to the brokers about topics, and the making of topics.
//!
//! The client library answers some of them only by blocking, so each call runs on a thread that may
//! block and is awaited.

use std::{collections::BTreeMap, sync::Arc, thread, time::Duration};

use backon::{ConstantBuilder, Retryable};
use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    error::RDKafkaErrorCode,
    metadata::MetadataTopic,
};

use crate::{
    Cause, Connection, Partition, StartError, Watermarks,
    context::Context,
    error::may_pass,
    settings::{self, REQUEST_TIMEOUT},
};

/// How often a topic that was just made is looked for, and how many times.
const SETTLE_EVERY: Duration = Duration::from_millis(50);
const SETTLE_TIMES: usize = 400;

/// Why the brokers were not asked or did not answer as hoped.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error(transparent)]
    Start(#[from] StartError),
    /// The brokers did not answer; ask again.
    #[error("the brokers did not answer ({question}): {source}")]
    Unanswered { question: &'static str, source: Cause },
    /// The brokers refuse.
    #[error("{topic}: the brokers refuse to {action}: {reason}")]
    Refused { topic: String, action: &'static str, reason: String },
    /// The topic was made, but its partitions have no leaders that know it after twenty seconds.
    #[error("{topic} was made, but not all of its partitions have a leader yet")]
    NotSettled { topic: String },
}

/// A topic as the brokers have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) partitions: i32,
    /// Copies of the partition that has the fewest.
    pub(crate) replicas_min: i32,
    pub(crate) settings: BTreeMap<String, String>,
}

/// A topic to be made.
#[derive(Debug, Clone)]
pub(crate) struct Blueprint {
    pub(crate) name: &'static str,
    pub(crate) partitions: i32,
    pub(crate) replication: i32,
    pub(crate) settings: Vec<(&'static str, String)>,
}

pub(crate) struct Admin {
    /// `None` only while it is being dropped.
    client: Option<Arc<AdminClient<Context>>>,
}

impl Admin {
    pub(crate) fn connect(connection: &Connection) -> Result<Self, StartError> {
        let client = settings::admin(connection, "spillway-topics")
            .create_with_context(Context { client: "admin" })
            .map_err(|source| StartError::of("admin", source))?;
        Ok(Self { client: Some(Arc::new(client)) })
    }

    fn client(&self) -> &Arc<AdminClient<Context>> {
        self.client.as_ref().unwrap_or_else(|| unreachable!("only the drop takes the client"))
    }

    /// Those of `names` that exist, by name.
    pub(crate) async fn describe(
        &self,
        names: &[&'static str],
    ) -> Result<BTreeMap<&'static str, Description>, AdminError> {
        let shapes = self.shapes(names).await?;
        let mut settings = self.settings(shapes.keys().copied()).await?;
        Ok(shapes
            .into_iter()
            .map(|(name, shape)| {
                let description = Description {
                    partitions: shape.partitions,
                    replicas_min: shape.replicas_min,
                    settings: settings.remove(name).unwrap_or_default(),
                };
                (name, description)
            })
            .collect())
    }

    pub(crate) async fn watermarks(&self, partition: Partition) -> Result<Watermarks, AdminError> {
        let (low, high) = self
            .ask("watermarks", move |client| {
                client.inner().fetch_watermarks(&partition.topic, partition.number, REQUEST_TIMEOUT)
            })
            .await?;
        Ok(Watermarks { low, high })
    }

    /// Makes a topic and waits until each of its partitions can be written. A topic that exists
    /// already is left as it is.
    pub(crate) async fn create(&self, blueprint: &Blueprint) -> Result<(), AdminError> {
        let mut topic = NewTopic::new(
            blueprint.name,
            blueprint.partitions,
            TopicReplication::Fixed(blueprint.replication),
        );
        for (name, value) in &blueprint.settings {
            topic = topic.set(name, value);
        }
        let options = AdminOptions::new()
            .request_timeout(Some(REQUEST_TIMEOUT))
            .operation_timeout(Some(REQUEST_TIMEOUT));
        let results = self
            .client()
            .create_topics([&topic], &options)
            .await
            .map_err(|source| unanswered("create topics", source))?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => {
                    return Err(AdminError::Refused {
                        topic,
                        action: "create it",
                        reason: code.to_string(),
                    });
                }
            }
        }
        self.settled(blueprint).await
    }

    /// Deletes the records before an offset of each partition, for ever.
    pub(crate) async fn delete_before(
        &self,
        offsets: &[(Partition, i64)],
    ) -> Result<(), AdminError> {
        let question = "delete records";
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(*offset))
                .map_err(|source| unanswered(question, source))?;
        }
        let options = AdminOptions::new()
            .request_timeout(Some(REQUEST_TIMEOUT))
            .operation_timeout(Some(REQUEST_TIMEOUT));
        let deleted = self
            .client()
            .delete_records(&list, &options)
            .await
            .map_err(|source| unanswered(question, source))?;
        match deleted.elements().iter().find_map(|e| Some((e.topic().to_owned(), e.error().err()?)))
        {
            None => Ok(()),
            Some((topic, reason)) => Err(AdminError::Refused {
                topic,
                action: "delete its old records",
                reason: reason.to_string(),
            }),
        }
    }

    async fn settled(&self, blueprint: &Blueprint) -> Result<(), AdminError> {
        let look = || async {
            let shapes = self.shapes(&[blueprint.name]).await?;
            match shapes.get(blueprint.name) {
                Some(shape) if shape.has_leaders && shape.partitions > 0 => Ok(()),
                _ => Err(AdminError::NotSettled { topic: blueprint.name.to_owned() }),
            }
        };
        let again = ConstantBuilder::new().with_delay(SETTLE_EVERY).with_max_times(SETTLE_TIMES);
        let is_unsettled = |error: &AdminError| matches!(error, AdminError::NotSettled { .. });
        look.retry(again).when(is_unsettled).await?;
        // What one broker says of the leaders, these may have to learn yet: each is asked itself.
        let ask = || async {
            for number in 0..blueprint.partitions {
                self.watermarks(Partition::new(blueprint.name, number)).await?;
            }
            Ok(())
        };
        let has_yet_to_learn = |error: &AdminError| match error {
            AdminError::Unanswered { source, .. } => may_pass(source),
            _ => false,
        };
        ask.retry(again).when(has_yet_to_learn).await
    }

    async fn shapes(
        &self,
        names: &[&'static str],
    ) -> Result<BTreeMap<&'static str, Shape>, AdminError> {
        // All topics at once: asking for one by name would report a missing one as an error.
        let metadata = self
            .ask("metadata", |client| client.inner().fetch_metadata(None, REQUEST_TIMEOUT))
            .await?;
        let found = metadata.topics().iter();
        Ok(found
            .filter_map(|topic| {
                let name = names.iter().find(|name| **name == topic.name())?;
                Some((*name, Shape::of(topic)))
            })
            .collect())
    }

    async fn settings(
        &self,
        names: impl Iterator<Item = &'static str>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, AdminError> {
        let resources: Vec<ResourceSpecifier<'_>> = names.map(ResourceSpecifier::Topic).collect();
        if resources.is_empty() {
            return Ok(BTreeMap::new());
        }
        let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT));
        let answers = self
            .client()
            .describe_configs(&resources, &options)
            .await
            .map_err(|source| unanswered("topic settings", source))?;
        let mut settings = BTreeMap::new();
        for answer in answers {
            let resource = answer.map_err(|code| AdminError::Unanswered {
                question: "topic settings",
                source: Box::new(code),
            })?;
            let rdkafka::admin::OwnedResourceSpecifier::Topic(name) = resource.specifier else {
                continue;
            };
            let entries = resource.entries.into_iter();
            let entries = entries.filter_map(|entry| Some((entry.name, entry.value?)));
            settings.insert(name, entries.collect());
        }
        Ok(settings)
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: &'static str,
        ask: impl FnOnce(&AdminClient<Context>) -> Result<T, rdkafka::error::KafkaError>
        + Send
        + 'static,
    ) -> Result<T, AdminError> {
        let client = Arc::clone(self.client());
        match tokio::task::spawn_blocking(move || ask(&client)).await {
            Ok(answer) => answer.map_err(|source| unanswered(question, source)),
            Err(source) => Err(unanswered(question, source)),
        }
    }
}

/// The library joins its threads when the client is dropped, which must not hold up an async thread.
impl Drop for Admin {
    fn drop(&mut self) {
        let client = self.client.take();
        // Where no thread can be had, the closure is dropped here, and the client with it.
        let _ = thread::Builder::new().name("admin-drop".to_owned()).spawn(move || drop(client));
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

struct Shape {
    partitions: i32,
    replicas_min: i32,
    has_leaders: bool,
}

impl Shape {
    fn of(topic: &MetadataTopic) -> Self {
        let partitions = topic.partitions();
        let replicas_min = partitions.iter().map(|p| p.replicas().len()).min();
        Self {
            partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
            replicas_min: i32::try_from(replicas_min.unwrap_or(0)).unwrap_or(i32::MAX),
            has_leaders: partitions.iter().all(|p| p.leader() >= 0),
        }
    }
}

fn unanswered(question: &'static str, source: impl Into<Cause>) -> AdminError {
    AdminError::Unanswered { question, source: source.into() }
}
