//! What can be listened to: the live streams, as fields.
//!
//! Each message carries its `position`, which is the `id` of the same message as a server-sent
//! event: a stream goes on from it through either door, on any instance.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{Context, ID, Result, SimpleObject, Subscription as Streams};
use events::Kind;
use futures::{Stream, stream};
use service::problem::{Problem, kinds};
use uuid::Uuid;

use super::{
    cost,
    error::{failed, problem_of, refused},
    history::Record,
    load::Shown,
    order::Order,
    product::Product,
    reader::Reader,
};
use crate::{
    http::{
        fault::Fault,
        params::{id, is_id},
        streams,
        waiting::Waiting,
    },
    live::{Cursor, Filter, Message, OrderChanged, ProductChanged, Session, Snapshot},
    read::{checkpoint::Projection, product::Product as Row, stamp::Parked},
};

/// What happens, as it is projected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subscription;

/// A message about one order.
#[derive(Debug, Clone, SimpleObject)]
struct OrderUpdate {
    /// Where the stream is: sent as `after`, what comes behind it follows.
    position: String,
    /// The order as it stands, when the stream begins with it.
    snapshot: Option<Order>,
    /// What happened. Where both are null nothing did, and only the position has moved.
    change: Option<OrderChange>,
}

/// A message about a customer's orders.
#[derive(Debug, Clone, SimpleObject)]
struct OrdersUpdate {
    /// Where the stream is: sent as `after`, what comes behind it follows.
    position: String,
    /// The newest orders as they stand, at most 200, when the stream begins with them.
    snapshot: Option<Vec<Order>>,
    /// What happened. Where both are null nothing did, and only the position has moved.
    change: Option<OrderChange>,
}

/// A message about products.
#[derive(Debug, Clone, SimpleObject)]
struct ProductsUpdate {
    /// Where the stream is: sent as `after`, what comes behind it follows.
    position: String,
    /// The products that were asked for as they stand, when the stream begins with them; empty
    /// where all are.
    snapshot: Option<Vec<Product>>,
    /// What happened. Where both are null nothing did, and only the position has moved.
    change: Option<ProductChange>,
}

/// An order after an event.
#[derive(Debug, Clone, SimpleObject)]
struct OrderChange {
    /// Name of the event.
    event: String,
    /// The client command that led to it; null where time or another shard did.
    command_id: Option<Uuid>,
    /// Where the event lies in the log; null where a key was healed by an operator.
    record: Option<Record>,
    /// The order as the event left it.
    order: Order,
}

/// A product after an event. Events that were projected together make one message.
#[derive(Debug, Clone, SimpleObject)]
struct ProductChange {
    /// Name of the last event.
    event: String,
    /// The client command that led to it; null where an order did.
    command_id: Option<Uuid>,
    /// Where the event lies in the log; null where a key was healed by an operator.
    record: Option<Record>,
    /// The product as the event left it.
    product: Product,
}

