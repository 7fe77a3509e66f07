//! Planning, making and checking the topics on a real broker.

mod support;

use std::ops::ControlFlow;

use eventlog::{
    Connection, LogReader, Outgoing, Partition, Producer, Topics, producer,
    topics::{Difference, FIRST_REVISION, FIRST_RULES, First, Lost, TopicsError},
};
use events::{
    Command, Kind, ShardId, Topic,
    command::{ActivateRules, ProposeRules, RaiseIncarnation, Tick},
    header,
    profile::Profile,
};
use rdkafka::admin::{AdminOptions, AlterConfig, ResourceSpecifier};

use support::{DEADLINE, admin, connection, make_topic, outgoing, own_broker, take, until, wait};

const PROFILE: Profile = Profile::LOCAL;

#[test]
fn topics_are_planned_made_once_and_then_found_right() {
    let stack = own_broker();
    let connection = connection(&stack);
    let topics = Topics::new(&connection, PROFILE).expect("a client");
    let missing = wait(topics.check()).expect_err("nothing is there").to_string();
    for topic in Topic::ALL {
        let sentence = format!("{topic} does not exist; run `spillway topics apply`");
        assert!(missing.contains(&sentence), "{missing}");
    }

    // A run that ended between the two first records of a shard.
    let interrupted = Partition::of(Topic::Commands(Kind::Orders), 2);
    let settings = PROFILE.settings(Topic::Commands(Kind::Orders));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
    make_topic(&connection, &interrupted.topic, PROFILE.orders_partitions, &settings);
    let propose = ProposeRules {
        revision: FIRST_REVISION,
        rules: FIRST_RULES,
        stream_id: "interrupted".to_owned(),
        parameters: PROFILE.parameters(),
    };
    append(&connection, &interrupted, &propose.clone().into());

    let plan = wait(topics.plan()).expect("a plan");
    assert_eq!(plan.create.len(), Topic::ALL.len() - 1);
    let shards = usize::try_from(PROFILE.orders_partitions + PROFILE.products_partitions);
    assert_eq!(plan.partitions_without_rules().count(), shards.expect("small"));
    let text = plan.to_string();
    assert!(text.contains("create products.commands.v1\n"), "{text}");
    assert!(text.contains("write ActivateRules to orders.commands.v1/2\n"), "{text}");
    assert!(text.contains("write ProposeRules and ActivateRules to orders.commands.v1/0\n"));

    wait(topics.apply(&plan)).expect("applied");
    wait(topics.check()).expect("as it must be");
    let again = wait(topics.plan()).expect("a plan");
    assert!(again.is_empty(), "{again}");
    wait(topics.apply(&again)).expect("nothing to do");

    let mut stream_ids = std::collections::BTreeSet::new();
    for topic in [Topic::Commands(Kind::Orders), Topic::Commands(Kind::Products)] {
        for partition in Partition::all_of(topic, PROFILE.partitions(topic)) {
            let commands = commands(&connection, &partition);
            let [Command::ProposeRules(proposed), Command::ActivateRules(activated)] = &*commands
            else {
                panic!("{partition} holds {commands:?}");
            };
            assert_eq!(proposed.parameters, PROFILE.parameters());
            assert_eq!((proposed.revision, proposed.rules), (FIRST_REVISION, FIRST_RULES));
            assert_eq!(*activated, ActivateRules { revision: FIRST_REVISION });
            stream_ids.insert(proposed.stream_id.clone());
        }
    }
    assert_eq!(stream_ids.len(), 8, "each shard has a stream id of its own");

    a_shard_that_lost_its_log_begins_anew_though_the_first_run_ended_early(&connection, &topics);

    // Somebody changes a setting behind our back.
    let change = AlterConfig::new(ResourceSpecifier::Topic("orders.commands.v1"))
        .set("message.timestamp.type", "CreateTime");
    let options = AdminOptions::new().operation_timeout(Some(DEADLINE));
    wait(admin(&connection).alter_configs([&change], &options)).expect("altered");
    let refused = wait(topics.check()).expect_err("another setting").to_string();
    assert!(
        refused.contains(
            "orders.commands.v1 has message.timestamp.type=CreateTime instead of LogAppendTime; run \
             `kafka-configs"
        ),
        "{refused}"
    );
}

