//! The mapping of what became of a command to HTTP.

use std::time::Duration;

use domain::refusal::Code;
use events::line::RefusedLine;
use events::outcome::{OrderSummary, Outcome, PARTLY_RESERVED, Refusal};
use events::reply::{Answer, Reply};
use events::{Kind, Money, Position};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use service::problem::catalogue;
use uuid::Uuid;

use super::{Subject, answer};
use crate::edge::log::NotTaken;
use crate::edge::request::Patience;
use crate::edge::submit::{Ending, NotAppended};

const COMMAND: Uuid = Uuid::from_u128(7);

fn subject(kind: Kind, creates: bool) -> Subject {
    let key = if kind == Kind::Orders { "o 1/2" } else { "A-1" };
    Subject { command_id: COMMAND, kind, key: key.to_owned(), creates, rules: 1 }
}

fn outcome(kind: Kind, refusal: Option<Refusal>) -> Outcome {
    let order = OrderSummary {
        status: "reserved".to_owned(),
        total: Some(Money::new(9_980, "EUR")),
        payment_deadline: Some(0),
        refund_due: None,
    };
    let position =
        Position { kind: "orders".to_owned(), partition: 3, incarnation: 0, link_sequence: 17 };
    Outcome {
        command_id: COMMAND.to_string(),
        command: "PlaceOrder".to_owned(),
        kind: kind.to_string(),
        key: "o 1/2".to_owned(),
        caller: "anonymous".to_owned(),
        decided_at: 0,
        version: 2,
        refusal,
        order: (kind == Kind::Orders).then_some(order),
        position: vec![position],
    }
}

fn reply(answer: Answer, outcome: Option<Outcome>) -> Reply {
    Reply {
        correlation: String::new(),
        command_id: COMMAND.to_string(),
        answer,
        replayed: false,
        outcome,
        now: 0,
        decided_offset: 0,
        dedup_entries: 0,
        live_aggregates: 0,
    }
}

async fn sent(subject: &Subject, ending: Ending) -> (StatusCode, HeaderMap, Value) {
    let second = Duration::from_secs(1);
    let patience = Patience::read(&HeaderMap::new(), second, second);
    let (parts, body) = answer(subject, ending, patience).into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a whole body");
    (parts.status, parts.headers, serde_json::from_slice(&bytes).expect("JSON"))
}

async fn refused(code: &str, kind: Kind) -> (StatusCode, HeaderMap, Value) {
    let refusal = Refusal { code: code.to_owned(), detail: "No.".to_owned(), lines: Vec::new() };
    let reply = reply(Answer::Decided, Some(outcome(kind, Some(refusal))));
    sent(&subject(kind, false), Ending::Replied(Box::new(reply))).await
}

#[tokio::test]
async fn a_command_that_the_active_rules_do_not_know_says_so() {
    let code = "undecodable".to_owned();
    let refusal = Refusal { code, detail: "no schema".to_owned(), lines: Vec::new() };
    let reply = reply(Answer::Decided, Some(outcome(Kind::Products, Some(refusal))));
    let later = Subject { rules: 3, ..subject(Kind::Products, false) };
    let (status, _, body) = sent(&later, Ending::Replied(Box::new(reply))).await;
    assert_eq!(
        (status, &body["type"]),
        (StatusCode::CONFLICT, &json!("/problems/rules-not-active"))
    );
    assert!(body["detail"].as_str().is_some_and(|detail| detail.contains("version 3")), "{body}");
    let (status, _, body) = refused("undecodable", Kind::Products).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body["type"], "/problems/undecodable");
}

