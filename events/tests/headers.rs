//! What headers and tokens say reads back unchanged, and no text makes their readers panic.

use events::{
    Kind, Origin, Position, ShardId,
    header::{self, ReturnAddress, View},
    position::{Arrival, Mark, from_token, to_token},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

fn shards() -> impl Strategy<Value = ShardId> {
    (select(Kind::ALL.to_vec()), 0..=i32::MAX)
        .prop_map(|(kind, partition)| ShardId::new(kind, partition))
}

fn marks() -> impl Strategy<Value = Mark> {
    (0..=i64::MAX, 0..=i64::MAX)
        .prop_map(|(incarnation, link_sequence)| Mark { incarnation, link_sequence })
}

fn origins() -> impl Strategy<Value = Origin> {
    (shards(), 0..=i64::MAX, 0..=i64::MAX, 0..=i32::MAX).prop_map(
        |(shard, incarnation, offset, index)| Origin { shard, incarnation, offset, index },
    )
}

fn addresses() -> impl Strategy<Value = ReturnAddress> {
    (0..=i32::MAX, any::<u128>())
        .prop_map(|(partition, correlation)| ReturnAddress { partition, correlation })
}

/// Texts near those that are meant: the right characters in any order.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "(orders|products|carts)?/?-?[0-9]{0,20}(:-?[0-9a-f]{0,33}){0,5}",
        "[0-9a-z/:,+-]{0,40}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn an_origin_and_its_link_read_back(origin in origins(), link_sequence in 0..=i64::MAX) {
        let (text, number) = (origin.to_string(), link_sequence.to_string());
        prop_assert_eq!(text.parse(), Ok(origin));
        let headers = [
            (header::ORIGIN, text.as_bytes()),
            (header::LINK_SEQUENCE, number.as_bytes()),
        ];
        let mark = Mark { incarnation: origin.incarnation, link_sequence };
        prop_assert_eq!(View(&headers).origin(), Some(origin));
        prop_assert_eq!(View(&headers).link(), Some((origin.shard, mark)));
        prop_assert_eq!(View(&headers[..1]).link(), None);
    }

    #[test]
    fn origins_sort_like_their_numbers(
        shard in shards(),
        a in any::<(u32, u32, u16)>(),
        b in any::<(u32, u32, u16)>(),
    ) {
        let origin = |(incarnation, offset, index): (u32, u32, u16)| Origin {
            shard,
            incarnation: incarnation.into(),
            offset: offset.into(),
            index: index.into(),
        };
        prop_assert_eq!(origin(a).cmp(&origin(b)), a.cmp(&b));
    }

    #[test]
    fn a_shard_reads_back(shard in shards()) {
        prop_assert_eq!(shard.to_string().parse(), Ok(shard));
    }

    #[test]
    fn a_return_address_reads_back(address in addresses()) {
        let text = address.to_string();
        prop_assert_eq!(text.parse(), Ok(address));
        let headers = [(header::REPLY_TO, text.as_bytes())];
        prop_assert_eq!(View(&headers).return_address(), Some(address));
    }

    #[test]
    fn a_token_reads_back_sorted_whatever_the_order_it_was_made_in(
        positions in vec((shards(), marks()), 0..20),
    ) {
        let positions: Vec<Position> =
            positions.into_iter().map(|(shard, mark)| Position::new(shard, mark)).collect();
        let token = to_token(&positions);
        let mut reversed = positions.clone();
        reversed.reverse();
        prop_assert_eq!(to_token(&reversed), token.clone());
        let read = from_token(&token, positions.len()).expect("our own token");
        prop_assert_eq!(to_token(&read), token.clone());
        let (mut read, mut expected) = (read, positions.clone());
        read.sort();
        expected.sort();
        prop_assert_eq!(read, expected);
        if !positions.is_empty() {
            prop_assert!(from_token(&token, positions.len() - 1).is_err());
        }
        for position in &positions {
            let shard = position.shard().expect("a shard");
            prop_assert_eq!(&Position::new(shard, position.mark()), position);
        }
    }

    #[test]
    fn no_text_makes_a_reader_panic_and_what_reads_reads_back(text in texts()) {
        let _ = from_token(&text, 8);
        if let Ok(origin) = text.parse::<Origin>() {
            prop_assert_eq!(origin.to_string().parse(), Ok(origin));
        }
        if let Ok(shard) = text.parse::<ShardId>() {
            prop_assert_eq!(shard.to_string().parse(), Ok(shard));
        }
        if let Ok(address) = text.parse::<ReturnAddress>() {
            prop_assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn no_header_makes_a_view_panic(
        headers in vec(
            (select(vec!["origin", "linkseq", "part", "reply-to"]), vec(any::<u8>(), 0..30)),
            0..6,
        ),
    ) {
        let headers: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let view = View(&headers);
        let _ = (view.origin(), view.link(), view.return_address(), view.number("linkseq"));
        if let Some((n, of)) = view.part() {
            prop_assert!(1 <= n && n <= of);
        }
        let first = headers.iter().find(|(name, _)| *name == "part");
        prop_assert_eq!(view.is_present("part"), first.is_some());
        let text = first.and_then(|(_, value)| std::str::from_utf8(value).ok());
        prop_assert_eq!(view.text("part"), text);
    }

    /// Repeats, rewinds and losses, in any mix: what is applied is 1, 2, 3 … of each incarnation.
    #[test]
    fn a_reader_applies_every_record_once_and_in_order(
        arrivals in vec((0..3_i64, 1..6_i64), 0..60),
    ) {
        let mut mark = Mark::default();
        for (incarnation, link_sequence) in arrivals {
            let record = Mark { incarnation, link_sequence };
            let arrival = mark.arrival(record);
            let next_here = Mark { link_sequence: mark.link_sequence + 1, ..mark };
            let begins = record.incarnation > mark.incarnation && record.link_sequence == 1;
            prop_assert_eq!(arrival == Arrival::Next, record == next_here || begins);
            prop_assert_eq!(arrival == Arrival::Repeat, record <= mark);
            if arrival == Arrival::Next {
                mark = record;
            }
        }
    }

    #[test]
    fn a_version_survives_its_header(version in option::of(any::<i64>())) {
        let text = version.map(|version| version.to_string());
        let headers: Vec<(&str, &[u8])> =
            text.iter().map(|text| (header::IF_MATCH, text.as_bytes())).collect();
        prop_assert_eq!(View(&headers).number(header::IF_MATCH), version);
        prop_assert_eq!(View(&headers).is_present(header::IF_MATCH), version.is_some());
    }
}
