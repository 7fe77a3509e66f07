//! Reading from explicit offsets without a group.

use std::ops::ControlFlow;

use eventlog::{Connection, LogReader, Partition, ReadError, Watermarks};

use crate::support::{DEADLINE, SHORT, connection, fill, random_topic, shared_broker, until};

#[test]
fn a_bounded_reading_gives_each_partition_in_order_up_to_its_end() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let topic = random_topic(&connection, 3);
    let partitions: Vec<Partition> = (0..3).map(|n| Partition::new(&*topic, n)).collect();
    fill(&connection, &partitions[0], 10);
    fill(&connection, &partitions[1], 5);
    let mut reader = LogReader::open(&connection, "test").expect("a reader");
    let starts: Vec<_> = partitions.iter().cloned().zip([4, 0, 0]).collect();
    for _ in 0..2 {
        let mut read: [Vec<i64>; 3] = Default::default();
        let next = reader
            .read_to_end(&starts, DEADLINE, |record| {
                read[usize::try_from(record.partition.number).expect("small")].push(record.offset);
                ControlFlow::Continue(())
            })
            .expect("read");
        assert_eq!(read, [(4..10).collect(), (0..5).collect(), vec![]]);
        assert_eq!(next, [10, 5, 0]);
    }
}

#[test]
fn a_reading_that_breaks_off_says_how_far_it_came() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let partition = Partition::new(random_topic(&connection, 1), 0);
    fill(&connection, &partition, 10);
    let mut reader = LogReader::open(&connection, "test").expect("a reader");
    let next = reader
        .read_to_end(&[(partition, 2)], DEADLINE, |record| {
            if record.offset == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .expect("read");
    assert_eq!(next, [6]);
}

#[test]
fn an_offset_that_the_log_does_not_hold_is_named_with_its_partition() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let topic = random_topic(&connection, 2);
    let good = Partition::new(&*topic, 0);
    let bad = Partition::new(&*topic, 1);
    fill(&connection, &bad, 3);
    let mut reader = LogReader::open(&connection, "test").expect("a reader");
    assert_eq!(reader.watermarks(&bad).expect("answered"), Watermarks { low: 0, high: 3 });
    let refused = reader.read_to_end(&[(bad.clone(), 4)], DEADLINE, |_| ControlFlow::Continue(()));
    assert!(matches!(refused, Err(ReadError::OutOfRange { .. })), "{refused:?}");
    reader.start(&good, 0).expect("started");
    reader.start(&bad, 4).expect("started");
    let error = until("the refusal", || reader.poll(SHORT).err());
    assert_eq!(
        error.to_string(),
        format!("{topic}/1: offset 4 was asked for, but the log holds 0 to 3")
    );
    reader.restart(&bad, 2).expect("started again");
    let record = until("the record", || reader.poll(SHORT).expect("readable"));
    assert_eq!((record.offset, reader.next(&bad)), (2, Some(3)));
}

#[test]
fn a_follower_sees_what_is_written_after_it_started() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let partition = Partition::new(random_topic(&connection, 1), 0);
    let mut reader = LogReader::open(&connection, "test").expect("a reader");
    reader.start(&partition, 0).expect("started");
    assert!(reader.poll(SHORT).expect("readable").is_none());
    fill(&connection, &partition, 2);
    for offset in 0..2 {
        let record = until("the record", || reader.poll(SHORT).expect("readable"));
        assert_eq!(record.offset, offset);
    }
    assert!(matches!(reader.start(&partition, 0), Err(ReadError::Misuse { .. })));
}

#[test]
fn a_reader_that_never_met_a_broker_can_be_dropped() {
    let (done, dropped) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut reader =
            LogReader::open(&Connection::new("127.0.0.1:1"), "test").expect("a reader");
        reader.start(&Partition::new("topic", 0), 0).expect("started");
        assert!(reader.poll(SHORT).expect("nothing yet").is_none());
        drop(reader);
        done.send(()).expect("somebody waits");
    });
    dropped.recv_timeout(DEADLINE).expect("dropped in time");
}
