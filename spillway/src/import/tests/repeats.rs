//! The same import again: at once, after the memory of keys has run out, and half-way.

use std::time::Duration;

use serde_json::json;

use super::{super::course::Fate, import, stand_in::StandIn};

const PATIENCE: Duration = Duration::from_secs(60);
const PLACED: [Fate; 2] = [Fate::Placed { repriced: 0 }, Fate::Placed { repriced: 1 }];

async fn again(stand_in: &StandIn) -> Vec<Fate> {
    import(stand_in, PATIENCE).await.unwrap().fates
}

#[tokio::test]
async fn a_repeat_changes_nothing_and_reports_the_same() {
    let stand_in = StandIn::start(|_, _, _| None).await;
    assert_eq!(again(&stand_in).await, PLACED);
    let decided = stand_in.counter().decided;
    assert_eq!(again(&stand_in).await, PLACED);
    assert_eq!(stand_in.counter().decided, decided);
}

#[tokio::test]
async fn a_repeat_is_recognised_after_the_keys_are_forgotten() {
    let stand_in = StandIn::start(|_, _, _| None).await;
    assert_eq!(again(&stand_in).await, PLACED);
    stand_in.counter().forget();
    assert_eq!(again(&stand_in).await, PLACED);
    assert!(stand_in.counter().products.values().all(|(stock, _)| *stock == 0));
}

#[tokio::test]
async fn orders_that_were_left_half_way_are_finished() {
    for left in ["reserved", "paid"] {
        let stand_in = StandIn::start(|_, _, _| None).await;
        again(&stand_in).await;
        {
            let mut counter = stand_in.counter();
            counter.forget();
            counter.orders.values_mut().for_each(|order| order.status = left);
        }
        assert_eq!(again(&stand_in).await, PLACED, "{left}");
    }
}

#[tokio::test]
async fn an_order_that_ended_otherwise_is_rejected_at_once_and_later() {
    let stand_in = StandIn::start(|_, _, _| None).await;
    again(&stand_in).await;
    stand_in.counter().forget();
    let expired = "import-536365";
    stand_in.counter().orders.get_mut(expired).unwrap().status = "expired";
    let fates = again(&stand_in).await;
    assert_eq!(fates, [Fate::Rejected { reason: "expired".to_owned() }, PLACED[1].clone()]);
}

#[tokio::test]
async fn a_payment_that_came_too_late_rejects_the_order() {
    // The answer to the placement is remembered and says reserved, but the order has expired since.
    let stand_in = StandIn::start(|_, _, _| None).await;
    again(&stand_in).await;
    {
        let mut counter = stand_in.counter();
        counter.forget_all_but("place");
        counter.orders.get_mut("import-536365").unwrap().status = "expired";
    }
    let fates = again(&stand_in).await;
    let Fate::Rejected { reason } = &fates[0] else { panic!("{fates:?}") };
    assert_eq!(reason, "expired");
}

#[tokio::test]
async fn without_stock_an_order_is_rejected_for_the_same_line_later() {
    let stand_in = StandIn::start(|_, _, _| None).await;
    again(&stand_in).await;
    {
        let mut counter = stand_in.counter();
        counter.orders.clear();
        counter.forget();
    }
    // The stock went with the orders that are gone, and its delivery note is known.
    let first = again(&stand_in).await;
    assert!(first.iter().all(|fate| matches!(fate, Fate::Rejected { .. })), "{first:?}");
    stand_in.counter().forget();
    let Fate::Rejected { reason } = &again(&stand_in).await[1] else { panic!("it was placed") };
    assert_eq!(reason, "22752 out-of-stock");
}

#[tokio::test]
async fn another_order_of_the_same_number_is_not_paid() {
    let stand_in = StandIn::start(|_, _, _| None).await;
    again(&stand_in).await;
    {
        let mut counter = stand_in.counter();
        counter.forget();
        let order = counter.orders.get_mut("import-536365").unwrap();
        order.status = "reserved";
        order.body["lines"][0]["quantity"] = json!(9);
    }
    let Fate::Rejected { reason } = &again(&stand_in).await[0] else { panic!("it was placed") };
    assert!(reason.contains("other lines"), "{reason}");
    assert_eq!(stand_in.counter().orders["import-536365"].status, "reserved");
}

#[tokio::test]
async fn a_product_that_is_there_keeps_its_price() {
    let stand_in = StandIn::start(|_, _, _| None).await;
    stand_in.counter().products.insert("22752".to_owned(), (0, 850));
    assert_eq!(
        again(&stand_in).await,
        [Fate::Placed { repriced: 1 }, Fate::Placed { repriced: 0 }]
    );
}
