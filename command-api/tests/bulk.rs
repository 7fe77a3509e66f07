//! Bulk intake: every line has its own answer, and a stream holds a bounded number of commands.

mod support;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use command_api::edge::log::NotTaken;
use events::outcome::Refusal;
use events::reply::Answer;
use futures::channel::mpsc;
use futures::{SinkExt as _, StreamExt as _};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use support::{Act, Bench, SETTINGS, Taken};
use tower::ServiceExt;

/// Longer than anything here takes on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn order(key: &str) -> Value {
    let lines = json!([{"sku": "A-1", "quantity": 2}]);
    json!({"idempotency_key": key, "command": "PlaceOrder", "currency": "EUR", "lines": lines})
}

fn text_of(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// An open stream: lines go in at one end, and answers come out at the other.
struct Stream {
    lines: mpsc::Sender<Result<Bytes, io::Error>>,
    answers: BodyDataStream,
    begun: String,
}

impl Stream {
    async fn open(bench: &Bench) -> Self {
        let (lines, body) = mpsc::channel(64);
        let response = respond(bench, Body::from_stream(body)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        Self { lines, answers: response.into_body().into_data_stream(), begun: String::new() }
    }

    async fn send(&mut self, lines: &[Value]) {
        self.lines.send(Ok(Bytes::from(text_of(lines)))).await.expect("the stream is open");
    }

    /// The next answered line; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((line, rest)) = self.begun.split_once('\n') {
                let line = serde_json::from_str(line).expect("JSON");
                self.begun = rest.to_owned();
                return Some(line);
            }
            let piece = tokio::time::timeout(DEADLINE, self.answers.next()).await;
            let piece = piece.expect("an answer in time")?.expect("a whole stream");
            self.begun.push_str(std::str::from_utf8(&piece).expect("text"));
        }
    }

    /// Polls the stream until it has nothing to say for now.
    fn turn(&mut self) {
        use futures::FutureExt as _;
        while let Some(Some(piece)) = self.answers.next().now_or_never() {
            let piece = piece.expect("a whole stream");
            self.begun.push_str(std::str::from_utf8(&piece).expect("text"));
        }
    }
}

async fn respond(bench: &Bench, body: Body) -> http::Response<Body> {
    respond_at(bench, "/v1/commands", body).await
}

async fn respond_at(bench: &Bench, path: &str, body: Body) -> http::Response<Body> {
    let request = Request::post(path).header("content-type", "application/x-ndjson");
    let request = request.body(body).expect("a request");
    bench.router.clone().oneshot(request).await.expect("infallible")
}

/// All answers to a whole body, by line.
async fn answers(bench: &Bench, body: impl Into<Body>) -> Vec<Value> {
    answers_at(bench, "/v1/commands", body).await
}

