//! Commands that reach the log: what is appended, and what becomes of the wait.

mod support;

use std::time::{Duration, Instant};

use command_api::edge::admission::Progress;
use command_api::edge::log::NotTaken;
use command_api::edge::settings::Settings;
use domain::refusal::Code;
use events::command::{PayOrder, PlaceOrder};
use events::reply::Answer;
use events::{Command, Kind, Money, ShardId, id, partitioner};
use http::StatusCode;
use serde_json::json;
use support::{Act, Bench, PARTITIONS, REPLIES_PARTITION, SETTINGS, order};

fn payment() -> serde_json::Value {
    json!({"reference": "p-1", "amount": 100, "currency": "EUR"})
}

#[tokio::test]
async fn a_command_is_appended_to_the_shard_of_its_key_with_its_headers() {
    let bench = Bench::willing();
    let answered =
        bench.post_with("/v1/orders/o%2D1/payment", "if-match", "\"3\"", &payment()).await;
    assert_eq!(answered.status, StatusCode::OK);
    let taken = &bench.taken()[0];
    let amount = Money::new(100, "EUR");
    let expected = PayOrder { order_id: "o-1".to_owned(), reference: "p-1".to_owned(), amount };
    assert_eq!(taken.command, Command::from(expected));
    assert_eq!(taken.shard, partitioner::shard_of(Kind::Orders, "o-1", PARTITIONS));
    assert_eq!(taken.key, "o-1");
    let command_id = id::command_id("anonymous", Kind::Orders, "o-1", "key-1").to_string();
    assert_eq!(taken.header("command"), Some(command_id.as_str()));
    let names: Vec<_> = taken.headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["command", "caller", "issued-at", "reply-to", "if-match"]);
    assert_eq!(taken.header("caller"), Some("anonymous"));
    assert_eq!(taken.header("if-match"), Some("3"));
    assert_eq!(taken.return_address().partition, REPLIES_PARTITION);
    assert_eq!(answered.body["command_id"], command_id);
}

#[tokio::test]
async fn an_order_without_an_id_gets_one_that_a_retry_meets_again() {
    let bench = Bench::willing();
    let first = bench.post("/v1/orders", &order()).await;
    let second = bench.post("/v1/orders", &order()).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let order_id = id::order_id("anonymous", "key-1").to_string();
    assert_eq!(first.body["order_id"], order_id);
    assert_eq!(second.body["order_id"], order_id);
    let taken = bench.taken();
    let Command::PlaceOrder(PlaceOrder { lines, .. }) = &taken[0].command else {
        panic!("not an order: {:?}", taken[0].command)
    };
    assert_eq!((lines[0].line, lines.len()), (1, 1));
    assert_eq!(taken[0].header("command"), taken[1].header("command"));
    assert_ne!(taken[0].return_address(), taken[1].return_address());
}

#[tokio::test]
async fn a_star_is_met_by_every_aggregate_that_exists_and_needs_no_header() {
    let bench = Bench::willing();
    bench.post_with("/v1/orders/o-1/payment", "if-match", "*", &payment()).await;
    assert_eq!(bench.taken()[0].header("if-match"), None);
}

#[tokio::test]
async fn a_refusal_is_a_problem_with_position_and_version() {
    let bench = Bench::new(|taken| {
        let refusal = Code::AlreadyPaid.refuse("The order is paid.");
        Ok(vec![Act::Reply(taken.reply(Answer::Decided, Some(taken.outcome(Some(refusal)))))])
    });
    let answered = bench.post("/v1/orders/o-1/payment", &payment()).await;
    answered.expect_problem(409, "already-paid");
    assert_eq!(answered.header("etag"), Some("\"1\""));
    assert!(answered.header("spillway-position").is_some());
    assert!(answered.body["instance"].is_string());
}

