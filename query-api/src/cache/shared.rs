//! Redis as a tier that instances share. Optional in every way: what it does not answer at once, or
//! answers strangely, is read from PostgreSQL.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use redis::{
    Client, RedisError, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use super::row::{Facts, Key, Row};
use crate::measure::SHARED_FAILURES;

/// Failures in a row after which Redis is left alone, and for how long.
const FAILURES_MAX: u32 = 3;
const REST: Duration = Duration::from_secs(1);

/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(1);

/// Sets a row unless one of a higher version is there: an instance that was slow must not put an
/// older row over a newer one. The value begins with its version.
const SET: &str = "
    local there = redis.call('GETRANGE', KEYS[1], 0, 19)
    local version = tonumber(string.match(there, '^(%d+) '))
    if version and version > tonumber(ARGV[1]) then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1";

/// How Redis is asked.
#[derive(Debug, Clone, Copy)]
pub struct SharedSettings {
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// The longest that a row is kept, counted from when it was read.
    pub age: Duration,
}

/// A handle; clones share the connection.
#[derive(Clone)]
pub struct Shared(Arc<Inner>);

struct Inner {
    connection: ConnectionManager,
    settings: SharedSettings,
    set: Script,
    breaker: Breaker,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Shared {
    /// Prepares a connection; nothing connects before the first question.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn new(url: &str, settings: SharedSettings) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(settings.timeout))
            // The next question tries again; the breaker keeps them apart.
            .set_number_of_retries(1)
            .set_max_delay(REST);
        let connection = ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?;
        let set = Script::new(SET);
        Ok(Self(Arc::new(Inner { connection, settings, set, breaker: Breaker::default() })))
    }

    /// The row of a generation, if it is there and young enough.
    pub(super) async fn get(&self, key: &Key, generation: i32) -> Option<Row> {
        let mut connection = self.0.connection.clone();
        let name = name(key, generation);
        let mut questions = redis::pipe();
        questions.get(&name).pttl(&name);
        let found: (Option<Vec<u8>>, i64) =
            self.ask(async move { questions.query_async(&mut connection).await }).await?;
        let (Some(value), left_ms) = found else { return None };
        let Some((facts, body)) = read(&value) else {
            metrics::counter!(SHARED_FAILURES, "reason" => "unreadable").increment(1);
            return None;
        };
        let left = Duration::from_millis(u64::try_from(left_ms).ok()?);
        let age = self.0.settings.age.checked_sub(left)?;
        let read_at = Instant::now().checked_sub(age)?;
        (facts.generation == generation).then_some(Row { body, facts, read_at })
    }

    /// Puts a row there, unless one of a higher version is there or it is too old by now.
    pub(super) async fn put(&self, key: &Key, row: &Row) {
        let Some(left) = self.0.settings.age.checked_sub(row.read_at.elapsed()) else { return };
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let Some(value) = write(row).filter(|_| left_ms > 0) else { return };
        let mut connection = self.0.connection.clone();
        let mut set = self.0.set.key(name(key, row.facts.generation));
        set.arg(row.facts.version).arg(value).arg(left_ms);
        let _: Option<i64> = self.ask(async { set.invoke_async(&mut connection).await }).await;
    }

    async fn ask<T>(&self, question: impl Future<Output = Result<T, RedisError>>) -> Option<T> {
        let Inner { settings, breaker, .. } = &*self.0;
        if breaker.is_open() {
            metrics::counter!(SHARED_FAILURES, "reason" => "breaker").increment(1);
            return None;
        }
        let reason = match tokio::time::timeout(settings.timeout, question).await {
            Ok(Ok(answer)) => {
                breaker.succeeded();
                return Some(answer);
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "Redis gave no answer; reading from PostgreSQL.");
                "error"
            }
            Err(_elapsed) => "slow",
        };
        metrics::counter!(SHARED_FAILURES, "reason" => reason).increment(1);
        breaker.failed();
        None
    }
}

/// Leaves Redis alone for a while after failures in a row.
#[derive(Debug, Default)]
struct Breaker {
    failures: AtomicU32,
    until: Mutex<Option<Instant>>,
}

impl Breaker {
    fn is_open(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= FAILURES_MAX
            && self.until.lock().is_ok_and(|until| until.is_some_and(|at| Instant::now() < at))
    }

    fn succeeded(&self) {
        if self.failures.swap(0, Ordering::Relaxed) >= FAILURES_MAX {
            tracing::info!("Redis answers again.");
        }
    }

    fn failed(&self) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures < FAILURES_MAX {
            return;
        }
        if let Ok(mut until) = self.until.lock() {
            *until = Some(Instant::now() + REST);
        }
        if failures == FAILURES_MAX {
            tracing::warn!("Redis does not answer; rows are read from PostgreSQL until it does.");
        }
    }
}

/// A switch of generations changes all names, so that rows of the one before are never found.
fn name(key: &Key, generation: i32) -> String {
    format!("spillway:rows:{}:{generation}:{}", key.projection.as_str(), key.id)
}

/// `VERSION FACTS\nBODY`.
fn write(row: &Row) -> Option<Vec<u8>> {
    let mut value = format!("{} ", row.facts.version).into_bytes();
    // Facts are numbers and texts, which JSON takes.
    serde_json::to_writer(&mut value, &row.facts).ok()?;
    value.push(b'\n');
    value.extend_from_slice(&row.body);
    Some(value)
}

fn read(value: &[u8]) -> Option<(Facts, Bytes)> {
    let end = value.iter().position(|byte| *byte == b'\n')?;
    let (head, body) = (&value[..end], &value[end + 1..]);
    let start = head.iter().position(|byte| *byte == b' ')? + 1;
    let facts = serde_json::from_slice(&head[start..]).ok()?;
    Some((facts, Bytes::copy_from_slice(body)))
}

#[cfg(test)]
mod tests {
    use events::position::Mark;

    use super::*;

    #[test]
    fn a_row_reads_back_and_anything_else_is_no_row() {
        let mark = Mark { incarnation: 1, link_sequence: 7 };
        let facts = Facts { version: 12, generation: 3, partition: 2, mark, parked: None };
        let body = Bytes::from_static(b"{\"name\":\"a\\n\"}");
        let row = Row { body: body.clone(), facts: facts.clone(), read_at: Instant::now() };
        let value = write(&row).unwrap();
        assert!(value.starts_with(b"12 {"));
        assert_eq!(read(&value), Some((facts, body)));
        for bad in [&b""[..], b"12", b"12 {}\n", b"\n", b"x y\nz"] {
            assert_eq!(read(bad), None);
        }
    }

    #[test]
    fn failures_in_a_row_open_the_breaker_and_a_success_closes_it() {
        let breaker = Breaker::default();
        for _ in 1..FAILURES_MAX {
            breaker.failed();
        }
        assert!(!breaker.is_open());
        breaker.failed();
        assert!(breaker.is_open());
        breaker.succeeded();
        assert!(!breaker.is_open());
    }
}