async fn answers_at(bench: &Bench, path: &str, body: impl Into<Body>) -> Vec<Value> {
    let response = respond_at(bench, path, body.into()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await.expect("a whole body");
    let text = std::str::from_utf8(&bytes).expect("text");
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    lines.sort_by_key(|line| line["line"].as_u64());
    lines
}

#[tokio::test]
async fn every_command_has_a_line() {
    let bench = Bench::willing();
    let of = |command: &str, members: Value| {
        let mut line = members;
        line["idempotency_key"] = json!(format!("key of {command}"));
        line["command"] = json!(command);
        line
    };
    let price = json!({"amount": 100, "currency": "EUR"});
    let lines = [
        of("RegisterProduct", json!({"sku": "A-1", "name": "A", "price": price})),
        of("ChangePrice", json!({"sku": "A-1", "price": price})),
        of("ReceiveStock", json!({"sku": "A-1", "reference": "DN-1", "quantity": 5})),
        of("AdjustStock", json!({"sku": "A-1", "quantity": -1, "reason": "lost"})),
        of("DeactivateProduct", json!({"sku": "A-1", "reason": "recalled"})),
        of("ReactivateProduct", json!({"sku": "A-1", "reason": "checked"})),
        of("SetLowStockThreshold", json!({"sku": "A-1", "threshold": null})),
        order("key of PlaceOrder"),
        of(
            "PayOrder",
            json!({"order_id": "o-1", "reference": "p", "amount": 1, "currency": "EUR"}),
        ),
        of("CancelOrder", json!({"order_id": "o-1", "reason": "no", "if_match": 3})),
        of("ShipOrder", json!({"order_id": "o-1", "reference": "s"})),
    ];
    let answered = answers(&bench, text_of(&lines)).await;
    let taken = bench.taken();
    assert_eq!((answered.len(), taken.len()), (lines.len(), lines.len()));
    for ((line, answer), taken) in lines.iter().zip(&answered).zip(&taken) {
        assert_eq!(line["command"], taken.command.name(), "appended in their order");
        assert_eq!(answer["idempotency_key"], line["idempotency_key"]);
        assert_eq!(answer["answer"]["command_id"].as_str(), taken.header("command"), "{answer}");
        assert_eq!(answer["etag"], "\"1\"");
        assert!(answer["position"].is_string() && answer.get("problem").is_none(), "{answer}");
    }
    assert_eq!((&answered[7]["status"], &answered[8]["status"]), (&json!(201), &json!(200)));
    assert!(answered[7]["location"].as_str().is_some_and(|at| at.starts_with("/v1/orders/")));
    assert_eq!(taken[9].header("if-match"), Some("3"));
}

#[tokio::test]
async fn a_catalogue_is_imported_line_by_line_and_may_be_sent_again() {
    let bench = Bench::willing();
    let product = |sku: &str, amount: i64| json!({"sku": sku, "name": sku, "price": {"amount": amount, "currency": "EUR"}});
    let mut keyed = product("A-3", 300);
    keyed["idempotency_key"] = json!("own");
    let mut unknown = product("A-4", 400);
    unknown["quantity"] = json!(5);
    let mut listed = product("A-5", 500);
    listed["price"] = json!([500, "EUR"]);
    let other_order =
        "{\"price\":{\"currency\":\"EUR\",\"amount\":100},\"name\":\"A-1\",\"sku\":\"A-1\"}\n";
    let lines = [product("A-1", 100), product("A-2", 0), keyed, unknown, product("A-1", 101)];
    let body = text_of(&lines) + "[]\n" + other_order + &text_of(&[listed]);
    let answered = answers_at(&bench, "/v1/products:import", body).await;
    let of =
        |name: &str| -> Vec<Value> { answered.iter().map(|answer| answer[name].clone()).collect() };
    assert_eq!(of("line"), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(of("status"), [201, 400, 201, 400, 201, 400, 201, 400]);
    assert_eq!(answered[0]["location"], "/v1/products/A-1");
    assert_eq!(answered[1]["problem"]["errors"][0]["pointer"], "/price/amount");
    assert_eq!(answered[7]["problem"]["errors"][0]["pointer"], "/price");
    let keys = of("idempotency_key");
    assert_eq!((&keys[2], &keys[5]), (&json!("own"), &Value::Null));
    assert!(keys[0].as_str().is_some_and(|key| key.starts_with("import ")), "{keys:?}");
    assert_eq!(keys[0], keys[6], "the order of the members does not count");
    assert_ne!(keys[0], keys[4], "another price is another wish");
    let taken = bench.taken();
    let names: Vec<&str> = taken.iter().map(|taken| taken.command.name()).collect();
    assert_eq!(names, ["RegisterProduct"; 4]);
    assert_eq!(taken[0].header("command"), taken[3].header("command"));
}

#[tokio::test]
async fn a_line_that_fails_concerns_no_other() {
    let bench = Bench::new(|taken: &Taken| {
        let refusal = (taken.command.name() == "ShipOrder").then(|| Refusal {
            code: "not-paid".to_owned(),
            detail: "No.".to_owned(),
            lines: Vec::new(),
        });
        Ok(vec![Act::Reply(taken.reply(Answer::Decided, Some(taken.outcome(refusal))))])
    });
    let mut misspelt = order("k-5");
    misspelt["lnes"] = json!([]);
    let mut keyless = order("");
    keyless["lines"][0]["quantity"] = json!(0);
    let ship = json!({"idempotency_key": "k-7", "command": "ShipOrder", "order_id": "o-1",
        "reference": "s"});
    let body = format!(
        "{}\nno JSON\n\n{}\n{misspelt}\n{keyless}\n{ship}\n{}\n{}",
        order("k-1"),
        json!({"idempotency_key": "k-4", "command": "SellOut"}),
        "x".repeat(300_000),
        order("k-9"),
    );
    let answered = answers(&bench, body).await;
    let told: Vec<_> = answered
        .iter()
        .map(|a| (a["line"].as_u64(), a["status"].as_u64(), a["problem"]["type"].as_str()))
        .collect();
    let invalid = Some("/problems/invalid");
    let expected = [
        (1, 201, None),
        (2, 400, invalid),
        (4, 400, invalid),
        (5, 400, invalid),
        (6, 400, invalid),
        (7, 409, Some("/problems/not-paid")),
        (8, 413, Some("/problems/too-large")),
        (9, 201, None),
    ];
    assert_eq!(told, expected.map(|(line, status, kind)| (Some(line), Some(status), kind)));
    let errors = answered[4]["problem"]["errors"].as_array().expect("errors");
    let pointers: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert_eq!(pointers, ["/lines/0/quantity", "/idempotency_key"], "all at once");
    assert_eq!(answered[2]["problem"]["errors"][0]["pointer"], "/command");
}

/// As a route of its own refuses it: readers of JSON differ in which of the two they take.
#[tokio::test]
async fn a_member_that_stands_twice_is_no_command() {
    let bench = Bench::willing();
    let twice = |text: &str, name: &str| text.replace(name, &format!("{name},{name}"));
    let order = order("k-1").to_string();
    let body = [
        twice(&order, "\"command\":\"PlaceOrder\""),
        twice(&order, "\"idempotency_key\":\"k-1\""),
        twice(&order, "\"quantity\":2"),
    ];
    assert!(body.iter().all(|line| *line != order), "{order}");
    for answered in answers(&bench, body.join("\n")).await {
        assert_eq!(answered["status"], 400, "{answered}");
        let error = &answered["problem"]["errors"][0];
        assert!(error["detail"].as_str().is_some_and(|d| d.contains("duplicate")), "{answered}");
    }
}

#[tokio::test]
async fn what_is_in_flight_is_bounded_and_the_next_line_is_read_when_one_is_answered() {
    let bench = Bench::new(|_| Ok(vec![Act::Acknowledge]));
    let mut stream = Stream::open(&bench).await;
    let keys: Vec<String> = (0..10).map(|n| format!("k-{n}")).collect();
    stream.send(&keys.iter().map(|key| order(key)).collect::<Vec<_>>()).await;
    stream.turn();
    assert_eq!(bench.taken().len(), SETTINGS.bulk_in_flight_max);
    for answered in 0..keys.len() {
        let taken = bench.taken();
        assert_eq!(taken.len(), keys.len().min(answered + SETTINGS.bulk_in_flight_max));
        let next = &taken[answered];
        bench.act(next.ticket, next.done().remove(0));
        let answer = stream.next().await.expect("an answer");
        assert_eq!(answer["line"], answered + 1);
        stream.turn();
    }
    drop(stream.lines);
    let mut rest = stream.answers;
    assert!(rest.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_not_admitted_is_held_and_the_lines_behind_it_stay_behind() {
    let refused = AtomicUsize::new(0);
    let bench = Bench::new(move |taken: &Taken| match refused.fetch_add(1, Ordering::Relaxed) {
        0..3 => Err(NotTaken::BufferFull),
        _ => Ok(taken.done()),
    });
    let answered = answers(&bench, text_of(&[order("k-1"), order("k-2")])).await;
    assert_eq!(answered.iter().map(|a| a["status"].as_u64()).collect::<Vec<_>>(), [Some(201); 2]);
    assert_eq!(answered[0]["line"], 1);
    assert_eq!(bench.taken().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_never_admitted_is_answered_in_the_end() {
    let bench = Bench::new(|_| Err(NotTaken::Unavailable));
    let answered = answers(&bench, text_of(&[order("k-1")])).await;
    assert_eq!((&answered[0]["status"], &answered[0]["retry_after"]), (&json!(503), &json!(1)));
    assert_eq!(answered[0]["problem"]["retry"], "safe");
}

#[tokio::test]
async fn a_stopping_instance_takes_no_further_line_and_says_from_which_on() {
    let bench = Bench::new(|_| Ok(vec![Act::Acknowledge]));
    let mut stream = Stream::open(&bench).await;
    stream.send(&[order("k-1")]).await;
    stream.turn();
    bench.stopping.cancel();
    stream.send(&[order("k-2")]).await;
    stream.turn();
    let taken = bench.taken();
    assert_eq!(taken.len(), 1);
    bench.act(taken[0].ticket, taken[0].done().remove(0));
    let answer = stream.next().await.expect("the answer in flight");
    assert_eq!((&answer["line"], &answer["status"]), (&json!(1), &json!(201)));
    let last = stream.next().await.expect("the last word");
    assert_eq!((&last["line"], &last["status"]), (&json!(2), &json!(503)));
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_answered_up_to_there() {
    let bench = Bench::willing();
    let mut stream = Stream::open(&bench).await;
    stream.send(&[order("k-1")]).await;
    let cut = stream.lines.send(Err(io::Error::other("cut on purpose"))).await;
    cut.expect("the stream is open");
    assert_eq!(stream.next().await.expect("an answer")["status"], 201);
    let last = stream.next().await.expect("the last word");
    assert_eq!((&last["line"], &last["status"]), (&json!(2), &json!(408)));
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn half_a_line_at_the_end_is_answered_like_any_other_that_is_no_command() {
    let bench = Bench::willing();
    let answered =
        answers(&bench, format!("{}\n{{\"idempotency_key\":\"k-2\"", order("k-1"))).await;
    let told: Vec<_> =
        answered.iter().map(|a| (a["line"].as_u64(), a["status"].as_u64())).collect();
    assert_eq!(told, [(Some(1), Some(201)), (Some(2), Some(400))]);
    assert_eq!(bench.taken().len(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_its_commands_to_the_log_and_frees_what_they_held() {
    let bench = Bench::new(|_| Ok(vec![Act::Acknowledge]));
    let mut stream = Stream::open(&bench).await;
    stream.send(&[order("k-1"), order("k-2")]).await;
    stream.turn();
    assert_eq!((bench.taken().len(), bench.waiting.in_flight()), (2, 2));
    drop(stream);
    assert_eq!(bench.waiting.in_flight(), 0);
    let repeat = answers(&bench, Body::empty()).await;
    assert!(repeat.is_empty(), "the places of both streams are free: {repeat:?}");
}

#[tokio::test]
async fn a_body_may_be_longer_than_that_of_any_single_command() {
    let bench = Bench::willing();
    let lines: Vec<Value> = (0..4_000).map(|n| order(&format!("k-{n}"))).collect();
    let body = text_of(&lines);
    assert!(body.len() > service::http::Limits::default().body_bytes_max);
    let answered = answers(&bench, body).await;
    assert_eq!(answered.len(), lines.len());
    assert!(answered.iter().all(|answer| answer["status"] == 201));
}

#[tokio::test]
async fn streams_are_bounded_and_a_place_comes_back_with_its_end() {
    let bench = Bench::willing();
    let first = Stream::open(&bench).await;
    let _second = Stream::open(&bench).await;
    let third = respond(&bench, Body::empty()).await;
    assert_eq!(third.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(third.headers()["retry-after"], "1");
    drop(first);
    assert_eq!(respond(&bench, Body::empty()).await.status(), StatusCode::OK);
}
