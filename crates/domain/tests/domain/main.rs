//! The rules of the domain: given events, when a command, then events or a refusal; and properties
//! that hold for every history.

mod bounds;
mod catalogue;
mod every_record;
mod kit;
mod order;
mod order_answer;
mod order_final;
mod partial;
mod product;
mod properties;
mod react;
mod reserve;
mod sizes;
mod unfit;
mod world;
