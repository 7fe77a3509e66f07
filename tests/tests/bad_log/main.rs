//! Records that nobody should have written stop nothing, and each leaves a trace.

mod transactions;

use std::collections::BTreeMap;

use anyhow::Context as _;
use eventlog::Partition;
use events::{
    Command, Kind, Topic,
    codec::{Confluent, Record as _},
    command::PlaceOrder,
    dead_letter::CommandDeadLetter,
    header::{self, Headers},
    line::OrderLine,
    partitioner::shard_of,
    profile::Profile,
    reply::{Answer as Said, Reply},
};
use spillway_tests::{CURRENCY, Client, RawRecord, System, SystemOptions, until};
use uuid::Uuid;

const ORDERS: Topic = Topic::Commands(Kind::Orders);
const PARTITIONS: i32 = Profile::LOCAL.orders_partitions;

/// Where the replies to bad commands go, and the correlation of the first one.
const REPLIES: i32 = 1;

#[tokio::test]
async fn foreign_records_are_put_aside_and_everything_else_goes_on() -> anyhow::Result<()> {
    let system = System::start(SystemOptions::default()).await?;
    let client = system.client()?;
    client.stock("A", 500, 1_000).await?;
    orders_go_on_in_every_shard(&client, "before").await?;

    let commands = bad_commands_are_dead_letters(&system, &client).await?;
    orders_go_on_in_every_shard(&client, "between").await?;
    let (foreign, letters) = bad_outputs_are_put_aside(&system).await?;
    orders_go_on_in_every_shard(&client, "after").await?;

    the_metrics_count_them(&system, commands, letters).await?;
    the_tail_shows_what_it_cannot_read(&system, foreign).await?;
    let strangers = transactions::a_marker_in_the_log_stops_nothing(&system, &client).await?;
    system.settle().await?;
    let verdict = system.tool.verify().await?.is_ok();
    assert_eq!(verdict.count("dead_letters"), commands + strangers);
    assert_eq!(verdict.count("foreign"), foreign);
    assert_eq!(verdict.count("orders"), 5 * u64::from(PARTITIONS.unsigned_abs()));
    system.stop().await
}

/// A bad record of a command topic, with the class of its dead letter.
struct Bad {
    key: Option<String>,
    value: Vec<u8>,
    /// As a client's record has them, so that somebody waits for a reply; else without any.
    is_addressed: bool,
    class: &'static str,
}

fn bad_commands(partition: i32) -> anyhow::Result<Vec<Bad>> {
    let order = |order_id: &str| {
        let line = OrderLine { line: 1, sku: "A".to_owned(), quantity: 1, unit_price_max: None };
        let order = PlaceOrder {
            order_id: order_id.to_owned(),
            customer_id: None,
            currency: CURRENCY.to_owned(),
            lines: vec![line],
        };
        Command::from(order).to_single_object()
    };
    // The marker and eight bytes that are the fingerprint of nothing.
    let unknown = [&[0xC3, 0x01][..], b"nothing!", b"and a body"].concat();
    let stray = id_in((partition + 1) % PARTITIONS, "o-stray")?;
    let bad = |key: Option<&str>, value: Vec<u8>, classes: [&'static str; 2]| {
        [(false, classes[0]), (true, classes[1])].map(|(is_addressed, class)| Bad {
            key: key.map(str::to_owned),
            value: value.clone(),
            is_addressed,
            class,
        })
    };
    // Without a return address a readable command still lacks its id, which makes it none of ours.
    let all = [
        bad(Some("o-garbage"), b"\xff\x00garbage".to_vec(), ["undecodable", "undecodable"]),
        bad(Some("o-unknown"), unknown, ["unknown-schema", "unknown-schema"]),
        bad(None, order("o-no-key"), ["not-a-command", "null-key"]),
        bad(Some("o-other"), order("o-one"), ["not-a-command", "wrong-key"]),
        bad(Some(&stray), order(&stray), ["not-a-command", "wrong-partition"]),
    ];
    Ok(all.into_iter().flatten().collect())
}

