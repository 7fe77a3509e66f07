//! Damaged and foreign bytes are errors: never a panic, never another value.

mod contract;

use std::fmt::Debug;

use contract::{
    Visitor,
    example::{self, bytes},
    visit_all,
};
use events::{
    Command, Event,
    codec::{Confluent, Error, Record},
};
use proptest::{collection::vec, prelude::*, sample::Index};

#[test]
fn a_datum_cut_off_at_any_length_is_malformed() {
    struct Check;
    impl Visitor for Check {
        fn visit<R: Record + PartialEq + Debug>(&mut self) {
            for example in example::current(R::NAME) {
                let datum = example.datum();
                for length in 0..datum.len() {
                    let cut = &datum[..length];
                    let read = R::from_datum(cut);
                    assert!(matches!(read, Err(Error::Malformed { .. })), "{}", R::FULL_NAME);
                    let read = R::from_datum_written_by(R::codec().schema(), cut);
                    assert!(matches!(read, Err(Error::Malformed { .. })), "{}", R::FULL_NAME);
                }
            }
        }
    }
    visit_all(&mut Check);
}

#[test]
fn bytes_behind_a_datum_are_counted_and_refused() {
    struct Check;
    impl Visitor for Check {
        fn visit<R: Record + PartialEq + Debug>(&mut self) {
            for example in example::current(R::NAME) {
                let mut datum = example.datum();
                datum.extend([0, 0xff, 0]);
                let read = R::from_datum(&datum);
                assert!(matches!(read, Err(Error::Trailing { bytes: 3, .. })), "{}", R::FULL_NAME);
                let read = R::from_datum_written_by(R::codec().schema(), &datum);
                assert!(matches!(read, Err(Error::Trailing { bytes: 3, .. })), "{}", R::FULL_NAME);
            }
        }
    }
    visit_all(&mut Check);
}

#[test]
fn a_single_object_cut_off_at_any_length_or_of_another_record_is_an_error() {
    for name in Command::NAMES {
        for example in example::current(name) {
            let whole = bytes(&example.single_object.expect("a single object"));
            for length in 0..whole.len() {
                let read = Command::from_single_object(&whole[..length]);
                match length {
                    0..10 => assert!(matches!(read, Err(Error::NotSingleObject)), "{name}"),
                    _ => assert!(matches!(read, Err(Error::Malformed { .. })), "{name}"),
                }
            }
            let mut other = whole.clone();
            other[2] ^= 1;
            assert!(matches!(Command::from_single_object(&other), Err(Error::UnknownSchema(_))));
            other = whole;
            other[0] = 0;
            assert!(matches!(Command::from_single_object(&other), Err(Error::NotSingleObject)));
        }
    }
}

#[test]
fn a_confluent_value_without_its_five_bytes_is_an_error() {
    let value = Confluent::frame(7, &[]);
    for length in 0..value.len() {
        assert!(matches!(Confluent::open(&value[..length]), Err(Error::NotConfluent)));
    }
    assert_eq!(Confluent::open(&value).map(|open| open.schema_id).ok(), Some(7));
    assert!(matches!(Confluent::open(&[1, 0, 0, 0, 7]), Err(Error::NotConfluent)));
}

/// Reads bytes as every record, in every way. What can be read must also survive being written.
struct ReadAsEverything<'a>(&'a [u8]);

impl Visitor for ReadAsEverything<'_> {
    fn visit<R: Record + PartialEq + Debug>(&mut self) {
        if let Ok(value) = R::from_datum(self.0) {
            assert_eq!(R::from_datum(&value.to_datum()).expect(R::FULL_NAME), value);
            let slow = R::from_datum_written_by(R::codec().schema(), self.0);
            assert_eq!(slow.expect("both readers agree"), value, "{}", R::FULL_NAME);
        } else {
            let slow = R::from_datum_written_by(R::codec().schema(), self.0);
            assert!(slow.is_err(), "{}: only the slow reader takes the bytes", R::FULL_NAME);
        }
        let mut single_object = R::codec().fingerprint().to_le_bytes().to_vec();
        single_object.splice(..0, [0xc3, 0x01]);
        single_object.extend(self.0);
        assert_eq!(R::from_single_object(&single_object).ok(), R::from_datum(self.0).ok());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..200)) {
        visit_all(&mut ReadAsEverything(&bytes));
        let _ = Command::from_single_object(&bytes);
        let _ = Confluent::open(&bytes);
        let unknown = Event::from_datum("spillway.events.Unheard", &bytes);
        prop_assert!(matches!(unknown, Err(Error::UnknownRecord(_))));
    }

    #[test]
    fn no_damage_to_honest_bytes_makes_a_reader_panic(
        flips in vec((any::<Index>(), 1..=u8::MAX), 1..4),
    ) {
        struct Damage(Vec<(Index, u8)>);
        impl Visitor for Damage {
            fn visit<R: Record + PartialEq + Debug>(&mut self) {
                for example in example::current(R::NAME) {
                    let mut datum = example.datum();
                    for (at, bits) in &self.0 {
                        if !datum.is_empty() {
                            let at = at.index(datum.len());
                            datum[at] ^= bits;
                        }
                    }
                    ReadAsEverything(&datum).visit::<R>();
                }
            }
        }
        visit_all(&mut Damage(flips));
    }
}
