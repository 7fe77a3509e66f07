//! The load: orders at a fixed rate, each at its time, over kept-alive connections.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::{LINES, PRODUCTS};

/// Connections, and so the most orders that wait for an answer at a time. An order that finds none
/// free waits for one, and that counts as part of its latency.
const CONNECTIONS: usize = 2_000;
/// Longest wait for an answer; command-api's own is shorter.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// One part of the benchmark.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) url: String,
    /// Number of the first order.
    pub(crate) first: u64,
    pub(crate) per_second: f64,
    pub(crate) time: Duration,
}

/// What became of the orders of one part.
#[derive(Debug)]
pub(crate) struct Seen {
    per_second: f64,
    /// From the time of the first order to the last answer.
    took: Duration,
    /// Latencies of definitive answers and of `202`, in microseconds.
    accepted: Histogram<u64>,
    pub(crate) definitive: u64,
    /// Answered `202`: in the log, and not decided within the patience.
    pub(crate) pending: u64,
    /// Answered `429` or `503`.
    pub(crate) turned_away: u64,
    /// Those of them without `Retry-After`.
    pub(crate) untold: u64,
    /// Without an answer.
    pub(crate) broken: u64,
    /// Latencies of those who were turned away, in microseconds.
    refused: Histogram<u64>,
}

pub(crate) fn sku(number: usize) -> String {
    format!("SKU-{:03}", number % PRODUCTS)
}

impl Course {
    pub(crate) fn orders(&self) -> u64 {
        // A few millions at most, and positive.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let orders = (self.per_second * self.time.as_secs_f64()) as u64;
        orders
    }

    /// Runs on a thread and a runtime of its own, so that nothing else delays an order.
    pub(crate) fn run(self) -> anyhow::Result<Seen> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, self.go())
    }

    async fn go(self) -> anyhow::Result<Seen> {
        let address = self.url.trim_start_matches("http://").to_owned();
        let mut streams = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS.min(usize::try_from(self.orders())?) {
            streams.push(connect(&address).await?);
        }
        let seen = Rc::new(RefCell::new(Seen::of(self.per_second)?));
        let next = Rc::new(Cell::new(0));
        let course = Rc::new(self);
        let begun = Instant::now();
        let mut customers = JoinSet::new();
        for stream in streams {
            let (seen, next) = (Rc::clone(&seen), Rc::clone(&next));
            let (course, address) = (Rc::clone(&course), address.clone());
            let customer = Customer { stream, address, buffer: Vec::new(), request: String::new() };
            customers.spawn_local(customer.go(course, begun, next, seen));
        }
        while let Some(ended) = customers.join_next().await {
            ended??;
        }
        let mut seen = Rc::into_inner(seen).context("a customer is left")?.into_inner();
        seen.took = begun.elapsed();
        Ok(seen)
    }

    /// When an order comes, counted from the beginning.
    fn due(&self, number: u64) -> Duration {
        // Exact below 2^53 orders.
        #[allow(clippy::cast_precision_loss)]
        Duration::from_secs_f64(number as f64 / self.per_second)
    }
}

/// One connection; it takes the next order whenever it is free.
struct Customer {
    stream: TcpStream,
    address: String,
    buffer: Vec<u8>,
    request: String,
}

/// The head of an answer, as far as it matters.
struct Head {
    status: u16,
    says_when: bool,
}

impl Customer {
    async fn go(
        mut self,
        course: Rc<Course>,
        begun: Instant,
        next: Rc<Cell<u64>>,
        seen: Rc<RefCell<Seen>>,
    ) -> anyhow::Result<()> {
        while next.get() < course.orders() {
            let number = next.replace(next.get() + 1);
            let due = begun + course.due(number);
            sleep_until(due).await;
            self.write_order(course.first + number);
            match timeout(ANSWER_WITHIN, self.ask()).await {
                Ok(Ok(head)) => seen.borrow_mut().note(&head, due.elapsed()),
                Ok(Err(_)) | Err(_) => {
                    seen.borrow_mut().broken += 1;
                    self.stream = connect(&self.address).await?;
                }
            }
        }
        Ok(())
    }

