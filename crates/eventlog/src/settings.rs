//! Every client setting, spelled out with its reason, also where it equals the default.

use std::time::Duration;

use events::profile::RECORD_BYTES_MAX;
use rdkafka::ClientConfig;

use crate::Connection;

/// Bound on one question to a broker (metadata, watermarks, committed offsets).
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What a batch adds to its largest record. A broker measures the whole batch against the topic's
/// `max.message.bytes`, so the client must refuse a little earlier: an oversized record is then an
/// error of the call that sends it, and not a doubt minutes later.
pub(crate) const BATCH_FRAME_BYTES: usize = 1024;

/// The largest record that a producer takes, headers included.
pub const SEND_BYTES_MAX: usize = RECORD_BYTES_MAX - BATCH_FRAME_BYTES;

/// Most bytes that wait in one producer, in KiB.
const PRODUCER_QUEUE_KBYTES_MAX: usize = 256 << 10;

const COMMON: &[(&str, &str)] = &[
    // A typing error in a name must fail, not make a topic with the broker's defaults.
    ("allow.auto.create.topics", "false"),
    // Small requests leave at once.
    ("socket.nagle.disable", "true"),
    // Notices a peer that vanished without a word behind a load balancer.
    ("socket.keepalive.enable", "true"),
    // A broker that stops answering is given up, and asked again, within this time; above the
    // longest time that a broker may rightly take (`request.timeout.ms`).
    ("socket.timeout.ms", "15000"),
    // A restarted broker is found again quickly; the bound keeps a dead one cheap.
    ("reconnect.backoff.ms", "50"),
    ("reconnect.backoff.max.ms", "1000"),
    ("retry.backoff.ms", "50"),
    ("retry.backoff.max.ms", "1000"),
    // Closed connections are reported as errors where they matter.
    ("log.connection.close", "false"),
    // Our own metrics say what we need; nothing is pushed to the brokers.
    ("enable.metrics.push", "false"),
];

const PRODUCER: &[(&str, &str)] = &[
    // PROTOCOL 1: a retried batch is written once.
    ("enable.idempotence", "true"),
    // PROTOCOL 1: an acknowledged record is on every in-sync replica.
    ("acks", "all"),
    // PROTOCOL 1: a broker that does not know this producer accepts any first sequence. With more
    // than one request in flight it may refuse the first batch, accept the second, and the first is
    // reported as delivered though it is lost.
    ("max.in.flight.requests.per.connection", "1"),
    // PROTOCOL 1: what could leave a hole stops the producer instead.
    ("enable.gapless.guarantee", "true"),
    // Retries end only with the record's own timeout.
    ("message.send.max.retries", "2147483647"),
    // How long a broker may wait for its replicas before it answers that it timed out.
    ("request.timeout.ms", "10000"),
    // Headers repeat from record to record and shrink well; lz4 costs the least time.
    ("compression.type", "lz4"),
    // A batch is delivered as a whole, so it stays below what a topic takes.
    ("batch.size", "524288"),
    ("batch.num.messages", "10000"),
    // Partitions are always explicit; this is the Java client's rule, should one ever not be.
    ("partitioner", "murmur2_random"),
];

const CONSUMER: &[(&str, &str)] = &[
    // PROTOCOL 5: an offset that the log does not hold is an error, never a jump.
    ("auto.offset.reset", "error"),
    // PROTOCOL 5: only the owner commits, and only its frontier.
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // There are no transactions here. A foreign one left open must not hold back every reader.
    ("isolation.level", "read_uncommitted"),
    // Ends are known from the watermarks.
    ("enable.partition.eof", "false"),
    // A broken record must not be decided upon.
    ("check.crcs", "true"),
    // The broker answers as soon as there is one byte. The wait only bounds how soon a partition
    // that was just started or resumed joins the next request.
    ("fetch.min.bytes", "1"),
    ("fetch.wait.max.ms", "50"),
    ("fetch.error.backoff.ms", "100"),
    // The default pauses a full partition for a second.
    ("fetch.queue.backoff.ms", "5"),
    // Bounds on what waits here to be polled.
    ("queued.min.messages", "20000"),
    ("queued.max.messages.kbytes", "32768"),
];

const MEMBER: &[(&str, &str)] = &[
    // PROTOCOL 4. The broker's newer protocol has a session timeout of 45 s and known stalls.
    ("group.protocol", "classic"),
    // Only what moves is revoked. No `group.instance.id`: a static member says no goodbye and leaves
    // its shards alone for the session timeout.
    ("partition.assignment.strategy", "cooperative-sticky"),
    // A dead owner is replaced after this time.
    ("session.timeout.ms", "6000"),
    // A member learns of a rebalance with its next heartbeat, so this is what a handover in order
    // lasts: shards that one member has given back wait for the heartbeat of their next owner.
    ("heartbeat.interval.ms", "500"),
    // An owner whose loop is wedged gives its shards away.
    ("max.poll.interval.ms", "60000"),
];

