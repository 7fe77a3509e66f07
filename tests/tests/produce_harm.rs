//! What a broker that refuses, delays, doubles or cuts Produce requests does to records: five
//! requests in flight lose the first batch of a new producer and report it as delivered; the
//! settings of `eventlog` lose and double nothing.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    ops::ControlFlow,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use devstack::{Options, Parts, Stack};
use eventlog::{
    Connection, LogReader, Outgoing, Partition, Producer, Report, SendError, Topics, producer,
};
use events::{Kind, Topic, profile::Profile};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use rdkafka::{
    ClientConfig, ClientContext,
    message::DeliveryResult,
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext},
};
use spillway_tests::proxy::{Harm, Plan, Proxy};
use tokio::task::spawn_blocking;

const WITHIN: Duration = Duration::from_secs(60);
/// Enough for several requests in flight.
const FEW: usize = 10;
const MANY: usize = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_request_in_flight_keeps_the_first_batch_that_a_broker_refuses()
-> anyhow::Result<()> {
    let broker = Broker::start().await?;

    let partition = broker.partition(0);
    let proxy = broker.proxy(refuse_first).await?;
    let delivered = raw(&proxy, &partition, 5).await?;
    let found = broker.read(&partition).await?;
    assert_eq!(delivered, FEW, "every record was reported as delivered");
    assert!(!found.contains(&0), "the first batch is lost without an error: {found:?}");
    assert_eq!(proxy.count(Harm::Refuse), 1);

    let partition = broker.partition(1);
    let proxy = broker.proxy(refuse_first).await?;
    let delivered = raw(&proxy, &partition, 1).await?;
    assert_eq!((delivered, broker.read(&partition).await?), (FEW, all(FEW)));
    assert_eq!(proxy.count(Harm::Refuse), 1);

    let partition = broker.partition(2);
    let proxy = broker.proxy(refuse_first).await?;
    shipped(&proxy, &partition, FEW).await?;
    assert_eq!(broker.read(&partition).await?, all(FEW));
    assert_eq!(proxy.count(Harm::Refuse), 1);

    broker.stack.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_settings_lose_double_and_reorder_nothing_under_any_harm() -> anyhow::Result<()>
{
    let broker = Broker::start().await?;
    let partition = broker.partition(0);
    let seed = 11;
    let proxy = broker.proxy(move |request| mixed(seed, request)).await?;
    shipped(&proxy, &partition, MANY).await.with_context(|| format!("seed {seed}"))?;
    assert_eq!(broker.read(&partition).await?, all(MANY), "seed {seed}");
    for harm in [Harm::Refuse, Harm::Delay, Harm::Double, Harm::Cut] {
        assert!(proxy.count(harm) > 0, "no {harm:?} with seed {seed}");
    }
    broker.stack.stop().await;
    Ok(())
}

fn refuse_first(request: usize) -> Harm {
    if request == 0 { Harm::Refuse } else { Harm::Forward }
}

/// Every second request or so is harmed in one way or another.
fn mixed(seed: u64, request: usize) -> Harm {
    let mut rng = StdRng::seed_from_u64(seed ^ ((request as u64) << 8));
    match rng.random_range(0..8) {
        0 => Harm::Refuse,
        1 => Harm::Delay,
        2 => Harm::Double,
        3 => Harm::Cut,
        _ => Harm::Forward,
    }
}

fn all(count: usize) -> Vec<usize> {
    (0..count).collect()
}

/// A broker with the topics of a deployment.
struct Broker {
    stack: Stack,
    connection: Connection,
}

impl Broker {
    async fn start() -> anyhow::Result<Self> {
        let parts = Parts { kafka: true, ..Parts::NONE };
        let stack = Stack::start(Options { parts, ..Options::default() }).await?;
        let connection = Connection::new(stack.bootstrap_servers());
        let topics = Topics::new(&connection, Profile::LOCAL)?;
        topics.apply(&topics.plan().await?).await?;
        Ok(Self { stack, connection })
    }

    fn partition(&self, number: i32) -> Partition {
        Partition::of(Topic::Events(Kind::Orders), number)
    }

    async fn proxy(
        &self,
        plan: impl Fn(usize) -> Harm + Send + Sync + 'static,
    ) -> anyhow::Result<Proxy> {
        let broker: SocketAddr = self.stack.bootstrap_servers().parse()?;
        Proxy::start(&[broker], Plan::new(plan)).await
    }

    /// The numbers in a partition, read without the proxy.
    async fn read(&self, partition: &Partition) -> anyhow::Result<Vec<usize>> {
        let (connection, partition) = (self.connection.clone(), partition.clone());
        spawn_blocking(move || {
            let mut numbers = Vec::new();
            let mut reader = LogReader::open(&connection, "spillway-tests")?;
            reader.read_to_end(&[(partition, 0)], WITHIN, |record| {
                numbers.push(String::from_utf8_lossy(record.value().unwrap_or_default()).parse());
                ControlFlow::Continue(())
            })?;
            Ok(numbers.into_iter().collect::<Result<_, _>>()?)
        })
        .await?
    }
}

/// Sends numbers with the producer of `eventlog`; each must be reported as delivered, in order.
async fn shipped(proxy: &Proxy, partition: &Partition, count: usize) -> anyhow::Result<()> {
    let connection = Connection::new(proxy.bootstrap_servers());
    let partition = partition.clone();
    spawn_blocking(move || {
        // A bound on what waits makes many batches of them.
        let options =
            producer::Options { outstanding_max: 20, ..producer::Options::outputs("harmed") };
        let (producer, reports) = Producer::start(&connection, &options)?;
        let mut offsets = BTreeMap::new();
        let mut take = || {
            let report = reports.take_within(WITHIN)?.context("no report in time")?;
            match report {
                Report::Delivered { tag, offset, .. } => offsets.insert(tag, offset),
                other => anyhow::bail!("{other:?}"),
            };
            anyhow::Ok(())
        };
        let mut taken = 0;
        for tag in 0..count {
            let value = tag.to_string();
            let record = Outgoing {
                topic: &partition.topic,
                partition: partition.number,
                key: None,
                value: value.as_bytes(),
                headers: &[],
                tag,
            };
            while let Err(error) = producer.send(&record) {
                ensure!(matches!(error, SendError::QueueFull), "{error}");
                take()?;
                taken += 1;
            }
        }
        for _ in taken..count {
            take()?;
        }
        let expected = (0..count).map(|tag| (tag, i64::try_from(tag).unwrap_or(i64::MAX)));
        ensure!(offsets == expected.collect(), "{offsets:?}");
        Ok(())
    })
    .await?
}

/// Sends a few numbers, each in a batch of its own, with a plain idempotent producer that has so
/// many requests in flight; gives the number of records that were reported as delivered.
async fn raw(proxy: &Proxy, partition: &Partition, in_flight: usize) -> anyhow::Result<usize> {
    let (servers, partition) = (proxy.bootstrap_servers(), partition.clone());
    spawn_blocking(move || {
        let producer: BaseProducer<Deliveries> = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("enable.gapless.guarantee", "true")
            .set("max.in.flight.requests.per.connection", in_flight.to_string())
            .set("linger.ms", "0")
            .set("batch.num.messages", "1")
            .create_with_context(Deliveries::default())?;
        for number in 0..FEW {
            let value = number.to_string();
            let record = BaseRecord::<[u8], str>::to(&partition.topic)
                .partition(partition.number)
                .payload(&*value);
            producer.send(record).map_err(|(error, _)| error)?;
        }
        let deadline = Instant::now() + WITHIN;
        while producer.in_flight_count() > 0 {
            ensure!(Instant::now() < deadline, "not all records were answered for in time");
            producer.poll(Duration::from_millis(50));
        }
        let reports = producer.context().0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(reports.iter().filter(|is_delivered| **is_delivered).count())
    })
    .await?
}

/// Whether each record was reported as delivered.
#[derive(Default)]
struct Deliveries(Mutex<Vec<bool>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(result.is_ok());
    }
}
