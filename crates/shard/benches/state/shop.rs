//! A shop with one hot product: makes the records of an orders shard, as edge and product shard do.

use std::collections::VecDeque;

use events::{
    Command, Kind, Money, ShardId, Topic,
    command::{
        ActivateRules, Parameters, ProposeRules, ReceiveStock, RegisterProduct, ShipOrder, Tick,
    },
    profile::Profile,
};
use shard::{Output, State};
use uuid::Uuid;

use crate::kit::{Stored, World, pay, place, step_stored};

pub(crate) const ORDERS: ShardId = ShardId { kind: Kind::Orders, partition: 0 };
const PRODUCTS: ShardId = ShardId { kind: Kind::Products, partition: 0 };
const PRICE: i64 = 250;
/// What one delivery brings at most.
const DELIVERY: i64 = 1_000_000;

/// The local profile with one shard of each kind, so that all orders live in one state.
pub(crate) fn parameters() -> Parameters {
    Parameters { orders_partitions: 1, products_partitions: 1, ..Profile::LOCAL.parameters() }
}

/// Everything around the orders shard; the shard itself is the caller's.
pub(crate) struct Shop {
    /// Stamps the records; its own states and logs are not used.
    world: World,
    products: State,
    placed: u64,
}

impl Shop {
    /// A shop with stock, and the first records of the orders shard.
    pub(crate) fn open(parameters: Parameters) -> (Self, Vec<Stored>) {
        let world = World::empty(parameters);
        let mut shop = Self { world, products: State::new(PRODUCTS), placed: 0 };
        for record in shop.rules(PRODUCTS, parameters) {
            shop.product_step(&record);
        }
        let (sku, name) = ("hot".to_owned(), "Hot".to_owned());
        shop.product_command(RegisterProduct { sku, name, price: Money::new(PRICE, "GBP") });
        for delivery in 0..4 {
            let (sku, reference) = ("hot".to_owned(), format!("delivery-{delivery}"));
            shop.product_command(ReceiveStock { sku, reference, quantity: DELIVERY });
        }
        let first = shop.rules(ORDERS, parameters);
        (shop, first)
    }

    pub(crate) fn now(&self) -> i64 {
        self.world.now
    }

    /// Carries log time on.
    pub(crate) fn wait(&mut self, ms: i64) {
        self.world.now += ms;
    }

    /// The id of the order that was placed as the n-th, from 0; as long as a UUID.
    pub(crate) fn order_id(n: u64) -> String {
        Uuid::from_u128(u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
            .to_string()
    }

    /// Places the next order with one line; `orders` steps each record of the orders shard.
    pub(crate) fn place(&mut self, orders: &mut impl FnMut(&Stored) -> Vec<Output>) {
        let order_id = Self::order_id(self.placed);
        self.placed += 1;
        self.run(place(&order_id, &[("hot", 1)]), orders);
    }

    /// Places an order whose lines are all refused, each for itself.
    pub(crate) fn place_refused(
        &mut self,
        lines: usize,
        orders: &mut impl FnMut(&Stored) -> Vec<Output>,
    ) {
        let skus: Vec<String> = (0..lines).map(|n| format!("SKU-{n:06}")).collect();
        let lines: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
        let order_id = Self::order_id(self.placed);
        self.placed += 1;
        self.run(place(&order_id, &lines), orders);
    }

    pub(crate) fn pay(&mut self, n: u64, orders: &mut impl FnMut(&Stored) -> Vec<Output>) {
        self.run(pay(&Self::order_id(n), PRICE), orders);
    }

    pub(crate) fn ship(&mut self, n: u64, orders: &mut impl FnMut(&Stored) -> Vec<Output>) {
        let (order_id, reference) = (Self::order_id(n), "parcel".to_owned());
        self.run(ShipOrder { order_id, reference }, orders);
    }

    /// A Tick with the present log time.
    pub(crate) fn tick(&mut self) -> Stored {
        self.world.append_control(ORDERS, &Tick {}.into());
        self.written(ORDERS).remove(0)
    }

    /// A client command and every follow-up that it leads to.
    fn run(
        &mut self,
        command: impl Into<Command>,
        orders: &mut impl FnMut(&Stored) -> Vec<Output>,
    ) {
        // Each name of a command is used once for an order, so it serves as its key.
        let command = command.into();
        self.world.post(command.name(), command);
        let mut waiting = VecDeque::from(self.written(ORDERS));
        while let Some(record) = waiting.pop_front() {
            for output in orders(&record) {
                if output.topic == Topic::Commands(Kind::Products) {
                    self.world.deliver(&output);
                }
            }
            for record in self.written(PRODUCTS) {
                self.product_step(&record);
            }
            waiting.extend(self.written(ORDERS));
        }
    }

    fn product_command(&mut self, command: impl Into<Command>) {
        let command = command.into();
        self.world.post(&format!("{:?}", self.products.next_offset()), command);
        for record in self.written(PRODUCTS) {
            self.product_step(&record);
        }
    }

    fn product_step(&mut self, record: &Stored) {
        for output in stepped(&mut self.products, record) {
            self.world.deliver(&output);
        }
    }

    fn rules(&mut self, shard: ShardId, parameters: Parameters) -> Vec<Stored> {
        let stream_id = format!("stream-of-{}-{}", shard.kind, shard.partition);
        let proposal = ProposeRules { revision: 1, rules: 1, stream_id, parameters };
        self.world.append_control(shard, &proposal.into());
        self.world.append_control(shard, &ActivateRules { revision: 1 }.into());
        self.written(shard)
    }

    /// Takes what was appended to a shard's log.
    fn written(&mut self, shard: ShardId) -> Vec<Stored> {
        self.world.logs.get_mut(&shard).map(std::mem::take).unwrap_or_default()
    }
}

/// Steps a record at the state's next offset.
pub(crate) fn stepped(state: &mut State, record: &Stored) -> Vec<Output> {
    let at = usize::try_from(state.next_offset()).expect("an offset");
    step_stored(state, at, record).expect("no record of the shop halts a shard").outputs
}
