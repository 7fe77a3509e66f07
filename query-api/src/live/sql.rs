//! What streams read: the changes behind a cursor, and states with the places that they stand for.
//!
//! Each is one statement, hence one snapshot: marks, floors and rows fit together.

use std::collections::BTreeMap;

use events::{Kind, Topic};
use sqlx::{FromRow, Row, postgres::PgRow, types::Json};

use super::{
    cursor::{Cursor, Place},
    registry::{Change, Filter},
};
use crate::read::{
    Database, Error,
    checkpoint::Projection,
    order::{Order, OrderOverview},
    product::Product,
};

/// Changes of one partition that are read at once.
const PAGE: i64 = 500;
/// The newest orders of a customer that a stream begins with.
pub(super) const ORDERS_MAX: i64 = 200;

/// The place at which a partition stands: its mark, and how many keys were healed there.
const PLACE: &str = "
    k.partition, k.incarnation, k.link_sequence, greatest(
        (SELECT max(x.nth) FROM changes x
         WHERE (x.projection, x.partition, x.incarnation, x.link_sequence)
             = (k.projection, k.partition, k.incarnation, k.link_sequence)),
        (SELECT f.nth FROM change_floors f
         WHERE (f.projection, f.partition, f.incarnation, f.link_sequence)
             = (k.projection, k.partition, k.incarnation, k.link_sequence)),
        0) AS nth";

/// What lies behind a cursor.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// In the order of their places, partition by partition.
    pub(super) changes: Vec<Change>,
    /// Up to where everything was read.
    pub(super) read: Cursor,
    /// Whether more is there.
    pub(super) is_more: bool,
    /// Whether something behind the cursor is not kept any more.
    pub(super) is_gone: bool,
}

/// Which of the changes to read.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) keys: Option<Vec<String>>,
    pub(super) customer_id: Option<String>,
    pub(super) partition: Option<i32>,
}

impl Wanted {
    pub(super) fn of(filter: &Filter, partition: Option<i32>) -> Self {
        let all = Self { partition, ..Self::default() };
        match filter {
            Filter::Order(order_id) => Self { keys: Some(vec![order_id.clone()]), ..all },
            Filter::Customer(customer) => Self { customer_id: Some(customer.clone()), ..all },
            Filter::Products(skus) => {
                Self { keys: skus.as_ref().map(|skus| skus.iter().cloned().collect()), ..all }
            }
        }
    }
}

/// The changes of a partition behind `at` that are wanted, each kind of wish by the index that has no
/// others in it: what everybody else's changes are must not matter to a stream that comes back.
fn wanted_changes(wanted: &Wanted) -> String {
    let of = |condition: &str| {
        format!(
            "SELECT * FROM changes c
             WHERE c.projection = $1 AND c.partition = k.partition{condition}
                 AND (c.incarnation, c.link_sequence, c.nth) > (coalesce(at.incarnation, 0),
                     coalesce(at.link_sequence, 0), coalesce(at.nth, 0))
             ORDER BY c.incarnation, c.link_sequence, c.nth LIMIT $7"
        )
    };
    match (&wanted.keys, &wanted.customer_id) {
        (Some(_), _) => format!(
            "SELECT c.* FROM unnest($9::text[]) AS wanted(key)
             CROSS JOIN LATERAL ({}) c
             ORDER BY c.incarnation, c.link_sequence, c.nth LIMIT $7",
            of(" AND c.key = wanted.key")
        ),
        (None, Some(_)) => of(" AND c.customer_id = $10"),
        (None, None) => of(""),
    }
}

