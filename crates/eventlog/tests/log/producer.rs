//! Order, reports and refusals of the producer.

use std::{ops::ControlFlow, time::Duration};

use eventlog::{
    Connection, LogReader, Partition, Producer, Record, Report, SendError, Timestamp,
    producer::{Ended, Options, SEND_BYTES_MAX},
};

use crate::support::{
    DEADLINE, connection, outgoing, own_broker, random_topic, shared_broker, take, until, wait,
};

#[test]
fn each_record_is_answered_once_with_its_tag_a_rising_offset_and_log_time() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let topic = random_topic(&connection, 3);
    let (producer, reports) =
        Producer::start(&connection, &Options::outputs("test")).expect("a producer");
    let partitions: Vec<Partition> = (0..3).map(|n| Partition::new(&*topic, n)).collect();
    const RECORDS: usize = 6_000;
    for tag in 0..RECORDS {
        let value = tag.to_string();
        producer.send(&outgoing(&partitions[tag % 3], value.as_bytes(), tag)).expect("sent");
    }
    let mut offsets = vec![None; RECORDS];
    for report in take(&reports, RECORDS) {
        let Report::Delivered { tag, offset, timestamp } = report else {
            panic!("{report:?}");
        };
        assert!(timestamp.log_append().is_some(), "{timestamp:?}");
        assert_eq!(offsets[tag].replace(offset), None, "a second report for {tag}");
    }
    assert_eq!(producer.outstanding(), 0);
    for (tag, offset) in offsets.iter().enumerate() {
        assert_eq!(*offset, Some(i64::try_from(tag / 3).expect("small")));
    }
    for (number, partition) in partitions.iter().enumerate() {
        let read = values(&connection, partition);
        let sent: Vec<usize> = (number..RECORDS).step_by(3).collect();
        assert_eq!(read, sent);
    }
}

#[test]
fn key_headers_and_absent_key_arrive_as_they_were_sent() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let partition = Partition::new(random_topic(&connection, 1), 0);
    let (producer, reports) =
        Producer::start(&connection, &Options::outputs("test")).expect("a producer");
    let headers = [("origin", "orders/0:0:1:0".to_owned()), ("part", "1/1".to_owned())];
    let mut record = outgoing(&partition, b"value", 0);
    record.headers = &headers;
    producer.send(&record).expect("sent");
    record.key = None;
    record.headers = &[];
    producer.send(&record).expect("sent");
    take(&reports, 2);
    let read = records(&connection, &partition);
    let expected: [(&str, &[u8]); 2] = [("origin", b"orders/0:0:1:0"), ("part", b"1/1")];
    assert_eq!(read[0].headers(), expected);
    assert_eq!((read[0].key(), read[1].key()), (Some(&b"key"[..]), None));
    assert_eq!(read[1].headers(), []);
    assert!(matches!(read[1].timestamp, Timestamp::LogAppend(_)));
}

#[test]
fn a_full_queue_refuses_and_does_not_reorder() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let partition = Partition::new(random_topic(&connection, 1), 0);
    let options = Options { outstanding_max: 50, ..Options::outputs("test") };
    let (producer, reports) = Producer::start(&connection, &options).expect("a producer");
    const RECORDS: usize = 3_000;
    let mut refused = 0;
    let mut taken = 0;
    for tag in 0..RECORDS {
        let value = tag.to_string();
        let record = outgoing(&partition, value.as_bytes(), tag);
        while let Err(error) = producer.send(&record) {
            assert!(matches!(error, SendError::QueueFull), "{error}");
            refused += 1;
            taken += take(&reports, 1).len();
        }
    }
    take(&reports, RECORDS - taken);
    assert!(refused > 0);
    assert_eq!(values(&connection, &partition), (0..RECORDS).collect::<Vec<_>>());
}

#[test]
fn the_largest_record_passes_and_a_larger_one_is_refused_at_once() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let partition = Partition::new(random_topic(&connection, 1), 0);
    let (producer, reports) =
        Producer::start(&connection, &Options::outputs("test")).expect("a producer");
    // Not compressible, so that the broker sees the full size.
    let noise: Vec<u8> =
        (0..SEND_BYTES_MAX / 16).flat_map(|_| uuid::Uuid::new_v4().into_bytes()).collect();
    producer.send(&outgoing(&partition, &noise[..SEND_BYTES_MAX - 64], 0)).expect("sent");
    let report = take(&reports, 1).remove(0);
    assert!(!report.is_doubt(), "{report:?}");
    let too_large = producer.send(&outgoing(&partition, &noise, 1));
    assert!(matches!(too_large, Err(SendError::TooLarge { .. })), "{too_large:?}");
    assert_eq!(producer.outstanding(), 0);
}