/// The run before has raised the shards that are left, and written one record to the lost one.
fn a_shard_that_lost_its_log_begins_anew_though_the_first_run_ended_early(
    connection: &Connection,
    topics: &Topics,
) {
    let orders = Topic::Commands(Kind::Orders);
    let origin = (header::ORIGIN, "orders/1:0:2:0".to_owned());
    let event = [origin, (header::LINK_SEQUENCE, "1".to_owned())];
    append_with(connection, &Partition::of(Topic::Events(Kind::Orders), 1), b"event", &event);
    let options = AdminOptions::new().operation_timeout(Some(DEADLINE));
    wait(admin(connection).delete_topics(&[orders.name()], &options)).expect("deleted");
    until("the topic is gone", || {
        let plan = wait(topics.plan()).ok()?;
        plan.create.contains(&orders).then_some(())
    });
    let settings = PROFILE.settings(orders);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
    make_topic(connection, orders.name(), PROFILE.orders_partitions, &settings);
    let raise = Command::from(RaiseIncarnation { incarnation: 1 });
    for partition in Partition::all_of(Topic::Commands(Kind::Products), PROFILE.products_partitions)
    {
        append(connection, &partition, &raise);
    }
    let propose = ProposeRules {
        revision: FIRST_REVISION,
        rules: FIRST_RULES,
        stream_id: "interrupted".to_owned(),
        parameters: PROFILE.parameters(),
    };
    append(connection, &Partition::of(orders, 1), &propose.into());

    let plan = wait(topics.plan()).expect("a plan");
    let lost = plan.lost.clone().expect("it is not forgotten");
    assert_eq!((&*lost.shards, lost.incarnation), (&[ShardId::new(Kind::Orders, 1)][..], 1));
    assert!(matches!(wait(topics.apply(&plan)), Err(TopicsError::Lost(_))));
    let rules = || First::rules(PROFILE.parameters());
    let mut refused = plan.clone();
    refused.lost = Some(Lost { kept: vec![ShardId::new(Kind::Orders, 0)], ..lost });
    assert!(matches!(wait(topics.begin_anew(&refused, rules())), Err(TopicsError::Lost(_))));

    wait(topics.begin_anew(&plan, rules())).expect("begun anew");
    let again = wait(topics.plan()).expect("a plan");
    assert!(again.is_empty() && again.lost.is_none(), "{again}");
    for partition in Partition::all_of(orders, PROFILE.orders_partitions) {
        let commands = commands(connection, &partition);
        let [Command::ProposeRules(_), raised, Command::ActivateRules(_)] = &*commands else {
            panic!("{partition} holds {commands:?}");
        };
        assert_eq!(raised, &raise);
    }
    let left = commands(connection, &Partition::of(Topic::Commands(Kind::Products), 0));
    assert_eq!(left[2..], [raise.clone(), raise], "a repeat, which changes nothing");
}

#[test]
fn wrong_topics_are_refused_with_a_sentence_and_left_alone() {
    let stack = own_broker();
    let connection = connection(&stack);
    make_topic(&connection, "products.commands.v1", 3, &[]);
    let topics = Topics::new(&connection, PROFILE).expect("a client");
    let plan = wait(topics.plan()).expect("a plan");
    let refused = wait(topics.apply(&plan)).expect_err("different");
    assert!(matches!(refused, TopicsError::Different(_)));
    let text = refused.to_string();
    assert!(text.contains("products.commands.v1 has 3 partitions instead of 4;"), "{text}");
    assert!(text.contains("message.timestamp.type=CreateTime instead of LogAppendTime"), "{text}");
    assert!(wait(topics.plan()).expect("a plan").create.len() == Topic::ALL.len() - 1);
}

#[test]
fn shards_without_rules_are_refused() {
    let stack = own_broker();
    let connection = connection(&stack);
    let topics = Topics::new(&connection, PROFILE).expect("a client");
    for topic in Topic::ALL {
        let settings = PROFILE.settings(topic);
        let settings: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
        make_topic(&connection, topic.name(), PROFILE.partitions(topic), &settings);
    }
    // A first record that is none of the rules' is as good as none.
    let orders = Topic::Commands(Kind::Orders);
    append(&connection, &Partition::of(orders, 0), &Tick {}.into());
    let propose = |stream_id: &str| ProposeRules {
        revision: FIRST_REVISION,
        rules: FIRST_RULES,
        stream_id: stream_id.to_owned(),
        parameters: PROFILE.parameters(),
    };
    append(&connection, &Partition::of(orders, 1), &propose("a stream").into());
    append(&connection, &Partition::of(orders, 2), &propose("").into());
    let refused = wait(topics.check()).expect_err("no rules").to_string();
    for sentence in [
        "orders.commands.v1/0 holds no ProposeRules and ActivateRules, so its shard has no rules; run \
         `spillway topics apply`",
        "orders.commands.v1/1 holds no ActivateRules, so",
        "the first ProposeRules of orders.commands.v1/2 has no stream id",
        "orders.commands.v1/3 holds no ProposeRules and ActivateRules, so",
    ] {
        assert!(refused.contains(sentence), "{refused}");
    }
    // The tool can write what is missing, and no stream id into a log that has begun.
    let plan = wait(topics.plan()).expect("a plan");
    assert!(matches!(&*plan.differences, [Difference::NoStreamId { .. }]), "{plan}");
}

fn append(connection: &Connection, partition: &Partition, command: &Command) {
    append_with(connection, partition, &command.to_single_object(), &[]);
}

fn append_with(
    connection: &Connection,
    partition: &Partition,
    value: &[u8],
    headers: &[(&'static str, String)],
) {
    let options = producer::Options::commands("test", DEADLINE);
    let (producer, reports) = Producer::start(connection, &options).expect("a producer");
    producer.send(&Outgoing { headers, ..outgoing(partition, value, 0) }).expect("sent");
    assert!(!take(&reports, 1)[0].is_doubt());
}

fn commands(connection: &Connection, partition: &Partition) -> Vec<Command> {
    let mut reader = LogReader::open(connection, "test").expect("a reader");
    let mut commands = Vec::new();
    reader
        .read_to_end(&[(partition.clone(), 0)], DEADLINE, |record| {
            let value = record.value().expect("a value");
            commands.push(Command::from_single_object(value).expect("a command"));
            ControlFlow::Continue(())
        })
        .expect("read");
    commands
}
