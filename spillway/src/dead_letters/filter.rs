//! Which letters, as arguments.

use eventlog::Partition;
use projector::{
    letters::Filter,
    projection::{Registration, registered},
};

use crate::operator;

/// What is left out does not matter.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FilterArgs {
    /// Of this projection.
    #[arg(long, value_name = "NAME", value_parser = operator::projection())]
    projection: Option<Registration>,
    /// With this key: an order id, or a SKU.
    #[arg(long)]
    key: Option<String>,
    /// With this error class, such as unfit, undecodable or parked.
    #[arg(long)]
    class: Option<String>,
    /// From this partition, such as orders.events.v1/3.
    #[arg(long, value_parser = operator::partition)]
    partition: Option<Partition>,
    /// At this Kafka offset of the partition.
    #[arg(long, requires = "partition")]
    offset: Option<i64>,
}

impl FilterArgs {
    pub(super) fn filter(&self) -> Filter {
        Filter {
            projection: self.projection.map(|projection| projection.name.to_owned()),
            key: self.key.as_ref().map(|key| key.as_bytes().to_vec()),
            class: self.class.clone(),
            partition: self.partition.clone(),
            offset: self.offset,
        }
    }

    /// The projections that are meant.
    pub(super) fn projections(&self) -> Vec<Registration> {
        self.projection.map_or_else(registered, |projection| vec![projection])
    }
}
