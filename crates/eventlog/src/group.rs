//! What a group has committed, asked from outside of it.

use rdkafka::consumer::BaseConsumer;

use crate::{
    Committed, Connection, Partition, ReadError, StartError, context::Context, member, settings,
};

/// A look at a group that does not join it, and so disturbs nobody.
pub struct GroupView {
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
        Ok(Self { consumer })
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