/// What happens, as it is projected.
#[Streams]
impl Subscription {
    /// One order: as it stands, then a message for each of its events. With `after`, only what came
    /// behind that position; the position of a command's answer will do.
    #[graphql(complexity = "cost::LOAD + child_complexity")]
    async fn order(
        &self,
        ctx: &Context<'_>,
        id: ID,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrderUpdate>>> {
        if !is_id(&id) {
            return Err(failed(crate::http::error::Error::UnknownOrder));
        }
        let opened = open(ctx, Filter::Order(id.0), after).await?;
        Ok(messages(opened, |position, said| {
            let (snapshot, change) = match said {
                Said::Snapshot(Snapshot::Order(row), mut parked) => {
                    let parked = parked.remove(&row.overview.order_id);
                    (Some(Order::from(Shown { row: *row, parked })), None)
                }
                Said::Order(change) => (None, Some(change)),
                _ => (None, None),
            };
            OrderUpdate { position, snapshot, change }
        }))
    }

    /// A customer's orders: the newest as they stand, then a message for each event of any of them.
    #[graphql(complexity = "cost::LOAD + child_complexity")]
    async fn customer_orders(
        &self,
        ctx: &Context<'_>,
        customer_id: ID,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrdersUpdate>>> {
        let customer_id = id(&customer_id).map_err(|why| refused("customerId", why))?;
        let opened = open(ctx, Filter::Customer(customer_id), after).await?;
        Ok(messages(opened, |position, said| {
            let (snapshot, change) = match said {
                Said::Snapshot(Snapshot::Orders { items }, _) => {
                    (Some(items.into_iter().map(Order::from).collect()), None)
                }
                Said::Order(change) => (None, Some(change)),
                _ => (None, None),
            };
            OrdersUpdate { position, snapshot, change }
        }))
    }

    /// Stock and prices: the products as they stand, then a message whenever one has changed.
    /// Without `skus` all of them: open the stream, then read `products`; of two states the higher
    /// version counts.
    #[graphql(complexity = "cost::LOAD + child_complexity")]
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these, at most 100.")] skus: Option<Vec<ID>>,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<ProductsUpdate>>> {
        let skus = skus.map(|skus| {
            let skus: BTreeSet<String> = skus.into_iter().map(|sku| sku.0).collect();
            streams::these(skus).map_err(|why| refused("skus", why))
        });
        let opened = open(ctx, Filter::Products(skus.transpose()?), after).await?;
        Ok(messages(opened, |position, said| {
            let (snapshot, change) = match said {
                Said::Snapshot(Snapshot::Products { items }, mut parked) => {
                    let shown = |row: Row| Shown { parked: parked.remove(&row.sku), row };
                    (Some(items.into_iter().map(shown).map(Product::from).collect()), None)
                }
                Said::Product(change) => (None, Some(change)),
                _ => (None, None),
            };
            ProductsUpdate { position, snapshot, change }
        }))
    }
}

async fn open(ctx: &Context<'_>, filter: Filter, after: Option<String>) -> Result<Opened> {
    let (reader, kind) = (Reader::of(ctx), kind(&filter));
    let resume = after.map(|text| Cursor::of_id(&text, kind)).transpose();
    let resume = resume.map_err(|why| refused("after", why.to_string()))?;
    let (api, freshness) = (reader.api(), reader.freshness());
    freshness.wait(api, filter.projection()).await.map_err(failed)?;
    let waiting = Waiting::judge(api, freshness, &filter).await.map_err(failed)?;
    let fault = |why: &str| Fault::argument("after", why);
    let session = api.live.open(filter, resume).await;
    let session = session.map_err(|why| problem_of(streams::refusal(why, fault)))?;
    Ok(Opened { session, parked: waiting.keys })
}

fn kind(filter: &Filter) -> Kind {
    match filter.projection() {
        Projection::Products => Kind::Products,
        _ => Kind::Orders,
    }
}

/// A stream, and which of the keys that it begins with wait behind dead letters.
struct Opened {
    session: Session,
    parked: BTreeMap<String, Parked>,
}

/// What a message says.
enum Said {
    Snapshot(Snapshot, BTreeMap<String, Parked>),
    Order(OrderChange),
    Product(ProductChange),
    Nothing,
}

/// The messages of a stream; the last one is an error that says why it ends.
fn messages<T>(
    opened: Opened,
    update: impl Fn(String, Said) -> T + Copy,
) -> impl Stream<Item = Result<T>> {
    stream::unfold(opened, move |mut opened| async move {
        let Opened { session, parked } = &mut opened;
        let said = match session.next().await? {
            Message::Snapshot(snapshot) => Ok(Said::Snapshot(snapshot, std::mem::take(parked))),
            Message::Change(change) => match session.filter() {
                Filter::Order(_) | Filter::Customer(_) => {
                    OrderChanged::of(&change).map(|said| Said::Order(said.into()))
                }
                Filter::Products(_) => {
                    ProductChanged::of(&change).map(|said| Said::Product(said.into()))
                }
            }
            .map_err(|error| {
                tracing::error!(%error, "A change cannot be shown.");
                problem_of(Problem::new(kinds::INTERNAL))
            }),
            Message::Still => Ok(Said::Nothing),
            Message::End(end) => Err(problem_of(streams::why(end))),
        };
        let position = session.cursor().to_id(kind(session.filter()));
        Some((said.map(|said| update(position, said)), opened))
    })
}

impl From<OrderChanged> for OrderChange {
    fn from(changed: OrderChanged) -> Self {
        let OrderChanged { event, command_id, record, order } = changed;
        Self { event, command_id, record: record.map(Record::from), order: order.into() }
    }
}

impl From<ProductChanged> for ProductChange {
    fn from(changed: ProductChanged) -> Self {
        let ProductChanged { event, command_id, record, product } = changed;
        Self { event, command_id, record: record.map(Record::from), product: product.into() }
    }
}