/// When a broker answers a member's fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// With the first byte: for answers that somebody waits for.
    AtOnce,
    /// With 64 KiB or after 10 ms: a busy partition then costs its broker and reader some hundred
    /// fetches a second less, and a record is seen at most 10 ms later.
    InBatches,
}

const IN_BATCHES: &[(&str, &str)] = &[("fetch.min.bytes", "65536"), ("fetch.wait.max.ms", "10")];

/// Settings of a producer: how many records may be outstanding, when one is given up (`None`:
/// never), and how long one waits for others.
pub(crate) fn producer(
    connection: &Connection,
    client_id: &str,
    outstanding_max: usize,
    give_up_after: Option<Duration>,
    linger: Duration,
) -> ClientConfig {
    let mut config = base(connection, client_id, PRODUCER);
    let give_up_ms = give_up_after.map_or(0, |after| after.as_millis().max(1));
    config
        // PROTOCOL 1: 0 is for ever. A record given up leaves a hole that only a restore fills.
        .set("message.timeout.ms", give_up_ms.to_string())
        // The library takes a request per partition, however little there is for it.
        .set("linger.ms", linger.as_millis().to_string())
        .set("message.max.bytes", SEND_BYTES_MAX.to_string())
        .set("queue.buffering.max.messages", outstanding_max.to_string())
        .set("queue.buffering.max.kbytes", PRODUCER_QUEUE_KBYTES_MAX.to_string());
    config
}

/// Settings of a group member.
pub(crate) fn member(
    connection: &Connection,
    client_id: &str,
    group: &str,
    pace: Pace,
) -> ClientConfig {
    let mut config = base(connection, client_id, CONSUMER);
    let paced = match pace {
        Pace::AtOnce => &[],
        Pace::InBatches => IN_BATCHES,
    };
    for (name, value) in MEMBER.iter().chain(paced) {
        config.set(*name, *value);
    }
    config.set("group.id", group);
    config
}

/// Settings of a reader without a group.
pub(crate) fn reader(connection: &Connection, client_id: &str) -> ClientConfig {
    let mut config = base(connection, client_id, CONSUMER);
    // The library wants a name before it assigns; nobody joins this group or commits to it.
    config.set("group.id", "spillway-reader");
    config
}

/// Settings of a client for questions about topics.
pub(crate) fn admin(connection: &Connection, client_id: &str) -> ClientConfig {
    base(connection, client_id, &[])
}

fn base(connection: &Connection, client_id: &str, role: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (name, value) in COMMON.iter().chain(role) {
        config.set(*name, *value);
    }
    config.set("client.id", client_id);
    connection.apply(&mut config);
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection::new("localhost:1")
    }

    fn expect(config: &ClientConfig, settings: &[(&str, &str)]) {
        for (name, value) in settings {
            assert_eq!(config.get(name), Some(*value), "{name}");
        }
        config.create_native_config().expect("librdkafka accepts every setting");
    }

    #[test]
    fn outputs_are_idempotent_with_one_request_in_flight_and_never_given_up() {
        let config = producer(&connection(), "c", 1000, None, Duration::ZERO);
        expect(
            &config,
            &[
                ("enable.idempotence", "true"),
                ("acks", "all"),
                ("max.in.flight.requests.per.connection", "1"),
                ("message.timeout.ms", "0"),
                ("enable.gapless.guarantee", "true"),
            ],
        );
    }

    #[test]
    fn an_edge_may_give_up_a_record() {
        let config =
            producer(&connection(), "c", 1000, Some(Duration::from_secs(5)), Duration::ZERO);
        expect(&config, &[("message.timeout.ms", "5000")]);
    }

    #[test]
    fn members_are_dynamic_and_never_start_or_commit_by_themselves() {
        let config = member(&connection(), "c", "g", Pace::AtOnce);
        expect(
            &config,
            &[
                ("group.id", "g"),
                ("group.protocol", "classic"),
                ("partition.assignment.strategy", "cooperative-sticky"),
                ("session.timeout.ms", "6000"),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("auto.offset.reset", "error"),
            ],
        );
        assert_eq!(config.get("group.instance.id"), None);
    }

    #[test]
    fn readers_are_refused_an_offset_that_the_log_does_not_hold() {
        expect(&reader(&connection(), "c"), &[("auto.offset.reset", "error")]);
        expect(&admin(&connection(), "c"), &[("client.id", "c")]);
    }
}
