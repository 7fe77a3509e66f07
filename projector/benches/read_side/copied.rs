//! The baseline: `COPY` of the rebuilt rows into tables of the same shape, with nothing to decode, to
//! fold or to compare.

use std::time::Instant;

use futures::TryStreamExt as _;
use projector::projection::{Projection as _, orders::Orders};
use sqlx::{AssertSqlSafe, postgres::PgPoolCopyExt as _};

use crate::{filled::tell, support::world::Deployment};

/// Copies all tables, one after the other, as one client does.
pub(crate) async fn all(deployment: &Deployment) {
    let pool = &deployment.pool;
    let (mut rows, mut seconds) = (0, 0.0);
    for table in Orders::TABLES {
        let name = table.name;
        let execute = async |statement: String| {
            sqlx::query(AssertSqlSafe(statement)).execute(pool).await.expect("done")
        };
        execute(format!(
            "CREATE TABLE copy_of_{name} (LIKE {name} INCLUDING ALL EXCLUDING INDEXES)"
        ))
        .await;
        let key: String = sqlx::query_scalar(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint
             WHERE conrelid = to_regclass($1) AND contype = 'p'",
        )
        .bind(name)
        .fetch_one(pool)
        .await
        .expect("a primary key");
        execute(format!("ALTER TABLE copy_of_{name} ADD {key}")).await;
        let out = format!("COPY {name} TO STDOUT (FORMAT binary)");
        let chunks = pool.copy_out_raw(&out).await.expect("rows");
        let chunks: Vec<_> = chunks.try_collect().await.expect("rows");
        let began = Instant::now();
        let back = format!("COPY copy_of_{name} FROM STDIN (FORMAT binary)");
        let mut copy = pool.copy_in_raw(&back).await.expect("a copy");
        for chunk in chunks {
            copy.send(chunk).await.expect("sent");
        }
        rows += usize::try_from(copy.finish().await.expect("copied")).expect("a count");
        seconds += began.elapsed().as_secs_f64();
        execute(format!("DROP TABLE copy_of_{name}")).await;
    }
    tell("COPY of the same rows", rows, seconds);
}
