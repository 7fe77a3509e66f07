//! The tables of another generation: made, found again, made alike, or thrown away.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{Error, execute, refused};
use crate::{
    operate::{Operator, live, record},
    projection::{Projection, Table},
    store::{Owner, Stage},
};

/// The generation to fill: the one that an earlier run began, or a new one.
pub async fn begin<P: Projection>(pool: &PgPool, by: &Operator) -> Result<(Owner, bool), Error> {
    let mut transaction = pool.begin().await?;
    let live = live(&mut transaction, P::NAME).await?;
    if let Some(generation) = find(&mut transaction, P::NAME, "building").await? {
        go_on(&mut transaction, P::NAME, generation).await?;
        return Ok((beside::<P>(generation), true));
    }
    let generation: i32 =
        sqlx::query_scalar("SELECT max(generation) + 1 FROM generations WHERE projection = $1")
            .bind(P::NAME)
            .fetch_one(&mut *transaction)
            .await?;
    let owner = beside::<P>(generation);
    execute(&mut transaction, format!("CREATE SCHEMA {}", owner.schema())).await?;
    for table in P::TABLES {
        make(&mut transaction, owner, table).await?;
    }
    sqlx::query(
        "INSERT INTO generations (projection, generation, state, schema_name, made_with)
         VALUES ($1, $2, 'building', $3, $4)",
    )
    .bind(P::NAME)
    .bind(generation)
    .bind(owner.schema())
    .bind(made_with())
    .execute(&mut *transaction)
    .await?;
    // The same partitions as the live one, all before their first record.
    sqlx::query(
        "INSERT INTO checkpoints (projection, generation, topic, partition, incarnation,
             link_sequence, chain, kafka_offset, state)
         SELECT projection, $2, topic, partition, 0, 0, '', 0, 'rebuilding' FROM checkpoints
         WHERE projection = $1 AND generation = $3",
    )
    .bind(P::NAME)
    .bind(generation)
    .bind(live.generation)
    .execute(&mut *transaction)
    .await?;
    record(&mut transaction, by, "rebuild", owner, None, json!({"beside": live.generation}))
        .await?;
    transaction.commit().await?;
    Ok((owner, false))
}

/// Whether a rebuild may go on with a generation that is being filled: only where the same code began
/// it, and to be a new one.
async fn go_on(
    connection: &mut PgConnection,
    projection: &str,
    generation: i32,
) -> Result<(), Error> {
    let (was_live, with): (bool, Option<String>) = sqlx::query_as(
        "SELECT switched_at IS NOT NULL, made_with FROM generations
         WHERE projection = $1 AND generation = $2",
    )
    .bind(projection)
    .bind(generation)
    .fetch_one(connection)
    .await?;
    if was_live {
        return Err(refused(format!(
            "generation {generation} was live before and is being brought back: finish that with \
             --back, or discard it first"
        )));
    }
    let (with, here) = (with.unwrap_or_else(|| "another release".to_owned()), made_with());
    if with != here {
        return Err(refused(format!(
            "generation {generation} was begun by {with} and this is {here}, whose rows may be \
             others: discard it first"
        )));
    }
    Ok(())
}

/// What folds here, as far as the build knows.
fn made_with() -> String {
    let service::Build { version, revision, .. } = service::build!();
    revision.map_or_else(|| version.to_owned(), |revision| format!("{version} ({revision})"))
}

/// The generation that was live before, made ready to be filled up.
pub async fn begin_back<P: Projection>(pool: &PgPool, by: &Operator) -> Result<Owner, Error> {
    let mut transaction = pool.begin().await?;
    live(&mut transaction, P::NAME).await?;
    let building = find(&mut transaction, P::NAME, "building").await?;
    let retired = find(&mut transaction, P::NAME, "retired").await?;
    let generation = match (building, retired) {
        (Some(building), _) => {
            // An earlier run of this, if it was live once.
            let was_live: bool = sqlx::query_scalar(
                "SELECT switched_at IS NOT NULL FROM generations
                 WHERE projection = $1 AND generation = $2",
            )
            .bind(P::NAME)
            .bind(building)
            .fetch_one(&mut *transaction)
            .await?;
            if was_live {
                return Ok(beside::<P>(building));
            }
            return Err(refused(format!(
                "generation {building} is being filled: finish it, or discard it first"
            )));
        }
        (None, None) => return Err(refused("there is no earlier generation to go back to")),
        (None, Some(retired)) => retired,
    };
    let owner = beside::<P>(generation);
    for table in P::TABLES {
        if columns(&mut transaction, "public", table).await?
            != columns(&mut transaction, &owner.schema(), table).await?
        {
            return Err(refused(format!(
                "generation {generation} has another shape than the live one: a migration came \
                 between, so only a rebuild can replace it"
            )));
        }
    }
    for statement in [
        "UPDATE generations SET state = 'building' WHERE projection = $1 AND generation = $2",
        "UPDATE checkpoints SET state = 'rebuilding' WHERE projection = $1 AND generation = $2",
    ] {
        sqlx::query(statement).bind(P::NAME).bind(generation).execute(&mut *transaction).await?;
    }
    record(&mut transaction, by, "back", owner, None, json!({})).await?;
    transaction.commit().await?;
    Ok(owner)
}