#[tokio::test]
async fn respond_async_is_answered_after_the_append() {
    let bench = Bench::new(|_| Ok(vec![Act::Acknowledge]));
    let answered = bench.post_with("/v1/orders", "prefer", "respond-async", &order()).await;
    assert_eq!(answered.status, StatusCode::ACCEPTED);
    let command_id = bench.taken()[0].header("command").expect("an id").to_owned();
    assert_eq!(answered.header("location"), Some(format!("/v1/commands/{command_id}").as_str()));
    assert_eq!(answered.header("preference-applied"), Some("respond-async"));
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_is_answered_202_after_the_wait() {
    let bench = Bench::new(|_| Ok(vec![Act::Acknowledge]));
    let start = tokio::time::Instant::now();
    let answered = bench.post("/v1/orders", &order()).await;
    assert_eq!(answered.status, StatusCode::ACCEPTED);
    assert_eq!(answered.header("preference-applied"), None);
    assert!(answered.header("retry-after").is_some());
    assert_eq!(start.elapsed().as_secs(), SETTINGS.reply_timeout.as_secs());
    let start = tokio::time::Instant::now();
    let answered = bench.post_with("/v1/orders", "prefer", "wait=2", &order()).await;
    assert_eq!(answered.header("preference-applied"), Some("wait=2"));
    assert_eq!((answered.status, start.elapsed().as_secs()), (StatusCode::ACCEPTED, 2));
}

#[tokio::test(start_paused = true)]
async fn an_append_that_fails_or_stays_without_a_word_is_unknown_and_safe_to_repeat() {
    for acts in [true, false] {
        let bench = Bench::new(move |_| Ok(if acts { vec![Act::Fail] } else { Vec::new() }));
        let answered = bench.post("/v1/orders", &order()).await;
        answered.expect_problem(503, "outcome-unknown");
        assert_eq!(answered.body["retry"], "safe");
        assert!(answered.header("retry-after").is_some());
        assert_eq!(bench.waiting.in_flight(), 0);
    }
}

#[tokio::test]
async fn a_log_that_takes_nothing_is_unavailable() {
    for (reason, status, slug) in [
        (NotTaken::BufferFull, 503, "unavailable"),
        (NotTaken::Unavailable, 503, "unavailable"),
        (NotTaken::TooLarge, 413, "too-large"),
    ] {
        let bench = Bench::new(move |_| Err(reason));
        bench.post("/v1/orders", &order()).await.expect_problem(status, slug);
        assert_eq!(bench.waiting.in_flight(), 0);
    }
}

#[tokio::test]
async fn a_stale_copy_is_stamped_anew_once() {
    let bench = Bench::new(|taken| match taken.header("issued-at") {
        Some("1234") => Ok(taken.done()),
        _ => Ok(vec![Act::Reply(taken.reply(Answer::Stale, None))]),
    });
    let answered = bench.post("/v1/orders", &order()).await;
    assert_eq!(answered.status, StatusCode::CREATED);
    let taken = bench.taken();
    assert_eq!(taken.len(), 2);
    assert_ne!(taken[0].return_address(), taken[1].return_address());

    let bench = Bench::new(|taken| Ok(vec![Act::Reply(taken.reply(Answer::Stale, None))]));
    bench.post("/v1/orders", &order()).await.expect_problem(503, "stale");
    assert_eq!(bench.taken().len(), 2);
}

/// A shard on its way to a new owner answers much later than anybody waits for.
#[tokio::test(start_paused = true)]
async fn an_accepted_command_is_seen_through_however_late_its_first_copy_is_judged_stale() {
    let bench = Bench::new(|_| Ok(vec![Act::Acknowledge]));
    let answered = bench.post("/v1/orders", &order()).await;
    assert_eq!(answered.status, StatusCode::ACCEPTED);
    // The clock stands still but for this, so whatever has a deadline before has ended.
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(bench.waiting.in_flight(), 1);
    let first = bench.taken()[0].clone();
    bench.act(first.ticket, Act::Reply(first.reply(Answer::Stale, None)));
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let taken = bench.taken();
    assert_eq!(taken.len(), 2, "a second copy");
    assert_eq!(taken[1].header("issued-at"), Some("1234"));
    assert_eq!(taken[0].header("command"), taken[1].header("command"));
}

#[tokio::test]
async fn a_stale_copy_of_an_accepted_command_is_stamped_anew_too() {
    let bench = Bench::new(|_| Ok(vec![Act::Acknowledge]));
    let answered = bench.post_with("/v1/orders", "prefer", "respond-async", &order()).await;
    assert_eq!(answered.status, StatusCode::ACCEPTED);
    let first = bench.taken()[0].clone();
    bench.act(first.ticket, Act::Reply(first.reply(Answer::Stale, None)));
    let deadline = Instant::now() + Duration::from_secs(60);
    while bench.taken().len() < 2 {
        assert!(Instant::now() < deadline, "no second copy came");
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.taken()[1].header("issued-at"), Some("1234"));
}

#[tokio::test]
async fn a_command_is_not_accepted_on_a_copy_that_the_brokers_clock_shows_to_be_stale() {
    const BEHIND: i64 = 1_000_000;
    let bench = Bench::new(|_| Ok(vec![Act::AcknowledgeAt(BEHIND)]));
    let answered = bench.post_with("/v1/orders", "prefer", "respond-async", &order()).await;
    assert_eq!(answered.status, StatusCode::ACCEPTED);
    let taken = bench.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[1].header("issued-at"), Some(BEHIND.to_string().as_str()));
    assert_eq!(taken[0].header("command"), taken[1].header("command"));

    // The second copy is not known to be in the log: nothing is promised.
    let bench = Bench::new(|taken| match taken.header("issued-at") {
        Some("1000000") => Ok(vec![Act::Fail]),
        _ => Ok(vec![Act::AcknowledgeAt(BEHIND)]),
    });
    let answered = bench.post_with("/v1/orders", "prefer", "respond-async", &order()).await;
    answered.expect_problem(503, "outcome-unknown");
}

