//! Given outcomes, then rows.

use events::outcome::{OrderSummary, Outcome, PARTLY_RESERVED, Refusal};

use super::{Outcomes, Row};
use crate::{fact::Unfit, projection::Projection, testing::fact};

fn outcome(refusal: Option<Refusal>) -> Outcome {
    Outcome {
        command_id: "7a5111a7-5b1e-5c0d-9e2f-0c0ffee00001".to_owned(),
        command: "PlaceOrder".to_owned(),
        kind: "orders".to_owned(),
        key: "o-1".to_owned(),
        caller: "anonymous".to_owned(),
        decided_at: 5,
        version: 2,
        refusal,
        order: Some(OrderSummary {
            status: "reserved".to_owned(),
            total: None,
            payment_deadline: Some(9),
            refund_due: None,
        }),
        position: vec![],
    }
}

fn given(outcomes: &[Outcome]) -> Row {
    let mut row = None;
    for outcome in outcomes {
        Outcomes::fold(&mut row, &fact(outcome.clone(), 1)).expect("a fit outcome");
    }
    row.expect("a row")
}

#[test]
fn the_last_outcome_of_a_command_counts() {
    let refusal =
        Refusal { code: "out-of-stock".to_owned(), detail: "Too late.".to_owned(), lines: vec![] };
    let row = given(&[outcome(None), outcome(Some(refusal))]);
    assert_eq!(row.status(), "refused");
    assert_eq!(row.refusal.map(|r| r["code"].clone()), Some("out-of-stock".into()));
    assert_eq!(row.order_summary.map(|o| o["payment_deadline"].clone()), Some(9.into()));
    assert_eq!(row.position, serde_json::json!([]));
}

#[test]
fn an_order_that_is_reserved_in_part_is_done() {
    let left_out =
        Refusal { code: PARTLY_RESERVED.to_owned(), detail: "One.".to_owned(), lines: vec![] };
    let row = given(&[outcome(Some(left_out))]);
    assert_eq!(row.status(), "done");
    assert_eq!(row.refusal.map(|r| r["code"].clone()), Some(PARTLY_RESERVED.into()));
}

#[test]
fn another_spelling_of_a_command_id_is_refused() {
    let mut shouting = outcome(None);
    shouting.command_id = shouting.command_id.to_uppercase();
    let unfit = Outcomes::fold(&mut None, &fact(shouting.clone(), 1));
    assert_eq!(unfit, Err(Unfit::Uuid(shouting.command_id)));
}