/// Gives the number of bad commands.
async fn bad_commands_are_dead_letters(system: &System, client: &Client) -> anyhow::Result<u64> {
    let partition = Partition::of(ORDERS, 0);
    let mut expected = BTreeMap::new();
    let mut commands = Vec::new();
    for (number, bad) in (1_u128..).zip(bad_commands(partition.number)?) {
        let id = Uuid::from_u128(number);
        let record = RawRecord {
            partition: partition.clone(),
            key: bad.key.map(String::into_bytes),
            value: bad.value,
            headers: if bad.is_addressed { client_headers(id) } else { Headers::new() },
        };
        expected.insert(system.log.append(record).await?, bad.class.to_owned());
        if bad.is_addressed {
            commands.push(id);
        }
    }
    until("every bad command has its dead letter", async || {
        let letters = system.log.read_topic(Topic::CommandDeadLetters).await?;
        let mut found = BTreeMap::new();
        for letter in letters {
            let letter = CommandDeadLetter::from_single_object(letter.value().unwrap_or_default())?;
            assert_eq!((&*letter.topic, letter.partition), (&*partition.topic, partition.number));
            assert!(!letter.message.is_empty());
            found.insert(letter.offset, letter.error_class);
        }
        anyhow::ensure!(found.len() == expected.len(), "{found:?}");
        assert_eq!(found, expected);
        Ok(())
    })
    .await?;
    // Replies go to another partition than the dead letters, maybe a moment later.
    let look = async || whoever_waits_gets_a_refusal(system, &commands).await;
    until("every reply is there", look).await?;
    for id in &commands {
        let outcome = until("the outcome is shown", async || {
            let outcome = client.get(&format!("/v1/commands/{id}")).await?;
            anyhow::ensure!(outcome.status == 200, "{}", outcome.body);
            Ok(outcome)
        })
        .await?;
        assert_eq!(outcome.body["status"], "refused", "{}", outcome.body);
        assert_eq!(outcome.body["refusal"]["code"], "undecodable", "{}", outcome.body);
    }
    Ok(u64::try_from(expected.len())?)
}

async fn whoever_waits_gets_a_refusal(system: &System, commands: &[Uuid]) -> anyhow::Result<()> {
    let records = system.log.read(Partition::of(Topic::Replies, REPLIES)).await?;
    let mut replies = BTreeMap::new();
    for record in records {
        let reply = Reply::from_single_object(record.value().unwrap_or_default())?;
        replies.insert(reply.correlation.clone(), reply);
    }
    for id in commands {
        let correlation = format!("{:032x}", id.as_u128());
        let reply = replies.get(&correlation).with_context(|| format!("no reply to {id}"))?;
        assert_eq!((&reply.command_id, reply.answer), (&id.to_string(), Said::Decided));
        let refusal = reply.outcome.as_ref().and_then(|outcome| outcome.refusal.as_ref());
        assert_eq!(refusal.map(|refusal| &*refusal.code), Some("undecodable"), "{reply:?}");
    }
    Ok(())
}

/// Projection, topic, offset, class, value and attempts of a projection's dead letter.
type Letter = (String, String, i64, String, Option<Vec<u8>>, i32);

/// Gives the number of foreign records, and that of their dead letters: each reader has its own.
async fn bad_outputs_are_put_aside(system: &System) -> anyhow::Result<(u64, u64)> {
    let topics: [(Topic, &[&str]); 3] = [
        (Topic::Events(Kind::Orders), &["orders", "customers", "sales"]),
        (Topic::Events(Kind::Products), &["products"]),
        (Topic::Outcomes(Kind::Orders), &["outcomes"]),
    ];
    let (mut expected, mut foreign) = (BTreeMap::new(), 0);
    for (topic, readers) in topics {
        // Garbage; and a whole event of somebody else, with a schema that the registry lacks.
        let unknown = Confluent::frame(4_000_000, b"a body");
        for (value, headers) in [(b"garbage".to_vec(), Headers::new()), (unknown, cloud_event())] {
            let partition = Partition::of(topic, 2);
            let key = Some(b"whose".to_vec());
            let offset = system
                .log
                .append(RawRecord { partition, key, value: value.clone(), headers })
                .await?;
            foreign += 1;
            for reader in readers {
                let letter = ((*reader).to_owned(), topic.name().to_owned(), offset);
                expected.insert(letter, value.clone());
            }
        }
    }
    until("every foreign record has its dead letter", async || {
        let letters: Vec<Letter> = sqlx::query_as(
            "SELECT projection, topic, kafka_offset, error_class, value, attempts FROM dead_letters",
        )
        .fetch_all(&system.rows)
        .await?;
        anyhow::ensure!(letters.len() == expected.len(), "{letters:?}");
        for (projection, topic, offset, class, value, attempts) in letters {
            assert_eq!((&*class, attempts), ("foreign-record", 1));
            assert_eq!(expected.get(&(projection, topic, offset)), value.as_ref());
        }
        Ok(())
    })
    .await?;
    // A record of nobody names no key of ours, so none waits behind it.
    let parked: i64 =
        sqlx::query_scalar("SELECT count(*) FROM parked_keys").fetch_one(&system.rows).await?;
    assert_eq!(parked, 0);
    // No projection reads replies; edges pass over what they did not ask for.
    let stray = RawRecord {
        partition: Partition::of(Topic::Replies, REPLIES),
        key: None,
        value: b"garbage".to_vec(),
        headers: Headers::new(),
    };
    system.log.append(stray).await?;
    Ok((foreign + 1, u64::try_from(expected.len())?))
}

