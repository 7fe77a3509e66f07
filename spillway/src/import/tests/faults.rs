//! Faults on purpose: every request fails once or more, and its effect is still there once.

use std::time::Duration;

use axum::http::Method;

use super::{
    super::{course::Fate, shop::Failure},
    import,
    stand_in::{Fault, Mishaps, StandIn},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// The requests that an import without faults makes: two for each of two products, three for each
/// of two orders.
const REQUESTS: usize = 10;

async fn succeeds_with(mishaps: Mishaps) {
    let stand_in = StandIn::start(mishaps).await;
    let done = import(&stand_in, PATIENCE).await.unwrap();
    assert_eq!(done.fates, [Fate::Placed { repriced: 0 }, Fate::Placed { repriced: 1 }]);
    assert!(done.notes.is_empty(), "{:?}", done.notes);
    let counter = stand_in.counter();
    assert_eq!(counter.decided, REQUESTS);
    assert!(counter.orders.values().all(|order| order.status == "shipped"), "{counter:?}");
    assert!(counter.products.values().all(|(stock, _)| *stock == 0), "{counter:?}");
}

#[tokio::test]
async fn without_faults_everything_is_sent_once() {
    succeeds_with(|_, _, _| None).await;
}

#[tokio::test]
async fn a_request_that_was_not_taken_is_sent_again() {
    succeeds_with(|_, _, tries| (tries < 2).then_some(Fault::Refused)).await;
}

#[tokio::test]
async fn a_lost_answer_is_fetched_with_the_same_key() {
    succeeds_with(|_, _, tries| (tries == 0).then_some(Fault::Cut)).await;
}

#[tokio::test]
async fn a_decision_that_takes_long_is_waited_for() {
    succeeds_with(|method, _, tries| {
        (method == Method::POST && tries == 0).then_some(Fault::Pending)
    })
    .await;
}

#[tokio::test]
async fn an_import_gives_up_and_says_on_what() {
    let stand_in =
        StandIn::start(|_, path, _| path.ends_with("/payment").then_some(Fault::Refused)).await;
    let failure = import(&stand_in, Duration::from_millis(200)).await.unwrap_err();
    let Failure::GaveUp { request, why, .. } = &failure else { panic!("{failure:?}") };
    assert!(request.starts_with("PayOrder with the key import:53636"), "{request}");
    assert!(why.contains("503"), "{why}");
}

#[tokio::test]
async fn nothing_that_listens_is_told_from_a_shop_that_refuses() {
    let stand_in = StandIn::start(|_, _, _| None).await;
    let url = stand_in.url();
    drop(stand_in);
    let shop = super::Shop::new(url, PATIENCE).unwrap();
    // The listener closes with its task, a moment after it was told to end.
    let closed = async {
        while shop.knock().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
    let error = shop.knock().await.unwrap_err().to_string();
    assert!(error.contains("spillway dev"), "{error}");
}

#[tokio::test]
async fn an_answer_of_somebody_else_ends_the_import_at_once() {
    let stand_in = StandIn::start(|_, _, _| Some(Fault::Stranger)).await;
    let failure = import(&stand_in, PATIENCE).await.unwrap_err();
    assert!(matches!(failure, Failure::Unexpected { .. }), "{failure:?}");
    assert!(failure.to_string().contains("no such page"), "{failure}");
}