/// Throws away a generation that is being filled. Gives its number; `None` when there is none.
pub async fn discard<P: Projection>(pool: &PgPool, by: &Operator) -> Result<Option<i32>, Error> {
    let mut transaction = pool.begin().await?;
    let Some(generation) = find(&mut transaction, P::NAME, "building").await? else {
        return Ok(None);
    };
    let owner = beside::<P>(generation);
    forget(&mut transaction, owner).await?;
    record(&mut transaction, by, "discard", owner, None, json!({})).await?;
    transaction.commit().await?;
    Ok(Some(generation))
}

/// Drops the tables and everything else of a generation that is not live.
pub(super) async fn forget(connection: &mut PgConnection, owner: Owner) -> sqlx::Result<()> {
    execute(connection, format!("DROP SCHEMA IF EXISTS {} CASCADE", owner.schema())).await?;
    for statement in [
        "DELETE FROM dead_letters WHERE projection = $1 AND generation = $2",
        "DELETE FROM parked_keys WHERE projection = $1 AND generation = $2",
        "DELETE FROM checkpoints WHERE projection = $1 AND generation = $2",
        "DELETE FROM generations WHERE projection = $1 AND generation = $2",
    ] {
        sqlx::query(statement)
            .bind(owner.projection)
            .bind(owner.generation)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Adds the indexes that the live tables have and these have not. They come after the first filling,
/// because many rows are faster without them.
pub async fn add_indexes<P: Projection>(pool: &PgPool, owner: Owner) -> Result<(), Error> {
    for table in P::TABLES {
        let missing: Vec<String> = sqlx::query_scalar(
            "SELECT i.indexdef FROM pg_indexes i
             WHERE i.schemaname = 'public' AND i.tablename = $1 AND NOT EXISTS (
                 SELECT FROM pg_indexes o WHERE o.schemaname = $2 AND o.indexname = i.indexname)
             ORDER BY i.indexname",
        )
        .bind(table.name)
        .bind(owner.schema())
        .fetch_all(pool)
        .await?;
        for definition in missing {
            let (live, beside) = (
                format!(" ON public.{} ", table.name),
                format!(" ON {}.{} ", owner.schema(), table.name),
            );
            let mut transaction = pool.begin().await?;
            execute(&mut transaction, "SET LOCAL statement_timeout = 0".to_owned()).await?;
            execute(&mut transaction, definition.replacen(&live, &beside, 1)).await?;
            transaction.commit().await?;
        }
    }
    Ok(())
}

/// A table like the live one, with its constraints under their names, and without other indexes.
async fn make(connection: &mut PgConnection, owner: Owner, table: &Table) -> sqlx::Result<()> {
    let (schema, name) = (owner.schema(), table.name);
    let options: Option<String> = sqlx::query_scalar(
        "SELECT array_to_string(reloptions, ', ') FROM pg_class
         WHERE oid = to_regclass('public.' || quote_ident($1))",
    )
    .bind(name)
    .fetch_one(&mut *connection)
    .await?;
    let with = options.map_or_else(String::new, |options| format!(" WITH ({options})"));
    let like = "INCLUDING ALL EXCLUDING INDEXES";
    execute(connection, format!("CREATE TABLE {schema}.{name} (LIKE public.{name} {like}){with}"))
        .await?;
    let constraints: Vec<(String, String)> = sqlx::query_as(
        "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint
         WHERE conrelid = to_regclass('public.' || quote_ident($1)) AND contype IN ('p', 'u')",
    )
    .bind(name)
    .fetch_all(&mut *connection)
    .await?;
    for (constraint, definition) in constraints {
        let add = format!("ALTER TABLE {schema}.{name} ADD CONSTRAINT {constraint} {definition}");
        execute(connection, add).await?;
    }
    Ok(())
}

/// Names and types of a table's columns.
async fn columns(
    connection: &mut PgConnection,
    schema: &str,
    table: &Table,
) -> sqlx::Result<Vec<(String, String)>> {
    sqlx::query_as(
        "SELECT column_name::text, data_type::text FROM information_schema.columns
         WHERE table_schema = $1 AND table_name = $2 ORDER BY column_name",
    )
    .bind(schema)
    .bind(table.name)
    .fetch_all(connection)
    .await
}

async fn find(
    connection: &mut PgConnection,
    projection: &str,
    state: &str,
) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar(
        "SELECT generation FROM generations WHERE projection = $1 AND state = $2
         ORDER BY generation DESC LIMIT 1",
    )
    .bind(projection)
    .bind(state)
    .fetch_optional(connection)
    .await
}

fn beside<P: Projection>(generation: i32) -> Owner {
    Owner { projection: P::NAME, generation, stage: Stage::Beside }
}