/// Reads what lies behind the cursor, up to a page of each partition.
pub(super) async fn behind(
    database: &Database,
    projection: Projection,
    cursor: &Cursor,
    wanted: &Wanted,
) -> Result<Behind, Error> {
    let statement = format!(
        "SELECT k.*, f.incarnation AS floor_incarnation, f.link_sequence AS floor_link_sequence,
                f.nth AS floor_nth, c.incarnation AS change_incarnation,
                c.link_sequence AS change_link_sequence, c.nth AS change_nth, c.key, c.customer_id,
                c.version, c.event, c.state, c.command_id, c.kafka_offset
         FROM (SELECT {PLACE} FROM live_checkpoints k WHERE k.projection = $1 AND k.topic = $2
                   AND ($8::integer IS NULL OR k.partition = $8)) k
         LEFT JOIN change_floors f ON f.projection = $1 AND f.partition = k.partition
         LEFT JOIN unnest($3::integer[], $4::bigint[], $5::bigint[], $6::integer[])
             AS at(partition, incarnation, link_sequence, nth) ON at.partition = k.partition
         LEFT JOIN LATERAL ({}) c ON true
         -- Both are bound, whichever is asked for.
         WHERE $9::text[] IS NULL OR $10::text IS NULL
         ORDER BY k.partition, c.incarnation, c.link_sequence, c.nth",
        wanted_changes(wanted)
    );
    let at: Vec<(i32, Place)> = cursor.iter().collect();
    let (statement, column) = (statement.as_str(), at.iter());
    let rows = database.read(|mut lease| {
        let query = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(projection.as_str())
            .bind(Topic::Events(kind(projection)).name())
            .bind(column.clone().map(|(partition, _)| *partition).collect::<Vec<_>>())
            .bind(column.clone().map(|(_, place)| place.incarnation).collect::<Vec<_>>())
            .bind(column.clone().map(|(_, place)| place.link_sequence).collect::<Vec<_>>())
            .bind(column.clone().map(|(_, place)| place.nth).collect::<Vec<_>>())
            .bind(PAGE)
            .bind(wanted.partition)
            .bind(wanted.keys.as_deref())
            .bind(wanted.customer_id.as_deref());
        async move {
            let rows = query.fetch_all(&mut *lease).await;
            lease.end(rows)
        }
    });
    let rows = rows.await?;
    Ok(gather(&rows, cursor)?)
}

fn gather(rows: &[PgRow], cursor: &Cursor) -> Result<Behind, sqlx::Error> {
    let mut behind = Behind::default();
    let mut counts = BTreeMap::<i32, i64>::new();
    for row in rows {
        let partition: i32 = row.try_get("partition")?;
        let mark = place(row, "")?.unwrap_or_default();
        let floor = place(row, "floor_")?.unwrap_or_default();
        behind.is_gone |= cursor.place(partition) < floor;
        let Some(at) = place(row, "change_")? else {
            behind.read.set(partition, mark);
            continue;
        };
        let count = counts.entry(partition).or_default();
        *count += 1;
        behind.is_more |= *count == PAGE;
        // Everything that is wanted was read up to the mark, unless the page is full.
        behind.read.set(partition, if *count == PAGE { at } else { at.max(mark) });
        behind.changes.push(change(row, partition, at)?);
    }
    Ok(behind)
}

fn place(row: &PgRow, prefix: &str) -> Result<Option<Place>, sqlx::Error> {
    let incarnation: Option<i64> = row.try_get(&*format!("{prefix}incarnation"))?;
    let link_sequence: Option<i64> = row.try_get(&*format!("{prefix}link_sequence"))?;
    let nth: Option<i32> = row.try_get(&*format!("{prefix}nth"))?;
    let parts = incarnation.zip(link_sequence).zip(nth);
    Ok(parts.map(|((incarnation, link_sequence), nth)| Place { incarnation, link_sequence, nth }))
}

fn change(row: &PgRow, partition: i32, place: Place) -> Result<Change, sqlx::Error> {
    Ok(Change {
        partition,
        place,
        key: row.try_get("key")?,
        customer_id: row.try_get("customer_id")?,
        version: row.try_get("version")?,
        event: row.try_get("event")?,
        state: row.try_get("state")?,
        command_id: row.try_get("command_id")?,
        kafka_offset: row.try_get("kafka_offset")?,
    })
}

/// The places of all partitions, beside rows that `from` gives; one row without them if there are
/// none.
fn with_places(columns: &str, from: &str) -> String {
    format!(
        "SELECT (SELECT json_agg(json_build_array(p.partition, p.incarnation, p.link_sequence, p.nth))
                 FROM (SELECT {PLACE} FROM live_checkpoints k
                       WHERE k.projection = $1 AND k.topic = $2) p) AS places, {columns}
         FROM (SELECT) one LEFT JOIN LATERAL ({from}) s ON true"
    )
}

/// Partition, incarnation, link sequence and number, as PostgreSQL gives them.
type Places = Vec<(i32, i64, i64, i32)>;

