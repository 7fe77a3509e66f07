//! How far the projections are.

use std::{collections::HashMap, time::Duration};

use events::{Kind, Position, Topic, position::Mark};
use sqlx::{PgConnection, PgPool};

use super::{Error, database::within};

/// `Projection "its name in the checkpoints table": the kind whose events it reads,` where that is
/// one; a projection without reads outcomes, of every kind.
macro_rules! projections {
    ($($projection:ident $name:literal: $kind:expr,)+) => {
        /// A read model that routes wait for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Projection {
            $($projection,)+
        }

        impl Projection {
            pub(crate) const ALL: [Projection; [$($name),+].len()] = [$(Projection::$projection),+];

            /// The name in the checkpoints table.
            pub fn as_str(self) -> &'static str {
                match self { $(Projection::$projection => $name,)+ }
            }

            /// The kind whose events the projection reads; absent where it reads outcomes.
            pub fn kind(self) -> Option<Kind> {
                match self { $(Projection::$projection => $kind,)+ }
            }
        }
    };
}

projections! {
    Orders "orders": Some(Kind::Orders),
    Products "products": Some(Kind::Products),
    Outcomes "outcomes": None,
    Customers "customers": Some(Kind::Orders),
    Sales "sales": Some(Kind::Orders),
}

impl Projection {
    /// The topic of that kind which the projection reads, if it reads one.
    fn topic(self, kind: Kind) -> Option<Topic> {
        match self.kind() {
            Some(own) => (own == kind).then_some(Topic::Events(kind)),
            None => Some(Topic::Outcomes(kind)),
        }
    }
}

/// The marks of all live projections, as one snapshot of the checkpoints table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(HashMap<(Projection, Topic, i32), Mark>);

impl Marks {
    /// Whether the projection has applied everything up to the position, as far as the position
    /// concerns it. A mark of a higher incarnation has passed any of a lower one.
    pub fn passed(&self, projection: Projection, position: &Position) -> bool {
        self.of(projection, position).is_none_or(|mark| position.is_passed_by(mark))
    }

    /// The mark of the projection in the partition that the position names; absent when the
    /// projection does not read that kind.
    pub fn of(&self, projection: Projection, position: &Position) -> Option<Mark> {
        let shard = position.shard()?;
        let topic = projection.topic(shard.kind)?;
        Some(self.0.get(&(projection, topic, shard.partition)).copied().unwrap_or_default())
    }

    /// The marks of one projection from rows of its checkpoints. Topics unknown here are passed over:
    /// a newer projector may run beside this program.
    pub(super) fn of_rows(
        projection: Projection,
        rows: impl IntoIterator<Item = (String, i32, i64, i64)>,
    ) -> Self {
        let known =
            rows.into_iter().filter_map(|(topic, partition, incarnation, link_sequence)| {
                let topic = Topic::of_name(&topic)?;
                Some(((projection, topic, partition), Mark { incarnation, link_sequence }))
            });
        Self(known.collect())
    }

    /// Whether the projection is nowhere behind these marks.
    pub fn reached(&self, projection: Projection, floor: &Marks) -> bool {
        let of_it = floor.0.iter().filter(|((of, ..), _)| *of == projection);
        of_it.into_iter().all(|(place, mark)| self.0.get(place).is_some_and(|own| own >= mark))
    }

    /// The mark in a partition of the events topic that a projection reads.
    pub(crate) fn of_partition(&self, projection: Projection, partition: i32) -> Mark {
        let topic = projection.kind().map(Topic::Events);
        let mark = topic.and_then(|topic| self.0.get(&(projection, topic, partition)));
        mark.copied().unwrap_or_default()
    }

    /// The marks of one projection, to see whether it has moved.
    pub fn all_of(&self, projection: Projection) -> Marks {
        Marks(
            self.0.iter().filter(|((p, ..), _)| *p == projection).map(|(k, v)| (*k, *v)).collect(),
        )
    }
}

impl Projection {
    /// The projection with this name in the checkpoints table.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|projection| projection.as_str() == name)
    }
}

const ALL: &str = "
    SELECT projection, topic, partition, incarnation, link_sequence
    FROM live_checkpoints";

/// Reads every mark. Rows of projections and topics unknown here are passed over: a newer
/// projector may run beside this program.
pub(crate) async fn read_marks(pool: &PgPool, time: Duration) -> Result<Marks, Error> {
    let rows: Vec<(String, String, i32, i64, i64)> =
        within(time, sqlx::query_as(ALL).fetch_all(pool)).await?;
    let known = rows.into_iter().filter_map(|(projection, topic, partition, incarnation, link)| {
        let projection = Projection::of_name(&projection)?;
        let topic = Topic::of_name(&topic)?;
        Some(((projection, topic, partition), Mark { incarnation, link_sequence: link }))
    });
    Ok(Marks(known.collect()))
}

/// The marks of one projection, as the transaction sees them.
pub(super) async fn marks_of(
    connection: &mut PgConnection,
    projection: Projection,
) -> Result<Marks, sqlx::Error> {
    let rows: Vec<(String, i32, i64, i64)> = sqlx::query_as(
        "SELECT topic, partition, incarnation, link_sequence FROM live_checkpoints
         WHERE projection = $1",
    )
    .bind(projection.as_str())
    .fetch_all(connection)
    .await?;
    Ok(Marks::of_rows(projection, rows))
}

/// How many keys of each projection wait behind dead letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ParkedKeys([u64; Projection::ALL.len()]);

impl ParkedKeys {
    /// Of one projection.
    pub fn of(&self, projection: Projection) -> u64 {
        self.0[projection as usize]
    }
}

const PARKED: &str = "SELECT projection, count(*) FROM live_parked_keys GROUP BY projection";

pub(crate) async fn count_parked(pool: &PgPool, time: Duration) -> Result<ParkedKeys, Error> {
    let rows: Vec<(String, i64)> = within(time, sqlx::query_as(PARKED).fetch_all(pool)).await?;
    let mut counts = ParkedKeys::default();
    for (projection, count) in rows {
        if let Some(projection) = Projection::of_name(&projection) {
            counts.0[projection as usize] = count.unsigned_abs();
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use events::ShardId;

    use super::*;

    fn position(kind: Kind, partition: i32, incarnation: i64, link_sequence: i64) -> Position {
        Position::new(ShardId::new(kind, partition), Mark { incarnation, link_sequence })
    }

    #[test]
    fn a_position_has_passed_when_the_mark_is_not_lower() {
        let mark = Mark { incarnation: 1, link_sequence: 5 };
        let marks = Marks(
            [((Projection::Orders, Topic::Events(Kind::Orders), 2), mark)].into_iter().collect(),
        );
        let passed = |position| marks.passed(Projection::Orders, &position);

        assert!(passed(position(Kind::Orders, 2, 1, 5)));
        assert!(passed(position(Kind::Orders, 2, 0, 900)), "a lower incarnation counts as passed");
        assert!(!passed(position(Kind::Orders, 2, 1, 6)));
        assert!(!passed(position(Kind::Orders, 2, 2, 1)));
        assert!(passed(position(Kind::Orders, 2, 2, 0)), "no event of that incarnation is named");
        assert!(passed(position(Kind::Orders, 3, 0, 0)), "nothing to wait for before the first");
        assert!(!passed(position(Kind::Orders, 3, 0, 1)));
        assert!(passed(position(Kind::Products, 2, 9, 9)), "products do not concern this model");
    }
}
