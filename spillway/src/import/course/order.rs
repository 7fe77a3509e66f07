//! An order's way: placed, paid, shipped; taken up where an earlier import left it.
//!
//! ```text
//!   place -- 201 ------------> reserved -- pay --> paid -- ship --> shipped --> Fate::Placed
//!     |                          ^                  ^                 ^
//!     |-- exists already --> look at the read model: whatever it shows
//!     |                          |
//!     `-- refused --> Fate::Rejected <-- rejected, cancelled, expired
//! ```
//!
//! A refused payment or shipment says that the order is further than it seemed: the read model
//! tells where. When it is not, the refusal is the end. At the end the read model is always asked,
//! because it knows the prices that counted, at any later time too.

use domain::order::Status;
use events::Money;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use super::{
    super::{
        plan,
        shop::{self, Decided, Failure, Placed, RefusedLine, Shop},
    },
    Terms,
};

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) enum Fate {
    /// It was paid and shipped, now or earlier.
    Placed {
        /// Lines whose price in the file is not the one that counted.
        repriced: usize,
    },
    Rejected {
        /// A phrase for people.
        reason: String,
    },
}

/// Leads an order to its end.
pub(super) async fn carry_out(
    shop: &Shop,
    order: &plan::Order,
    terms: &Terms,
) -> Result<Fate, Failure> {
    let id = format!("import-{}", order.invoice);
    Course { shop, order, terms, id }.run().await
}

struct Course<'a> {
    shop: &'a Shop,
    order: &'a plan::Order,
    terms: &'a Terms,
    id: String,
}

/// Where the order is.
struct Here {
    status: Status,
    total: Option<Money>,
    /// What a query must carry to see it there.
    position: Option<HeaderValue>,
}

/// What follows on a request.
enum Next {
    Go(Here),
    End(Fate),
}

impl Course<'_> {
    async fn run(&self) -> Result<Fate, Failure> {
        let mut next = self.place().await?;
        loop {
            next = match next {
                Next::Go(here) => self.go_on(here).await?,
                Next::End(fate) => return Ok(fate),
            };
        }
    }

    async fn go_on(&self, here: Here) -> Result<Next, Failure> {
        match (here.status, &here.total) {
            (Status::Reserved, Some(total)) => {
                let payment = json!({
                    "order_id": self.id,
                    "reference": self.id,
                    "amount": total.amount,
                    "currency": total.currency,
                });
                self.act(Status::Reserved, "PayOrder", "payment", payment).await
            }
            (Status::Paid, _) => {
                let shipment = json!({"order_id": self.id, "reference": self.id});
                self.act(Status::Paid, "ShipOrder", "shipment", shipment).await
            }
            _ => self.end(here.position).await,
        }
    }

    async fn place(&self) -> Result<Next, Failure> {
        let key = self.key("place");
        let placed: Decided<Placed> =
            self.shop.command("PlaceOrder", &key, self.placement()).await?;
        match placed.verdict {
            Ok(order) => Ok(Next::go(order, placed.position)),
            // A file with another invoice of this number may have used the key a short time ago.
            Err(refusal) if matches!(refusal.code(), "order-exists" | "closed" | "key-reused") => {
                self.look(placed.position).await
            }
            Err(refusal) => Ok(Next::rejected(&refusal)),
        }
    }

    /// Pays or ships an order that was seen in `status`.
    async fn act(
        &self,
        status: Status,
        command: &str,
        step: &str,
        members: Value,
    ) -> Result<Next, Failure> {
        let done: Decided<Placed> = self.shop.command(command, &self.key(step), members).await?;
        match done.verdict {
            Ok(order) => Ok(Next::go(order, done.position)),
            Err(refusal) => match self.look(done.position).await? {
                Next::Go(here) if here.status == status => Ok(Next::rejected(&refusal)),
                elsewhere => Ok(elsewhere),
            },
        }
    }

    /// Where the read model shows the order, unless it is another order of this id: that one is
    /// none of ours to pay.
    async fn look(&self, position: Option<HeaderValue>) -> Result<Next, Failure> {
        let shown = self.shop.order(&self.id, position.as_ref()).await?;
        if !self.is_ours(&shown) {
            return Ok(Next::rejected(&format!("{} exists with other lines", self.id)));
        }
        Ok(Next::Go(Here { status: shown.status, total: shown.total, position }))
    }

    async fn end(&self, position: Option<HeaderValue>) -> Result<Next, Failure> {
        let shown = self.shop.order(&self.id, position.as_ref()).await?;
        if shown.status != Status::Shipped {
            return Ok(Next::rejected(&reason(&shown)));
        }
        let lines = self.order.lines.iter().zip(&shown.lines);
        let repriced = |(asked, counted): &(&plan::OrderLine, &shop::Line)| {
            counted.unit_price.is_some_and(|price| price != asked.price)
        };
        Ok(Next::End(Fate::Placed { repriced: lines.filter(repriced).count() }))
    }

    fn is_ours(&self, shown: &shop::Order) -> bool {
        let asked = self.order.lines.iter().map(|line| (line.sku.as_str(), line.quantity));
        let shown_lines = shown.lines.iter().map(|line| (line.sku.as_str(), line.quantity));
        shown.currency == self.terms.currency && asked.eq(shown_lines)
    }

    fn placement(&self) -> Value {
        let lines = self.order.lines.iter();
        let lines: Vec<Value> =
            lines.map(|line| json!({"sku": line.sku, "quantity": line.quantity})).collect();
        let mut body =
            json!({"order_id": self.id, "currency": self.terms.currency, "lines": lines});
        if let Some(customer) = &self.order.customer {
            body["customer_id"] = json!(customer);
        }
        body
    }

    /// The same for the same step of the same invoice, so that every repeat is recognised.
    fn key(&self, step: &str) -> String {
        format!("import:{}:{step}", self.order.invoice)
    }
}

impl Next {
    fn go(order: Placed, position: Option<HeaderValue>) -> Self {
        Next::Go(Here { status: order.status, total: order.total, position })
    }

    fn rejected(reason: &impl ToString) -> Self {
        Next::End(Fate::Rejected { reason: reason.to_string() })
    }
}

/// Why an order that was not shipped ended where it is.
fn reason(shown: &shop::Order) -> String {
    let refused = shown.lines.iter().filter_map(|line| {
        let reason = line.refusal.clone()?;
        Some(RefusedLine { sku: line.sku.clone(), reason, available: line.available })
    });
    match refused.collect::<Vec<_>>().as_slice() {
        [] => shown.status.to_string(),
        lines => RefusedLine::phrase(lines),
    }
}