fn places(row: &PgRow) -> Result<Cursor, sqlx::Error> {
    let places: Option<Json<Places>> = row.try_get("places")?;
    let places = places.map(|Json(places)| places).unwrap_or_default();
    Ok(Cursor::new(places.into_iter().map(|(partition, incarnation, link_sequence, nth)| {
        (partition, Place { incarnation, link_sequence, nth })
    })))
}

/// The order with its partition, and the places.
pub(super) async fn order(
    database: &Database,
    order_id: &str,
) -> Result<Option<(Order, i32, Cursor)>, Error> {
    let statement = with_places(
        "s.*",
        "SELECT o.*, COALESCE((
             SELECT json_agg(json_build_object(
                        'line', l.line, 'sku', l.sku, 'quantity', l.quantity,
                        'unit_price_max', l.unit_price_max, 'unit_price', l.unit_price,
                        'refusal', l.refusal, 'available', l.available) ORDER BY l.line)
             FROM order_lines l WHERE l.order_id = o.order_id), '[]'::json) AS lines
         FROM orders o WHERE o.order_id = $3",
    );
    let (name, topic) = named(Projection::Orders);
    let statement = statement.as_str();
    let row = database.read(|mut lease| async move {
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(name).bind(topic);
        let row = query.bind(order_id).fetch_one(&mut *lease).await;
        lease.end(row)
    });
    let row = row.await?;
    if row.try_get::<Option<&str>, _>("order_id")?.is_none() {
        return Ok(None);
    }
    let partition: i32 = row.try_get("source_partition")?;
    Ok(Some((Order::from_row(&row)?, partition, places(&row)?.only(partition))))
}

/// The partition of an order.
pub(super) async fn partition(database: &Database, order_id: &str) -> Result<Option<i32>, Error> {
    database
        .read(|mut lease| async move {
            let query =
                sqlx::query_scalar("SELECT source_partition FROM orders WHERE order_id = $1");
            let partition = query.bind(order_id).fetch_optional(&mut *lease).await;
            lease.end(partition)
        })
        .await
}

/// The newest orders of a customer, and the places.
pub(super) async fn orders(
    database: &Database,
    customer_id: &str,
) -> Result<(Vec<OrderOverview>, Cursor), Error> {
    let statement = with_places(
        "s.*",
        "SELECT * FROM orders o WHERE o.customer_id = $3
         ORDER BY o.placed_at DESC, o.order_id DESC LIMIT $4",
    );
    let (name, topic) = named(Projection::Orders);
    let statement = statement.as_str();
    let rows = database.read(|mut lease| async move {
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(name).bind(topic);
        let rows = query.bind(customer_id).bind(ORDERS_MAX).fetch_all(&mut *lease).await;
        lease.end(rows)
    });
    let rows = rows.await?;
    Ok(all(&rows, "order_id")?)
}

/// Products, and the places.
pub(super) async fn products(
    database: &Database,
    skus: &[String],
) -> Result<(Vec<Product>, Cursor), Error> {
    let statement =
        with_places("s.*", "SELECT * FROM products p WHERE p.sku = ANY($3) ORDER BY p.sku");
    let (name, topic) = named(Projection::Products);
    let statement = statement.as_str();
    let rows = database.read(|mut lease| async move {
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(name).bind(topic);
        let rows = query.bind(skus).fetch_all(&mut *lease).await;
        lease.end(rows)
    });
    let rows = rows.await?;
    Ok(all(&rows, "sku")?)
}

/// The rows, but for the one that only carries places.
fn all<T: for<'r> FromRow<'r, PgRow>>(
    rows: &[PgRow],
    key: &str,
) -> Result<(Vec<T>, Cursor), sqlx::Error> {
    let at = rows.first().map(places).transpose()?.unwrap_or_default();
    let is_there = |row: &&PgRow| matches!(row.try_get::<Option<&str>, _>(key), Ok(Some(_)));
    Ok((rows.iter().filter(is_there).map(T::from_row).collect::<Result<_, _>>()?, at))
}

fn named(projection: Projection) -> (&'static str, &'static str) {
    (projection.as_str(), Topic::Events(kind(projection)).name())
}

pub(super) fn kind(projection: Projection) -> Kind {
    match projection {
        Projection::Products => Kind::Products,
        _ => Kind::Orders,
    }
}