async fn orders_go_on_in_every_shard(client: &Client, when: &str) -> anyhow::Result<()> {
    for partition in 0..PARTITIONS {
        let order_id = id_in(partition, &format!("o-{when}"))?;
        let placed = client.place(&order_id, &[("A", 1)]).await?.is(201);
        let paid = client.pay(&order_id, &placed).await?.is(200);
        let shown = client.get_after(&paid, &format!("/v1/orders/{order_id}")).await?.is(200);
        assert_eq!(shown.body["status"], "paid");
    }
    Ok(())
}

async fn the_metrics_count_them(
    system: &System,
    commands: u64,
    letters: u64,
) -> anyhow::Result<()> {
    let sum = async |url: &str, name: &str, label: &str| {
        let metrics = Client::new(url, url)?.get("/metrics").await?.is(200);
        let lines = metrics.body.as_str().unwrap_or_default().lines();
        let lines = lines.filter(|line| line.starts_with(name) && line.contains(label));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
        anyhow::Ok(values.sum::<u64>())
    };
    let command_api = system.command_apis[0].url();
    let counted = sum(command_api, "spillway_shard_notices_total", "\"dead-letter\"").await?;
    assert_eq!(counted, commands);
    let projector = system.projectors[0].url();
    let counted = sum(projector, "projector_dead_letters_total", "\"foreign-record\"").await?;
    assert_eq!(counted, letters);
    Ok(())
}

async fn the_tail_shows_what_it_cannot_read(system: &System, foreign: u64) -> anyhow::Result<()> {
    let foreigners = system.tool.lines(&["tail", "--until-end", "--key", "whose"]).await?;
    assert_eq!(foreigners.len() as u64, foreign - 1, "all but the reply: {foreigners:#?}");
    let garbage = ["tail", "--no-follow", "--only", "commands", "--key", "o-garbage"];
    let commands = system.tool.lines(&garbage).await?;
    assert_eq!(commands.len(), 2, "{commands:#?}");
    for line in foreigners.iter().chain(&commands) {
        assert!(line["body"].is_null() && line["unreadable"].is_string(), "{line:#}");
    }
    let everything = system.tool.lines(&["tail", "--until-end"]).await?;
    assert!(everything.iter().any(|line| line["what"] == "dead-letter"));
    Ok(())
}

/// An order id that belongs to this partition.
fn id_in(partition: i32, prefix: &str) -> anyhow::Result<String> {
    (0..)
        .map(|n| format!("{prefix}-{n}"))
        .find(|id| shard_of(Kind::Orders, id, PARTITIONS).partition == partition)
        .context("no id for the shard")
}

/// Headers as an edge writes them; the correlation is the command's id.
fn client_headers(id: Uuid) -> Headers {
    vec![
        (header::COMMAND, id.to_string()),
        (header::CALLER, "anonymous".to_owned()),
        (header::ISSUED_AT, chrono::Utc::now().timestamp_millis().to_string()),
        (header::REPLY_TO, format!("{REPLIES}:{:032x}", id.as_u128())),
    ]
}

/// Headers of an event that another system may write; it has no origin among our shards.
fn cloud_event() -> Headers {
    vec![
        (header::CE_SPECVERSION, "1.0".to_owned()),
        (header::CE_ID, "4711".to_owned()),
        (header::CE_SOURCE, "/elsewhere".to_owned()),
        (header::CE_TYPE, "elsewhere.events.OrderPlaced".to_owned()),
        (header::CE_TIME, "2026-11-27T09:00:00.000Z".to_owned()),
        (header::CONTENT_TYPE, header::AVRO.to_owned()),
    ]
}