#[tokio::test]
async fn a_placed_order_is_created_and_says_where_it_is_and_what_to_pay() {
    let reply = reply(Answer::Decided, Some(outcome(Kind::Orders, None)));
    let (status, headers, body) =
        sent(&subject(Kind::Orders, true), Ending::Replied(Box::new(reply))).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(headers["location"], "/v1/orders/o%201%2F2");
    assert_eq!(headers["etag"], "\"2\"");
    let token = headers["spillway-position"].to_str().expect("text");
    assert_eq!(events::position::from_token(token, 4).map(|p| p.len()), Ok(1));
    assert_eq!(headers.get("idempotency-replayed"), None);
    assert_eq!(
        body,
        json!({
            "order_id": "o 1/2",
            "status": "reserved",
            "version": 2,
            "total": {"amount": 9_980, "currency": "EUR"},
            "payment_deadline": "1970-01-01T00:00:00.000Z",
            "command_id": COMMAND.to_string(),
        })
    );
}

#[tokio::test]
async fn an_order_that_is_reserved_in_part_is_created_and_names_the_lines_left_out() {
    let line = RefusedLine {
        line: 2,
        sku: "B-2".to_owned(),
        reason: "out-of-stock".to_owned(),
        available: Some(1),
    };
    let left_out = Refusal {
        code: PARTLY_RESERVED.to_owned(),
        detail: "The order is reserved without one line.".to_owned(),
        lines: vec![line],
    };
    let reply = reply(Answer::Decided, Some(outcome(Kind::Orders, Some(left_out))));
    let (status, headers, body) =
        sent(&subject(Kind::Orders, true), Ending::Replied(Box::new(reply))).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(headers["location"], "/v1/orders/o%201%2F2");
    assert_eq!((&body["status"], &body["total"]["amount"]), (&json!("reserved"), &json!(9_980)));
    let refused = json!({"line": 2, "sku": "B-2", "reason": "out-of-stock", "available": 1});
    assert_eq!(body["refused_lines"], json!([refused]));
}

#[tokio::test]
async fn a_product_command_answers_with_the_version() {
    let done = || reply(Answer::Decided, Some(outcome(Kind::Products, None)));
    let product = subject(Kind::Products, false);
    let (status, headers, body) = sent(&product, Ending::Replied(Box::new(done()))).await;
    assert_eq!((status, headers.get("location")), (StatusCode::OK, None));
    assert_eq!(body, json!({"sku": "A-1", "version": 2, "command_id": COMMAND.to_string()}));
    let (status, headers, _) =
        sent(&subject(Kind::Products, true), Ending::Replied(Box::new(done()))).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(headers["location"], "/v1/products/A-1");
}

#[tokio::test]
async fn a_stored_answer_has_the_same_status_and_says_that_it_is_stored() {
    for refusal in [None, Some(Code::OutOfStock.refuse("No."))] {
        let expected = if refusal.is_none() { StatusCode::CREATED } else { StatusCode::CONFLICT };
        let mut reply = reply(Answer::Decided, Some(outcome(Kind::Orders, refusal)));
        reply.replayed = true;
        let (status, headers, _) =
            sent(&subject(Kind::Orders, true), Ending::Replied(Box::new(reply))).await;
        assert_eq!(status, expected);
        assert_eq!(headers["idempotency-replayed"], "true");
    }
}

#[tokio::test]
async fn every_code_has_its_status() {
    for code in Code::ALL {
        let expected = match code {
            Code::Invalid => 400,
            Code::UnknownOrder => 404,
            Code::StaleVersion => 412,
            Code::KeyReused => 422,
            Code::Undecodable | Code::Internal => 500,
            _ => 409,
        };
        let (status, headers, body) = refused(code.as_str(), Kind::Orders).await;
        assert_eq!(status, expected, "{code:?}");
        assert_eq!(body["type"], format!("/problems/{}", code.as_str()));
        assert_eq!(body["retry"], "never", "{code:?}");
        assert!(catalogue::page(code.as_str()).is_some(), "{code:?} has no page");
        assert_eq!(body["command_id"], COMMAND.to_string());
        assert_eq!(headers["etag"], "\"2\"");
    }
}

#[tokio::test]
async fn a_product_that_does_not_exist_is_not_found_when_the_path_names_it() {
    let (status, _, body) = refused("unknown-sku", Kind::Products).await;
    assert_eq!((status, &body["type"]), (StatusCode::NOT_FOUND, &json!("/problems/unknown-sku")));
}

