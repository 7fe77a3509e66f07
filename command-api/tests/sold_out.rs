//! Orders for what was sold out a moment ago: turned away under pressure, decided otherwise.

mod support;

use std::time::Duration;

use command_api::edge::settings::Settings;
use events::line::RefusedLine;
use events::outcome::Refusal;
use events::reply::Answer;
use serde_json::{Value, json};
use support::{Act, Answered, Bench, SETTINGS, Taken, order, post_to};

/// A bench whose log refuses every order for lack of stock; under pressure from this wait on.
fn sold_out(from: Duration) -> Bench {
    let settings = Settings { sold_out_hint_from: from, ..SETTINGS };
    Bench::with_settings(settings, |taken: &Taken| {
        let line = RefusedLine {
            line: 1,
            sku: "A-1".to_owned(),
            reason: "out-of-stock".to_owned(),
            available: Some(1),
        };
        let refusal = (taken.command.name() == "PlaceOrder").then(|| Refusal {
            code: "out-of-stock".to_owned(),
            detail: "No.".to_owned(),
            lines: vec![line],
        });
        Ok(vec![Act::Reply(taken.reply(Answer::Decided, Some(taken.outcome(refusal))))])
    })
}

async fn place(bench: &Bench, key: &str, order: &Value) -> Answered {
    post_to(&bench.router, "/v1/orders", key, order).await
}

#[tokio::test]
async fn under_pressure_an_order_for_what_was_sold_out_is_turned_away_before_the_append() {
    let bench = sold_out(Duration::ZERO);
    place(&bench, "k-1", &order()).await.expect_problem(409, "out-of-stock");
    let answered = place(&bench, "k-2", &order()).await;
    answered.expect_problem(429, "probably-sold-out");
    assert_eq!(answered.body["retry"], "safe");
    assert_eq!(answered.header("retry-after"), Some("60"));
    let line = json!({"line": 1, "sku": "A-1", "reason": "out-of-stock", "available": 1});
    assert_eq!(answered.body["lines"], json!([line]));
    // Where an earlier copy of the same command would be found.
    assert!(answered.body["order_id"].is_string() && answered.body["command_id"].is_string());
    assert_eq!(bench.taken().len(), 1, "nothing was appended for it");

    let mut modest = order();
    modest["lines"][0]["quantity"] = json!(1);
    place(&bench, "k-3", &modest).await.expect_problem(409, "out-of-stock");
    let receipt = json!({"reference": "dn-1", "quantity": 5});
    let path = "/v1/products/A-1/receipts";
    assert_eq!(post_to(&bench.router, path, "k-4", &receipt).await.status, 200);
    place(&bench, "k-5", &order()).await.expect_problem(409, "out-of-stock");
}

#[tokio::test]
async fn without_pressure_every_order_is_decided() {
    let bench = sold_out(SETTINGS.sold_out_hint_from);
    for key in ["k-1", "k-2", "k-3"] {
        place(&bench, key, &order()).await.expect_problem(409, "out-of-stock");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_first() {
    let bench = sold_out(Duration::ZERO);
    place(&bench, "k-1", &order()).await.expect_problem(409, "out-of-stock");
    let mut invalid = order();
    invalid["currency"] = json!("euro");
    place(&bench, "k-2", &invalid).await.expect_problem(400, "invalid");
}
