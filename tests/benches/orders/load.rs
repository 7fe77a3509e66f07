//! A closed load: clients that place an order, wait for the definitive answer, and place the next.
//!
//! Plain HTTP/1.1 over kept connections and one thread: the less the load itself takes, the more of
//! two cores is left for the system.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use uuid::Uuid;

/// What is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// One piece of the hot product; the answer is 201.
    Order,
    /// An order of no lines; the answer is 400, before the log.
    Nothing,
}

impl Wish {
    fn status(self) -> &'static [u8] {
        match self {
            Wish::Order => b"201",
            Wish::Nothing => b"400",
        }
    }

    fn body(self, sku: &str) -> String {
        match self {
            Wish::Order => {
                format!(r#"{{"currency":"EUR","lines":[{{"sku":"{sku}","quantity":1}}]}}"#)
            }
            Wish::Nothing => r#"{"currency":"EUR","lines":[]}"#.to_owned(),
        }
    }
}

/// The answers of one stretch of load.
#[derive(Debug)]
pub(crate) struct Answers {
    /// From request to answer, in microseconds.
    pub(crate) times: Histogram<u64>,
    pub(crate) took: Duration,
    /// Refused by admission, and asked again.
    pub(crate) busy: u64,
}

/// How long a client waits before it asks again when it was refused as one too many.
const AGAIN: Duration = Duration::from_millis(50);

impl Answers {
    pub(crate) fn none() -> anyhow::Result<Self> {
        let times = Histogram::new_with_bounds(1, 60_000_000, 3)?;
        Ok(Self { times, took: Duration::ZERO, busy: 0 })
    }

    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.took += other.took;
        self.busy += other.busy;
        Ok(self.times.add(&other.times)?)
    }

    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }

    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn ms(&self, percent: f64) -> f64 {
        self.times.value_at_percentile(percent) as f64 / 1e3
    }
}

/// So many clients, for so long; every answer must be the one that is expected, or 429.
pub(crate) async fn run(
    url: &str,
    sku: &str,
    wish: Wish,
    clients: usize,
    lasts: Duration,
) -> anyhow::Result<Answers> {
    let address = url.strip_prefix("http://").context("a base URL over plain HTTP")?;
    let began = Instant::now();
    let until = began + lasts;
    let clients = (0..clients).map(|_| client(address, sku, wish, until));
    let mut all = Answers::none()?;
    for answers in try_join_all(clients).await? {
        all.add(&answers)?;
    }
    all.took = began.elapsed();
    Ok(all)
}

async fn client(address: &str, sku: &str, wish: Wish, until: Instant) -> anyhow::Result<Answers> {
    let mut answers = Answers::none()?;
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let body = wish.body(sku);
    let head = format!(
        "POST /v1/orders HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nidempotency-key: ",
        body.len()
    );
    let mut buffer = Vec::with_capacity(4096);
    while Instant::now() < until {
        let request = format!("{head}{}\r\n\r\n{body}", Uuid::new_v4());
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        if answer(&mut stream, &mut buffer, wish).await? {
            answers.times.saturating_record(u64::try_from(began.elapsed().as_micros())?);
        } else {
            answers.busy += 1;
            tokio::time::sleep(AGAIN).await;
        }
    }
    Ok(answers)
}

/// Reads one answer to its end; false for a refusal by admission, which is no answer to the order.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>, wish: Wish) -> anyhow::Result<bool> {
    buffer.clear();
    loop {
        ensure!(stream.read_buf(buffer).await? > 0, "the connection was closed");
        let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end])?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let length: usize = length.context("an answer without its length")?;
        if buffer.len() < end + 4 + length {
            continue;
        }
        let status = buffer.get(9..12);
        let text = String::from_utf8_lossy(buffer);
        let is_busy = status == Some(b"429");
        ensure!(is_busy || status == Some(wish.status()), "an unexpected answer: {text}");
        return Ok(!is_busy);
    }
}
