//! Drops letters for good. What they said is never applied: the rows of their keys stay behind their
//! events, until `spillway rebuild --key` folds the log again.

use eventlog::Partition;
use serde_json::json;
use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder, Row};

use super::Filter;
use crate::{
    operate::{self, Error, Operator},
    store::{Owner, notice},
};

/// Drops what the filter finds in one projection's live build, partition by partition, and gives how
/// many letters that were. Later events of a key whose last letter goes are applied again.
pub async fn drop(
    pool: &PgPool,
    projection: &'static str,
    filter: &Filter,
    by: &Operator,
) -> Result<u64, Error> {
    let mut count = 0;
    for partition in partitions(pool, projection, filter).await? {
        let mut transaction = pool.begin().await?;
        let owner = operate::live(&mut transaction, projection).await?;
        let filter = Filter {
            projection: Some(projection.to_owned()),
            partition: Some(partition.clone()),
            ..filter.clone()
        };
        // As a batch does, so that the running projector sees a key parked or not, and nothing between.
        sqlx::query(
            "SELECT FROM checkpoints
             WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4
             FOR UPDATE",
        )
        .bind(owner.projection)
        .bind(owner.generation)
        .bind(&*partition.topic)
        .bind(partition.number)
        .execute(&mut *transaction)
        .await?;
        let mut statement =
            QueryBuilder::<Postgres>::new("DELETE FROM dead_letters d WHERE d.generation = ");
        statement.push_bind(owner.generation);
        filter.and(&mut statement);
        let dropped = statement.build().execute(&mut *transaction).await?.rows_affected();
        settle_keys(&mut transaction, owner, &partition).await?;
        let key = filter.key.as_deref().map(String::from_utf8_lossy);
        let detail = json!({
            "letters": dropped, "key": key, "class": filter.class, "offset": filter.offset,
        });
        operate::record(&mut transaction, by, "drop", owner, Some(&partition), detail).await?;
        notice::all_changed(&mut transaction, owner.projection).await?;
        transaction.commit().await?;
        count += dropped;
    }
    Ok(count)
}

async fn partitions(
    pool: &PgPool,
    projection: &'static str,
    filter: &Filter,
) -> sqlx::Result<Vec<Partition>> {
    let mut statement = QueryBuilder::<Postgres>::new(
        "SELECT DISTINCT d.topic, d.partition
         FROM dead_letters d JOIN generations g USING (projection, generation)
         WHERE g.state = 'live' AND d.projection = ",
    );
    statement.push_bind(projection);
    filter.and(&mut statement);
    statement.push(" ORDER BY d.topic, d.partition");
    let rows = statement.build().fetch_all(pool).await?;
    let partition = |row: &sqlx::postgres::PgRow| {
        Ok(Partition::new(row.try_get::<&str, _>("topic")?, row.try_get("partition")?))
    };
    rows.iter().map(partition).collect()
}

/// A key without letters is parked no longer; another waits behind the first that it has left.
async fn settle_keys(
    connection: &mut PgConnection,
    owner: Owner,
    partition: &Partition,
) -> sqlx::Result<()> {
    for statement in [
        "DELETE FROM parked_keys k
         WHERE k.projection = $1 AND k.generation = $2 AND k.topic = $3 AND k.partition = $4
             AND NOT EXISTS (SELECT FROM dead_letters d
                 WHERE (d.projection, d.generation, d.topic, d.partition, d.key, sha256(d.key))
                     = (k.projection, k.generation, k.topic, k.partition, k.key, k.key_hash)
                     AND d.link_sequence IS NOT NULL)",
        "UPDATE parked_keys k SET kafka_offset = head.kafka_offset,
             incarnation = head.incarnation, link_sequence = head.link_sequence
         FROM (SELECT DISTINCT ON (key) key, kafka_offset, incarnation, link_sequence
               FROM dead_letters
               WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4
                   AND link_sequence IS NOT NULL
               ORDER BY key, incarnation, link_sequence) AS head
         WHERE k.projection = $1 AND k.generation = $2 AND k.topic = $3 AND k.partition = $4
             AND k.key = head.key AND (k.incarnation, k.link_sequence, k.kafka_offset)
                 <> (head.incarnation, head.link_sequence, head.kafka_offset)",
    ] {
        sqlx::query(statement)
            .bind(owner.projection)
            .bind(owner.generation)
            .bind(&*partition.topic)
            .bind(partition.number)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