#[test]
fn a_record_that_is_given_up_is_reported_as_failed() {
    let nobody = Connection::new("127.0.0.1:1");
    let options = Options::commands("test", Duration::from_millis(200));
    let (producer, reports) = Producer::start(&nobody, &options).expect("a producer");
    producer.send(&outgoing(&Partition::new("t", 0), b"v", 7)).expect("queued");
    let report = take(&reports, 1).remove(0);
    assert!(matches!(report, Report::Failed { tag: 7, .. }), "{report:?}");
    assert_eq!(producer.outstanding(), 0);
}

#[test]
fn a_dropped_producer_ends_its_reports_although_no_broker_answers() {
    let nobody = Connection::new("127.0.0.1:1");
    let (producer, reports) =
        Producer::start(&nobody, &Options::outputs("test")).expect("a producer");
    for tag in 0..100 {
        producer.send(&outgoing(&Partition::new("t", 0), b"v", tag)).expect("queued");
    }
    drop(producer);
    let end = until("the end of the reports", || match reports.take_within(DEADLINE) {
        Ok(None) => None,
        Ok(Some(report)) => panic!("a report after the drop: {report:?}"),
        Err(end) => Some(end),
    });
    assert_eq!(end, Ended);
}

#[test]
fn a_broker_that_is_killed_and_comes_back_loses_and_doubles_nothing() {
    let stack = own_broker();
    let connection = connection(&stack);
    let partition = Partition::new(random_topic(&connection, 1), 0);
    let options = Options { outstanding_max: 500, ..Options::outputs("test") };
    let (producer, reports) = Producer::start(&connection, &options).expect("a producer");
    const RECORDS: usize = 20_000;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for tag in 0..RECORDS {
                let value = tag.to_string();
                let record = outgoing(&partition, value.as_bytes(), tag);
                until("room in the queue", || match producer.send(&record) {
                    Ok(()) => Some(()),
                    Err(SendError::QueueFull) => {
                        std::thread::park_timeout(Duration::from_millis(1));
                        None
                    }
                    Err(error) => panic!("{error}"),
                });
            }
        });
        for (taken, report) in (0..RECORDS).map(|taken| (taken, take(&reports, 1).remove(0))) {
            assert!(!report.is_doubt(), "{report:?}");
            if taken == RECORDS / 4 {
                wait(async {
                    let broker = &stack.brokers()[0];
                    broker.kill().await;
                    broker.start().await.expect("the broker comes back");
                });
            }
        }
    });
    assert_eq!(values(&connection, &partition), (0..RECORDS).collect::<Vec<_>>());
}

#[test]
fn a_producer_that_is_dropped_in_the_middle_leaves_no_gap() {
    let stack = own_broker();
    let connection = connection(&stack);
    let partition = Partition::new(random_topic(&connection, 1), 0);
    let (producer, reports) =
        Producer::start(&connection, &Options::outputs("test")).expect("a producer");
    const ACKNOWLEDGED: usize = 1_000;
    const RECORDS: usize = 50_000;
    let send = |tag: usize| {
        let value = tag.to_string();
        producer.send(&outgoing(&partition, value.as_bytes(), tag)).expect("sent");
    };
    (0..ACKNOWLEDGED).for_each(send);
    take(&reports, ACKNOWLEDGED);
    let broker = &stack.brokers()[0];
    broker.pause().expect("paused");
    (ACKNOWLEDGED..RECORDS).for_each(send);
    drop(producer);
    until("the end of the reports", || reports.take_within(DEADLINE).err());
    broker.resume().expect("resumed");
    // Another producer goes on. What the dropped one had on the wire may still arrive, before or
    // after; neither way does it leave a gap.
    let (next, reports) =
        Producer::start(&connection, &Options::outputs("test")).expect("a producer");
    next.send(&outgoing(&partition, RECORDS.to_string().as_bytes(), 0)).expect("sent");
    assert!(!take(&reports, 1)[0].is_doubt());
    let mut read = values(&connection, &partition);
    read.retain(|value| *value != RECORDS);
    assert!(read.len() >= ACKNOWLEDGED, "acknowledged records are missing");
    assert_eq!(read, (0..read.len()).collect::<Vec<_>>());
}

fn records(connection: &Connection, partition: &Partition) -> Vec<Record> {
    let mut reader = LogReader::open(connection, "test").expect("a reader");
    let mut records = Vec::new();
    reader
        .read_to_end(&[(partition.clone(), 0)], DEADLINE, |record| {
            records.push(record);
            ControlFlow::Continue(())
        })
        .expect("read");
    records
}

fn values(connection: &Connection, partition: &Partition) -> Vec<usize> {
    records(connection, partition)
        .iter()
        .map(|record| {
            let text = std::str::from_utf8(record.value().expect("a value")).expect("text");
            text.parse().expect("a number")
        })
        .collect()
}
