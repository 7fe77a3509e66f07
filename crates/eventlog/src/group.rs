//! What a group has committed, asked from outside of it.

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::{
    Committed, Connection, Partition, ReadError, StartError,
    context::Context,
    error::unanswered,
    member,
    settings::{self, REQUEST_TIMEOUT},
};

/// A look at a group that does not join it, and so disturbs nobody.
pub struct GroupView {
    group: String,
    consumer: BaseConsumer<Context>,
}

impl GroupView {
    /// Needs no broker yet.
    pub fn open(connection: &Connection, client_id: &str, group: &str) -> Result<Self, StartError> {
        let mut config = settings::reader(connection, client_id);
        config.set("group.id", group);
        let consumer = config
            .create_with_context(Context { client: "group view" })
            .map_err(|source| StartError::of("group view", source))?;
        Ok(Self { group: group.to_owned(), consumer })
    }

    /// How many members the group has, those included whose sessions have yet to time out. Waits up
    /// to ten seconds.
    pub fn members(&self) -> Result<usize, ReadError> {
        let list = self
            .consumer
            .fetch_group_list(Some(&self.group), REQUEST_TIMEOUT)
            .map_err(|source| unanswered("group members", source))?;
        Ok(list.groups().iter().map(|group| group.members().len()).sum())
    }

    /// What was committed for each partition, in the same order; `None` where nothing was. Waits up
    /// to ten seconds.
    pub fn committed(&self, partitions: &[Partition]) -> Result<Vec<Option<Committed>>, ReadError> {
        member::committed(&self.consumer, partitions)
    }
}

impl std::fmt::Debug for GroupView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GroupView")
    }
}
