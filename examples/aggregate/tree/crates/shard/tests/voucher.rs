//! A shard of vouchers: known since its rules version, and kept in snapshots.

mod kit;

use events::{
    Kind, Money,
    command::{ActivateRules, ProposeRules},
    voucher::{IssueVoucher, RedeemVoucher},
};
use kit::World;
use shard::format;

fn issue(id: &str) -> IssueVoucher {
    IssueVoucher { voucher_id: id.to_owned(), balance: Money::new(50, "GBP") }
}

fn redeem(id: &str, amount: i64) -> RedeemVoucher {
    let amount = Money::new(amount, "GBP");
    RedeemVoucher { voucher_id: id.to_owned(), reference: "order-1".to_owned(), amount }
}

/// All shards switch to rules version 4.
fn switch(world: &mut World) {
    let shards: Vec<_> = world.logs.keys().copied().collect();
    for shard in shards {
        let (stream_id, parameters) = (String::new(), world.parameters);
        let proposal = ProposeRules { revision: 2, rules: 4, stream_id, parameters };
        world.append_control(shard, &proposal.into());
        world.append_control(shard, &ActivateRules { revision: 2 }.into());
    }
    world.run();
}

#[test]
fn to_earlier_rules_a_voucher_is_no_command() {
    let mut world = World::new();
    let early = world.post("early", issue("gift-1"));
    world.run();
    assert_eq!(world.refusal_code(&early).as_deref(), Some("undecodable"));
    switch(&mut world);
    let issued = world.post("issued", issue("gift-1"));
    world.run();
    assert_eq!(world.refusal_code(&issued), None);
    assert_eq!(world.outcome(&issued).version, 1);
}

#[test]
fn vouchers_survive_a_snapshot() {
    let mut world = World::new();
    switch(&mut world);
    for id in ["a", "b", "c", "d", "e", "f"] {
        world.post(id, issue(id));
        world.post(&format!("redeem {id}"), redeem(id, 20));
    }
    world.run();
    let is_mine = |shard: &events::ShardId| shard.kind == Kind::Vouchers;
    let states: Vec<_> = world.states.iter().filter(|(shard, _)| is_mine(shard)).collect();
    assert_eq!(states.iter().map(|(_, state)| state.live_aggregates()).sum::<usize>(), 6);
    for (shard, state) in states {
        let bytes = format::encode(state);
        assert_eq!(&format::decode(&bytes).expect("it reads back"), state, "{shard}");
        let cut = format::decode(&bytes[..bytes.len() - 1]);
        assert_eq!(cut, Err(format::Unreadable::Damaged));
    }
}