#[tokio::test]
async fn a_reused_key_and_a_shard_without_rules_have_their_problems() {
    let cases =
        [(Answer::KeyReused, 422, "key-reused"), (Answer::NotInitialised, 503, "not-initialised")];
    for (answer, status, slug) in cases {
        let bench = Bench::new(move |taken| Ok(vec![Act::Reply(taken.reply(answer, None))]));
        bench.post("/v1/orders", &order()).await.expect_problem(status, slug);
    }
}

#[tokio::test]
async fn a_shard_behind_refuses_before_the_append() {
    let bench = Bench::willing();
    let key = id::order_id("anonymous", "key-1").to_string();
    let shard = partitioner::shard_of(Kind::Orders, &key, PARTITIONS);
    let start = Instant::now();
    bench.shards.appended(shard, 1_000_000, start);
    let progress = Progress { decided_offset: 99, now: 1, dedup_entries: 1 };
    bench.shards.progressed(shard, progress, start + Duration::from_millis(100));
    // The first one is the probe that keeps the figures alive.
    assert_eq!(bench.post("/v1/orders", &order()).await.status, StatusCode::CREATED);
    let answered = bench.post("/v1/orders", &order()).await;
    answered.expect_problem(429, "overloaded");
    assert!(answered.header("retry-after").is_some());
    assert_eq!(bench.taken().len(), 1);
    let other = ShardId::new(Kind::Products, 0);
    assert_ne!(other.kind, shard.kind);
    let price = json!({"price": {"amount": 1, "currency": "EUR"}});
    let answered = bench.post("/v1/products/A-1/price", &price).await;
    assert_eq!(answered.status, StatusCode::OK, "another shard is not concerned");
}

#[tokio::test]
async fn a_crowd_that_every_shard_refuses_is_turned_away_unread() {
    let bench = Bench::willing();
    let (start, shards) = (Instant::now(), 0..PARTITIONS);
    for shard in shards.clone().map(|partition| ShardId::new(Kind::Orders, partition)) {
        bench.shards.appended(shard, 1_000_000, start);
        let progress = Progress { decided_offset: 99, now: 1, dedup_entries: 1 };
        bench.shards.progressed(shard, progress, start + Duration::from_millis(100));
    }
    let nonsense = json!({"lines": "none"});
    // The crowd lasts for a moment only, and a machine may stand still for longer, but not each time.
    let mut answered = None;
    for _ in 0..100 {
        for shard in shards.clone().cycle().take(2_000) {
            bench.shards.admit(ShardId::new(Kind::Orders, shard), Instant::now());
        }
        let told = bench.post("/v1/orders", &nonsense).await;
        if told.status != StatusCode::BAD_REQUEST {
            answered = Some(told);
            break;
        }
    }
    let answered = answered.expect("every order was read");
    answered.expect_problem(429, "overloaded");
    assert!(answered.header("retry-after").is_some() && answered.header("ratelimit").is_some());
    let answered = bench.post("/v1/products/A-1/price", &nonsense).await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST, "products are not concerned");
    assert!(bench.taken().is_empty());
}

#[tokio::test]
async fn commands_in_flight_are_bounded_and_a_client_that_goes_away_frees_its_place() {
    let settings = Settings { in_flight_max: 1, ..SETTINGS };
    let bench = std::sync::Arc::new(Bench::with_settings(settings, |_| Ok(vec![Act::Acknowledge])));
    let waiting = tokio::spawn({
        let bench = std::sync::Arc::clone(&bench);
        async move { bench.post("/v1/orders", &order()).await }
    });
    while bench.taken().is_empty() {
        tokio::task::yield_now().await;
    }
    let refused = bench.post("/v1/orders", &order()).await;
    refused.expect_problem(503, "unavailable");
    let policy = r#""commands-in-flight";q=1;qu="concurrent-requests""#;
    assert_eq!(refused.header("ratelimit-policy"), Some(policy));
    assert_eq!(refused.header("ratelimit"), Some(r#""commands-in-flight";r=0"#));
    waiting.abort();
    assert!(waiting.await.is_err_and(|ended| ended.is_cancelled()));
    assert_eq!(bench.waiting.in_flight(), 0);
    assert_eq!(bench.taken().len(), 1);
}
