//! A lie about a length costs a bounded amount of memory.
//!
//! One test, so that nothing else allocates in this process while it counts.

mod contract;

use std::{alloc::System, fmt::Debug};

use contract::{Visitor, example, visit_all};
use events::codec::Record;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a reader may allocate on the word of a length, and for each byte that it is given.
const ON_TRUST_BYTES: usize = 4 << 20;
const PER_BYTE: usize = 512;

/// Lengths that a liar would write: below and above every bound, and the ends of the integers.
const LIES: [i64; 7] = [1 << 14, (1 << 20) - 1, 1 << 20, 1 << 31, i64::MAX, -(1 << 20), i64::MIN];

/// A number as Avro writes it: zigzag, seven bits a byte, the lowest first.
fn varint(number: i64) -> Vec<u8> {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    let mut bytes = Vec::new();
    while rest > 0x7f {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
    bytes
}

fn allocated(read: impl FnOnce()) -> usize {
    let region = Region::new(ALLOCATOR);
    read();
    let change = region.change();
    change.bytes_allocated.saturating_add_signed(change.bytes_reallocated)
}

struct Lie;

impl Visitor for Lie {
    fn visit<R: Record + PartialEq + Debug>(&mut self) {
        let schema = R::codec().schema();
        for example in example::current(R::NAME) {
            let datum = example.datum();
            for (at, lie) in (0..datum.len()).flat_map(|at| LIES.map(|lie| (at, lie))) {
                let mut lying = datum[..at].to_vec();
                lying.extend(varint(lie));
                lying.extend(&datum[at..]);
                let most = ON_TRUST_BYTES + PER_BYTE * lying.len();
                let fast = allocated(|| drop(R::from_datum(&lying)));
                let slow = allocated(|| drop(R::from_datum_written_by(schema, &lying)));
                assert!(fast <= most, "{}: {lie} at byte {at} costs {fast}", R::FULL_NAME);
                assert!(slow <= most, "{}: {lie} at byte {at} costs {slow}", R::FULL_NAME);
            }
        }
    }
}

#[test]
fn a_length_that_lies_costs_a_bounded_amount_of_memory() {
    visit_all(&mut Lie);
}