    fn write_order(&mut self, number: u64) {
        let mut body = String::with_capacity(64 * LINES);
        body.push_str(r#"{"currency":"EUR","lines":["#);
        for line in 0..LINES {
            // Any order has every product at most once.
            let which = usize::try_from(number).unwrap_or_default() * 7 + line * 9;
            let comma = if line == 0 { "" } else { "," };
            // Writing to a string does not fail, here as below.
            let _ = write!(body, r#"{comma}{{"sku":"{}","quantity":1}}"#, sku(which));
        }
        body.push_str("]}");
        self.request.clear();
        let _ = write!(
            self.request,
            "POST /v1/orders HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\n\
             idempotency-key: order-{number}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
    }

    async fn ask(&mut self) -> anyhow::Result<Head> {
        self.stream.write_all(self.request.as_bytes()).await?;
        self.buffer.clear();
        let end = loop {
            let searched = self.buffer.len().saturating_sub(3);
            let read = self.stream.read_buf(&mut self.buffer).await?;
            anyhow::ensure!(read > 0, "closed");
            let found = self.buffer[searched..].windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(at) = found {
                break searched + at + 4;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..end])?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        let header = |name: &str| {
            let of_name = |line: &&str| {
                line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
            };
            head.lines().find(of_name).map(|line| line[name.len()..].trim().to_owned())
        };
        let length: usize = header("content-length:").context("no length")?.parse()?;
        let found = Head { status, says_when: header("retry-after:").is_some() };
        while self.buffer.len() < end + length {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            anyhow::ensure!(read > 0, "closed");
        }
        Ok(found)
    }
}

async fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let mut tries = 0;
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) if tries == 50 => return Err(error.into()),
            Err(_) => {
                tries += 1;
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Seen {
    fn of(per_second: f64) -> anyhow::Result<Self> {
        // Three digits, from a microsecond to two minutes.
        let histogram = || Histogram::new_with_bounds(1, 120_000_000, 3);
        Ok(Self {
            per_second,
            took: Duration::ZERO,
            accepted: histogram()?,
            definitive: 0,
            pending: 0,
            turned_away: 0,
            untold: 0,
            broken: 0,
            refused: histogram()?,
        })
    }

    fn note(&mut self, head: &Head, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        match head.status {
            201 | 409 => {
                self.definitive += 1;
                self.accepted.saturating_record(us);
            }
            202 => {
                self.pending += 1;
                self.accepted.saturating_record(us);
            }
            429 | 503 => {
                self.turned_away += 1;
                self.untold += u64::from(!head.says_when);
                self.refused.saturating_record(us);
            }
            _ => self.broken += 1,
        }
    }

    pub(crate) fn definitive_per_s(&self) -> f64 {
        // Exact below 2^53 answers.
        #[allow(clippy::cast_precision_loss)]
        let answers = self.definitive as f64;
        answers / self.took.as_secs_f64()
    }

    pub(crate) fn p99(&self) -> Duration {
        Duration::from_micros(self.accepted.value_at_quantile(0.99))
    }

    pub(crate) fn print_head() {
        println!(
            "{:>9} {:>12} {:>8} {:>11} {:>7} | accepted, ms: {:>7} {:>7} {:>7} {:>7} | away, ms: \
             {:>7} {:>7}",
            "orders/s",
            "definitive/s",
            "pending",
            "turned away",
            "broken",
            "p50",
            "p90",
            "p99",
            "max",
            "p50",
            "p99"
        );
    }

    pub(crate) fn print(&self) {
        let ms = |histogram: &Histogram<u64>, quantile: f64| {
            Duration::from_micros(histogram.value_at_quantile(quantile)).as_secs_f64() * 1e3
        };
        println!(
            "{:>9.0} {:>12.0} {:>8} {:>11} {:>7} |               {:>7.1} {:>7.1} {:>7.1} {:>7.1} |           \
             {:>7.1} {:>7.1}",
            self.per_second,
            self.definitive_per_s(),
            self.pending,
            self.turned_away,
            self.broken,
            ms(&self.accepted, 0.5),
            ms(&self.accepted, 0.9),
            ms(&self.accepted, 0.99),
            ms(&self.accepted, 1.0),
            ms(&self.refused, 0.5),
            ms(&self.refused, 0.99),
        );
    }
}
