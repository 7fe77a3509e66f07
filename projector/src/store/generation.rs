//! The table `generations`: which build of a read model is live.

use sqlx::PgPool;

use super::Owner;

/// The live build of a projection; a projection that is new in this database begins with its first.
pub async fn live(pool: &PgPool, projection: &'static str) -> sqlx::Result<Owner> {
    const FIND: &str =
        "SELECT generation FROM generations WHERE projection = $1 AND state = 'live'";
    let find = || sqlx::query_scalar(FIND).bind(projection);
    if let Some(generation) = find().fetch_optional(pool).await? {
        return Ok(Owner::live(projection, generation));
    }
    sqlx::query(
        "INSERT INTO generations (projection, generation, state, schema_name)
         VALUES ($1, 1, 'live', $1 || '_1') ON CONFLICT DO NOTHING",
    )
    .bind(projection)
    .execute(pool)
    .await?;
    Ok(Owner::live(projection, find().fetch_one(pool).await?))
}
