//! The real stack, each part used for what it is there for.
#![allow(clippy::unwrap_used, reason = "a refusal fails the test")]

mod common;

use std::{net::Ipv4Addr, time::Duration};

use common::{eventually, kafka};
use devstack::{Error, Load, Options, Parts, Stack, http};
use sqlx::{Connection as _, PgConnection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

const SOON: Duration = Duration::from_secs(60);
const SCHEMA: &str = r#"{"schema": "{\"type\":\"record\",\"name\":\"Thing\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"}]}"}"#;
/// A field without a default: neither old nor new readers get along with it.
const INCOMPATIBLE: &str = r#"{"schema": "{\"type\":\"record\",\"name\":\"Thing\",\"fields\":[{\"name\":\"name\",\"type\":\"string\"}]}"}"#;

async fn start(options: Options) -> Stack {
    Stack::start(options).await.unwrap()
}

/// Registers `schema` and returns its id, or the refusing status.
async fn register(stack: &Stack, schema: &str) -> Result<i64, u16> {
    let url = format!("{}/subjects/things/versions", stack.registry_url());
    let (status, body) = http::send(::http::Method::POST, &url, Some(schema)).await.unwrap();
    if !status.is_success() {
        return Err(status.as_u16());
    }
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    Ok(body["id"].as_i64().unwrap())
}

/// Whether the registry knows the id. It may be away for a moment.
async fn knows(stack: &Stack, id: i64) -> bool {
    let url = format!("{}/schemas/ids/{id}", stack.registry_url());
    http::get(&url).await.is_ok_and(|(status, body)| {
        status.is_success() && String::from_utf8_lossy(&body).contains("Thing")
    })
}

async fn things(url: &str) -> sqlx::Result<i64> {
    let mut database = PgConnection::connect(url).await?;
    sqlx::query("create table if not exists things (id bigint)").execute(&mut database).await?;
    let count = sqlx::query_scalar("select count(*) from things").fetch_one(&mut database).await?;
    sqlx::query("insert into things values (1)").execute(&mut database).await?;
    database.close().await?;
    Ok(count)
}

async fn pong(stack: &Stack) -> std::io::Result<String> {
    let url = stack.redis_url();
    let mut redis = TcpStream::connect(url.trim_start_matches("redis://")).await?;
    redis.write_all(b"PING\r\n").await?;
    let mut answer = [0; 7];
    redis.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn every_part_serves_and_nothing_is_left_of_a_stack_that_keeps_nothing() {
    let stack = start(Options::default()).await;
    let kafka = stack.bootstrap_servers();
    assert_eq!(kafka::create_topic(&kafka, "orders.events.v1", 1).await.unwrap(), 0);
    assert_eq!(kafka::cluster(&kafka).await.unwrap().brokers, [1]);

    let id = register(&stack, SCHEMA).await.unwrap();
    assert!(knows(&stack, id).await);
    assert_eq!(register(&stack, SCHEMA).await, Ok(id));
    assert_eq!(register(&stack, INCOMPATIBLE).await, Err(409));

    assert_eq!(things(&stack.postgres_url()).await.unwrap(), 0);
    let own = stack.create_database("a \"quoted\" name").await;
    assert!(own.is_ok(), "{own:?}");
    let own = stack.create_database("own").await.unwrap();
    assert_eq!(stack.create_database("own").await.unwrap(), own);
    assert_eq!(things(&own).await.unwrap(), 0);
    assert_eq!(pong(&stack).await.unwrap(), "+PONG\r\n");

    let names: Vec<_> = stack.env().into_iter().map(|(name, _)| name).collect();
    let expected = ["KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL", "DATABASE_URL", "REDIS_URL"];
    assert_eq!(names, expected);
    let dir = stack.dir().to_owned();
    let processes: Vec<u32> = stack.processes().filter_map(devstack::Process::id).collect();
    assert_eq!(processes.len(), 4);
    stack.stop().await;
    assert!(!dir.exists());
    assert!(processes.into_iter().all(|id| !common::runs(id)));
}

#[tokio::test]
async fn kept_data_of_all_parts_is_there_again_and_serves_one_stack_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { data_dir: Some(folder.path().join("data")), ..Options::default() };
    let stack = start(Options { durable: true, load: Load::Heavy, ..options.clone() }).await;
    let topic = "orders.commands.v1";
    assert_eq!(kafka::create_topic(&stack.bootstrap_servers(), topic, 1).await.unwrap(), 0);
    let id = register(&stack, SCHEMA).await.unwrap();
    assert_eq!(things(&stack.postgres_url()).await.unwrap(), 0);
    let refused = Stack::start(options.clone()).await.unwrap_err();
    assert!(matches!(refused, Error::DataInUse(_)), "{refused}");
    stack.stop().await;

    let stack = start(options.clone()).await;
    let cluster = kafka::cluster(&stack.bootstrap_servers()).await.unwrap();
    assert!(cluster.topics.contains(&topic.to_owned()), "{cluster:?}");
    assert!(knows(&stack, id).await);
    assert_eq!(things(&stack.postgres_url()).await.unwrap(), 1);
    // As after a crash of the owner: nothing is stopped in order.
    drop(stack);

    let refused = Stack::start(Options { brokers: 3, ..options.clone() }).await.unwrap_err();
    assert!(matches!(refused, Error::BrokersDiffer { kept: 1, asked: 3, .. }), "{refused}");
    let stack = start(options).await;
    assert_eq!(things(&stack.postgres_url()).await.unwrap(), 2);
    assert!(knows(&stack, id).await);
    stack.stop().await;
}

#[tokio::test]
async fn stacks_side_by_side_share_nothing() {
    let parts = Parts { kafka: true, postgres: true, ..Parts::NONE };
    let options = Options { parts, ..Options::default() };
    let (first, second) = tokio::join!(start(options.clone()), start(options));
    let topic = "products.events.v1";
    assert_eq!(kafka::create_topic(&first.bootstrap_servers(), topic, 1).await.unwrap(), 0);
    assert_eq!(kafka::cluster(&second.bootstrap_servers()).await.unwrap().topics, [""; 0]);
    assert_eq!(things(&first.postgres_url()).await.unwrap(), 0);
    assert_eq!(things(&second.postgres_url()).await.unwrap(), 0);
    assert!(!first.redis().is_running());
    tokio::join!(first.stop(), second.stop());
}

#[tokio::test]
async fn schema_ids_survive_a_killed_registry_and_a_killed_database() {
    let parts = Parts { registry: true, redis: true, ..Parts::NONE };
    let stack = start(Options { parts, ..Options::default() }).await;
    let id = register(&stack, SCHEMA).await.unwrap();
    stack.registry().kill().await.unwrap();
    assert!(!knows(&stack, id).await);
    stack.registry().start().await.unwrap();
    assert!(knows(&stack, id).await);
    assert_eq!(register(&stack, INCOMPATIBLE).await, Err(409));

    stack.postgres().kill().await.unwrap();
    stack.postgres().start().await.unwrap();
    eventually("the registry finds its database again", SOON, async || knows(&stack, id).await)
        .await;
    stack.redis().kill().await.unwrap();
    stack.redis().start().await.unwrap();
    assert_eq!(pong(&stack).await.unwrap(), "+PONG\r\n");
    stack.stop().await;
}

#[tokio::test]
async fn every_part_that_loses_its_port_says_so() {
    let stack = start(Options::default()).await;
    let parts = [
        (&stack.brokers()[0], stack.bootstrap_servers()),
        (stack.registry(), stack.registry_url()),
        (stack.redis(), stack.redis_url()),
        (stack.postgres(), stack.postgres_url()),
    ];
    for (part, url) in parts {
        part.kill().await.unwrap();
        let (_, rest) = url.rsplit_once(':').unwrap();
        let port: u16 = rest.split('/').next().unwrap().parse().unwrap();
        let _stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let refused = part.start().await.unwrap_err();
        assert!(refused.is_port_clash(), "{refused}");
        assert!(!part.is_running());
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_cluster_of_three_goes_on_without_one_and_takes_it_back() {
    let parts = Parts { kafka: true, ..Parts::NONE };
    let stack = start(Options { brokers: 3, parts, ..Options::default() }).await;
    let servers = stack.bootstrap_servers();
    let first = servers.split(',').next().unwrap();
    let consists_of = async |brokers: &[i32]| {
        kafka::cluster(first).await.is_ok_and(|cluster| cluster.brokers == brokers)
    };
    eventually("three brokers", SOON, async || consists_of(&[1, 2, 3]).await).await;
    assert_eq!(kafka::create_topic(first, "orders.commands.v1", 3).await.unwrap(), 0);
    stack.brokers()[2].kill().await.unwrap();
    eventually("two brokers", SOON, async || consists_of(&[1, 2]).await).await;
    stack.brokers()[2].start().await.unwrap();
    eventually("three brokers again", SOON, async || consists_of(&[1, 2, 3]).await).await;
    stack.stop().await;
}
