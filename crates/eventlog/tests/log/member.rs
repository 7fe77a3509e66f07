//! Assignment, explicit start offsets, commits and handover of group members.

use std::time::Duration;

use eventlog::{
    Committed, Connection, Member, Membership, Pace, Partition, Polled, ReadError, Record,
};

use crate::support::{
    DEADLINE, SHORT, connection, fill, own_broker, random_name, random_topic, shared_broker, until,
};

#[test]
fn nothing_is_read_before_its_offset_is_given_and_then_from_there() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let partition = Partition::new(random_topic(&connection, 1), 0);
    fill(&connection, &partition, 10);
    let mut member = join(&connection, &random_name("group"), &partition.topic);
    assert_eq!(assigned(&mut member), std::slice::from_ref(&partition));
    for _ in 0..10 {
        let polled = member.poll(SHORT);
        assert!(matches!(polled, Polled::Idle), "{polled:?}");
    }
    member.start(&partition, 7).expect("started");
    for offset in 7..10 {
        assert_eq!(record(&mut member).offset, offset);
    }
    assert_eq!(member.next(&partition), Some(10));
    member.restart(&partition, 3).expect("started again");
    assert_eq!(record(&mut member).offset, 3);
    assert!(member.leave(DEADLINE));
}

#[test]
fn a_commit_comes_back_with_its_metadata() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let topic = random_topic(&connection, 2);
    let group = random_name("group");
    let mut member = join(&connection, &group, &topic);
    let partitions = assigned(&mut member);
    assert_eq!(member.committed(&partitions).expect("answered"), [None, None]);
    let committed =
        Committed { offset: 5, metadata: "stream 1f; revision 1; chain 00ff".to_owned() };
    member.commit(&[(partitions[1].clone(), committed.clone())]).expect("on its way");
    let found = until("the commit", || {
        member.poll(SHORT);
        let found = member.committed(&partitions).expect("answered");
        found.iter().any(Option::is_some).then_some(found)
    });
    assert_eq!(found, [None, Some(committed.clone())]);
    assert!(member.leave(DEADLINE));
    let mut next = join(&connection, &group, &topic);
    let partitions = assigned(&mut next);
    let found = next.committed(&partitions).expect("answered");
    assert!(found.contains(&Some(committed)), "{found:?}");
}

#[test]
fn a_revoked_partition_stays_until_the_next_poll_and_the_others_are_read_on() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let topic = random_topic(&connection, 2);
    for number in 0..2 {
        fill(&connection, &Partition::new(&*topic, number), 4);
    }
    let group = random_name("group");
    let mut first = join(&connection, &group, &topic);
    let partitions = assigned(&mut first);
    assert_eq!(partitions.len(), 2);
    for partition in &partitions {
        first.start(partition, 0).expect("started");
    }
    for _ in 0..8 {
        record(&mut first);
    }
    let mut second = join(&connection, &group, &topic);
    let (revoked, is_lost) = until("the revocation", || {
        second.poll(SHORT);
        match first.poll(SHORT) {
            Polled::Revoked { partitions, is_lost } => Some((partitions, is_lost)),
            Polled::Idle => None,
            other => panic!("{other:?}"),
        }
    });
    assert_eq!((revoked.len(), is_lost), (1, false));
    // Still ours: the frontier is committed before it is given back.
    let committed = Committed { offset: 4, metadata: "the last word".to_owned() };
    first.commit(&[(revoked[0].clone(), committed.clone())]).expect("on its way");
    let taken_over = until("the takeover", || {
        first.poll(SHORT);
        match second.poll(SHORT) {
            Polled::Assigned(partitions) if partitions.is_empty() => None,
            Polled::Assigned(partitions) => Some(partitions),
            Polled::Idle => None,
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(taken_over, revoked);
    assert_eq!(second.committed(&revoked).expect("answered"), [Some(committed)]);
    // The partition that stayed was never stopped.
    let stayed = partitions.iter().find(|partition| !revoked.contains(partition)).expect("one");
    assert_eq!(first.next(stayed), Some(4));
    assert_eq!(first.next(&revoked[0]), None);
    fill(&connection, stayed, 1);
    assert_eq!(record(&mut first).offset, 4);
    assert!(first.leave(DEADLINE));
    let rest = until("the rest", || match second.poll(SHORT) {
        Polled::Assigned(partitions) if !partitions.is_empty() => Some(partitions),
        _ => None,
    });
    assert_eq!(rest, std::slice::from_ref(stayed));
}

#[test]
fn a_partition_that_was_never_started_can_be_revoked() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let topic = random_topic(&connection, 1);
    let group = random_name("group");
    let mut first = join(&connection, &group, &topic);
    assigned(&mut first);
    let mut second = join(&connection, &group, &topic);
    assert!(first.leave(DEADLINE));
    assert_eq!(assigned(&mut second).len(), 1);
}

#[test]
fn a_paused_partition_is_held_back_and_loses_nothing() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let topic = random_topic(&connection, 2);
    let (paused, other) = (Partition::new(&*topic, 0), Partition::new(&*topic, 1));
    let mut member = join(&connection, &random_name("group"), &topic);
    assigned(&mut member);
    member.start(&paused, 0).expect("started");
    member.start(&other, 0).expect("started");
    fill(&connection, &paused, 1_000);
    assert_eq!(record(&mut member).offset, 0);
    member.pause(&paused).expect("paused");
    fill(&connection, &other, 5);
    for offset in 0..5 {
        let record = record(&mut member);
        assert_eq!((&record.partition, record.offset), (&other, offset));
    }
    member.resume(&paused).expect("resumed");
    for offset in 1..1_000 {
        assert_eq!(record(&mut member).offset, offset);
    }
    // A pause does not outlive a restart.
    member.pause(&paused).expect("paused");
    member.restart(&paused, 998).expect("started again");
    assert_eq!(record(&mut member).offset, 998);
}

