//! Records that are no commands of ours, misaddressed ones, and clocks that are not the broker's.

use events::{
    Command, Kind, ShardId,
    command::{ReleaseStock, Tick},
    header,
};
use shard::Timestamp;

use super::{Story, gbp, name_in, sku};
use crate::kit::{pay, place, uuid_text};

/// Records with the headers of a follow-up that no shard wrote.
pub(super) const FORGED: usize = 1;

const TRACEPARENT: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

type Headers = Vec<(String, Vec<u8>)>;

pub(super) fn records(story: &mut Story) {
    for partition in 0..2 {
        let orders = ShardId::new(Kind::Orders, partition);
        without_headers(story, orders);
        misaddressed(story, orders);
        odd_headers(story, orders);
    }
    forged(story);
    clocks(story);
}

fn own_order(shard: ShardId, prefix: &str) -> (String, Command) {
    let order_id = name_in(Kind::Orders, shard.partition, prefix, 0);
    let command = place(&order_id, &[(&sku(0, 0), 1), (&sku(1, 0), 1)]).into();
    (order_id, command)
}

fn without_headers(story: &mut Story, shard: ShardId) {
    let (order_id, command) = own_order(shard, "bare");
    let key = Some(order_id.as_bytes());
    let whole = command.to_single_object();
    let mut unknown = whole.clone();
    unknown[2] ^= 0xff;
    let cut = whole[..whole.len() - 1].to_vec();
    let follow_up = ReleaseStock { order_id: order_id.clone(), lines: Vec::new() };
    let follow_up = Command::from(follow_up).to_single_object();
    let values =
        [b"garbage".to_vec(), Vec::new(), vec![0xc3, 0x01], unknown, cut, whole, follow_up];
    for value in values {
        story.world.append(shard, key, Some(value), Vec::new());
    }
    story.world.append(shard, None, None, Vec::new());
    story.world.append(shard, Some(b"\xff\x00"), None, vec![("\u{e9}".to_owned(), vec![0xff])]);
    story.world.run();
}

/// Headers of a client command with a command id of its own.
fn headers(story: &mut Story, shard: ShardId, n: u128) -> Headers {
    let (_, command) = own_order(shard, "addressed");
    let mut headers = story.world.client_headers("addressed", &command, story.world.now, None);
    headers[0].1 = uuid_text(u128::from(shard.partition.cast_unsigned()) << 64 | n);
    headers
}

fn misaddressed(story: &mut Story, shard: ShardId) {
    let (order_id, command) = own_order(shard, "addressed");
    let key = order_id.as_bytes();
    let whole = command.to_single_object();
    let elsewhere = ShardId::new(Kind::Orders, 1 - shard.partition);
    let product = Command::from(events::command::ChangePrice { sku: sku(0, 0), price: gbp(1) });
    let product_key = product.key().map(|key| key.as_bytes().to_vec());
    let first = headers(story, shard, 1);
    story.world.append(shard, None, Some(whole.clone()), first);
    let second = headers(story, shard, 2);
    story.world.append(shard, Some(b"another"), Some(whole.clone()), second);
    let third = headers(story, shard, 3);
    story.world.append(elsewhere, Some(key), Some(whole), third);
    let fourth = headers(story, shard, 4);
    story.world.append(shard, product_key.as_deref(), Some(product.to_single_object()), fourth);
    let fifth = headers(story, shard, 5);
    story.world.append(shard, Some(key), Some(b"garbage".to_vec()), fifth);
    let sixth = headers(story, shard, 6);
    story.world.append(shard, Some(key), None, sixth);
    story.world.run();
}

/// A good command whose headers are each wrong in one way, or unusual and right.
fn odd_headers(story: &mut Story, shard: ShardId) {
    let changes: [fn(&mut Headers); 11] = [
        |h| h[0].1 = b"no uuid".to_vec(),
        |h| h[2].1 = b"yesterday".to_vec(),
        |h| h[1].1 = vec![b'c'; 129],
        |h| h.push((header::IF_MATCH.to_owned(), b"first".to_vec())),
        |h| h[3].1 = b"7:000102030405060708090a0b0c0d0e0f".to_vec(),
        |h| h[3].1 = b"nowhere".to_vec(),
        |h| drop(h.remove(3)),
        |h| h[1].1 = "caf\u{e9}".into(),
        |h| h.push((header::COMMAND.to_owned(), b"the first one counts".to_vec())),
        |h| h.push((header::TRACEPARENT.to_owned(), TRACEPARENT.to_vec())),
        |h| h.push((header::TRACEPARENT.to_owned(), b"99-not-a-trace".to_vec())),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let (order_id, command) = own_order(shard, &format!("odd-{n}"));
        let mut headers = headers(story, shard, 100 + n as u128);
        change(&mut headers);
        let value = Some(command.to_single_object());
        story.world.append(shard, Some(order_id.as_bytes()), value, headers);
        story.world.run();
    }
}

/// A client command dressed up as a follow-up, and a control record with a key.
fn forged(story: &mut Story) {
    let shard = ShardId::new(Kind::Orders, 0);
    let (order_id, command) = own_order(shard, "forged");
    let key = Some(order_id.as_bytes());
    let link = vec![
        (header::ORIGIN.to_owned(), b"products/1:0:99999:0".to_vec()),
        (header::LINK_SEQUENCE.to_owned(), b"99999".to_vec()),
    ];
    story.world.append(shard, key, Some(command.to_single_object()), link);
    let tick = Command::from(Tick {}).to_single_object();
    story.world.append(shard, key, Some(tick), Vec::new());
    story.world.run();
}

/// Log time stands still for foreign timestamps and never runs backwards.
fn clocks(story: &mut Story) {
    let shard = ShardId::new(Kind::Orders, 1);
    let (order_id, command) = own_order(shard, "clock");
    story.append(command);
    story.world.logs.get_mut(&shard).and_then(|log| log.last_mut()).expect("it").timestamp =
        Timestamp::Foreign(story.world.now + 86_400_000);
    story.world.run();
    story.append(pay(&order_id, 451));
    story.world.logs.get_mut(&shard).and_then(|log| log.last_mut()).expect("it").timestamp =
        Timestamp::LogAppend(story.world.now - 60_000);
    story.world.run();
}