#[tokio::test]
async fn a_code_of_a_later_release_is_a_conflict() {
    let (status, _, body) = refused("too-early", Kind::Orders).await;
    assert_eq!((status, &body["type"]), (StatusCode::CONFLICT, &json!("/problems/too-early")));
}

#[tokio::test]
async fn a_rejected_order_lists_the_refused_lines() {
    let line = |line, available| RefusedLine {
        line,
        sku: "A-1".to_owned(),
        reason: "out-of-stock".to_owned(),
        available,
    };
    let mut refusal = Code::OutOfStock.refuse("No.");
    refusal.lines = vec![line(1, Some(3)), line(2, None)];
    let reply = reply(Answer::Decided, Some(outcome(Kind::Orders, Some(refusal))));
    let (_, _, body) = sent(&subject(Kind::Orders, true), Ending::Replied(Box::new(reply))).await;
    assert_eq!(
        body["lines"],
        json!([
            {"line": 1, "sku": "A-1", "reason": "out-of-stock", "available": 3},
            {"line": 2, "sku": "A-1", "reason": "out-of-stock"},
        ])
    );
    assert_eq!((&body["order_id"], &body["order_status"]), (&json!("o 1/2"), &json!("reserved")));
}

#[tokio::test]
async fn other_answers_have_their_kind_and_a_word_about_repeating() {
    let replies = [
        (Answer::KeyReused, 422, "key-reused", "never"),
        (Answer::Stale, 503, "stale", "safe"),
        (Answer::NotInitialised, 503, "not-initialised", "safe"),
        (Answer::Decided, 500, "internal", "safe"),
    ];
    let mut endings: Vec<_> = replies
        .into_iter()
        .map(|(answer, status, slug, retry)| {
            (Ending::Replied(Box::new(reply(answer, None))), status, slug, retry)
        })
        .collect();
    let wait = Duration::from_millis(2_500);
    let not = |reason, status, slug| (Ending::NotAppended(reason), status, slug, "safe");
    endings.extend([
        (Ending::Unknown, 503, "outcome-unknown", "safe"),
        not(NotAppended::Busy { wait }, 429, "overloaded"),
        not(NotAppended::Full, 503, "memory-full"),
        not(NotAppended::InFlight, 503, "unavailable"),
        not(NotAppended::NotTaken(NotTaken::BufferFull), 503, "unavailable"),
        not(NotAppended::NotTaken(NotTaken::Unavailable), 503, "unavailable"),
        (Ending::NotAppended(NotAppended::NotTaken(NotTaken::TooLarge)), 413, "too-large", "never"),
    ]);
    for (ending, status, slug, retry) in endings {
        let (sent_status, headers, body) = sent(&subject(Kind::Orders, true), ending).await;
        assert_eq!(sent_status, status, "{slug}");
        assert_eq!(body["type"], format!("/problems/{slug}"));
        assert_eq!(body["retry"], retry, "{slug}");
        let page = catalogue::page(slug).expect("a page");
        assert!(page.status.starts_with(&status.to_string()), "{slug}");
        assert_eq!(body["title"], page.title);
        let has_wait = headers.contains_key("retry-after");
        assert_eq!(has_wait, matches!(status, 429 | 503), "{slug}");
    }
}

#[tokio::test]
async fn an_estimated_wait_is_told_in_whole_seconds() {
    let wait = Duration::from_millis(2_500);
    let ending = Ending::NotAppended(NotAppended::Busy { wait });
    let (_, headers, _) = sent(&subject(Kind::Orders, true), ending).await;
    assert_eq!(headers["retry-after"], "3");
}

#[tokio::test]
async fn an_accepted_command_says_where_its_outcome_will_be() {
    let (status, headers, body) = sent(&subject(Kind::Orders, true), Ending::Appended).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(headers["location"], format!("/v1/commands/{COMMAND}"));
    assert_eq!(headers["retry-after"], "1");
    let expected =
        json!({"command_id": COMMAND.to_string(), "status": "pending", "order_id": "o 1/2"});
    assert_eq!(body, expected);
}