#[test]
fn an_offset_that_the_log_does_not_hold_is_an_error_and_not_a_jump() {
    let stack = shared_broker();
    let connection = connection(&stack);
    let partition = Partition::new(random_topic(&connection, 1), 0);
    fill(&connection, &partition, 3);
    let mut member = join(&connection, &random_name("group"), &partition.topic);
    assigned(&mut member);
    member.start(&partition, 9).expect("started");
    let error = until("the refusal", || match member.poll(SHORT) {
        Polled::Failed(error) => Some(error),
        Polled::Idle => None,
        other => panic!("{other:?}"),
    });
    assert!(matches!(error, ReadError::OutOfRange { wanted: 9, low: 0, high: 3, .. }), "{error}");
    member.restart(&partition, 0).expect("started again");
    assert_eq!(record(&mut member).offset, 0);
}

#[test]
fn a_member_that_the_group_gave_up_loses_its_partitions_and_gets_them_again() {
    let stack = own_broker();
    let connection = connection(&stack);
    let partition = Partition::new(random_topic(&connection, 1), 0);
    fill(&connection, &partition, 3);
    let mut member = join(&connection, &random_name("group"), &partition.topic);
    assigned(&mut member);
    member.start(&partition, 0).expect("started");
    assert_eq!(record(&mut member).offset, 0);
    let broker = &stack.brokers()[0];
    broker.pause().expect("paused");
    let is_lost = until("the loss", || match member.poll(SHORT) {
        Polled::Revoked { partitions, is_lost } => {
            assert_eq!(partitions, std::slice::from_ref(&partition));
            Some(is_lost)
        }
        _ => None,
    });
    assert!(is_lost);
    broker.resume().expect("resumed");
    assert_eq!(assigned(&mut member), std::slice::from_ref(&partition));
    assert_eq!(member.next(&partition), None, "nothing is read from memory of before");
    member.start(&partition, 1).expect("started again");
    assert_eq!(record(&mut member).offset, 1);
    assert!(member.leave(DEADLINE));
}

#[test]
fn a_member_that_never_met_a_broker_can_leave() {
    let member = join(&Connection::new("127.0.0.1:1"), "group", "topic");
    assert!(member.leave(DEADLINE));
}

fn join(connection: &Connection, group: &str, topic: &str) -> Member {
    let membership = Membership { group, client_id: "test", topics: &[topic], pace: Pace::AtOnce };
    Member::join(connection, &membership).expect("a member")
}

fn assigned(member: &mut Member) -> Vec<Partition> {
    until("the assignment", || match member.poll(Duration::from_secs(1)) {
        Polled::Assigned(partitions) if partitions.is_empty() => None,
        Polled::Assigned(partitions) => Some(partitions),
        Polled::Idle => None,
        other => panic!("{other:?}"),
    })
}

fn record(member: &mut Member) -> Record {
    until("a record", || match member.poll(SHORT) {
        Polled::Record(record) => Some(record),
        Polled::Idle | Polled::Assigned(_) => None,
        other => panic!("{other:?}"),
    })
}
