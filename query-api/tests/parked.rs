//! A key that waits behind a dead letter: its row is shown as old, or not at all.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use events::{Kind, position::to_token};
use serde_json::json;
use support::{
    World,
    answer::Answer,
    eventually, rows,
    socket::{Server, Socket},
    tiers::Tiers,
};

#[tokio::test]
async fn a_parked_key_is_never_silently_stale() {
    let tiers = Tiers::memory();
    let world = World::with(support::Choices { tiers, ..Default::default() }).await;
    let topic = "orders.events.v1";
    rows::order(&world.pool, "o-1", None, 0).await;
    rows::order(&world.pool, "o-2", None, 1).await;
    let placed = json!({"order_id": "o-1", "customer_id": null, "currency": "EUR", "lines": []});
    rows::history(&world.pool, "o-1", 1, "OrderPlaced", placed).await;
    let at = |link_sequence| rows::position(Kind::Orders, 0, link_sequence);
    rows::checkpoint(&world.pool, "orders", topic, &at(9), true).await;
    for (key, link_sequence) in [("o-1", 5), ("o-new", 6)] {
        rows::parked(&world.pool, "orders", topic, key, &at(link_sequence)).await;
    }
    let ask = async |path: &str, link_sequence: i64| {
        let token = to_token(&[at(link_sequence)]);
        world.get_with(path, &[("spillway-position", &token)]).await
    };
    eventually("the checkpoint is seen", async || ask("/v1/orders/o-2", 9).await.status == 200)
        .await;

    // Twice, so that memory answers too.
    for _ in 0..2 {
        let old = world.get("/v1/orders/o-1").await;
        assert_eq!((old.status.as_u16(), old.header("spillway-parked")), (200, "1"));
        let before = ask("/v1/orders/o-1", 4).await;
        assert_eq!(before.status, 200, "the row shows everything up to there");
        for path in
            ["/v1/orders/o-1", "/v1/orders/o-1/history", "/v1/orders/o-1?at=2030-01-01T00:00:00Z"]
        {
            let hidden = ask(path, 5).await;
            assert_eq!(hidden.problem(503, "parked")["retry"], "safe", "{path}");
            assert_eq!(hidden.header("retry-after"), "30");
        }
    }
    // A stream says of its first state what a query of the row says.
    let stream = async |path: &str, link_sequence: Option<i64>| {
        let token = link_sequence.map(|link_sequence| to_token(&[at(link_sequence)]));
        let headers: Vec<_> = token.iter().map(|token| ("spillway-position", &**token)).collect();
        world.open(path, &headers).await
    };
    for (path, link_sequence) in
        [("/v1/streams/orders/o-1", Some(5)), ("/v1/streams/orders/o-new", None)]
    {
        let hidden = Answer::of(stream(path, link_sequence).await).await;
        assert_eq!(hidden.problem(503, "parked")["retry"], "safe", "{path}");
    }
    for link_sequence in [None, Some(4)] {
        let old = stream("/v1/streams/orders/o-1", link_sequence).await;
        assert_eq!(old.status(), 200);
        assert_eq!(old.headers()["spillway-parked"], "1");
    }
    let sound = stream("/v1/streams/orders/o-2", Some(9)).await;
    assert_eq!((sound.status().as_u16(), sound.headers().get("spillway-parked")), (200, None));
    drop(sound);

    // A subscription as well.
    let server = Server::start(&world).await;
    let mut socket = Socket::open(&server).await;
    for (id, order_id, position) in [
        ("hidden", "o-1", Some(to_token(&[at(5)]))),
        ("nothing", "o-new", None),
        ("old", "o-1", None),
        ("sound", "o-2", Some(to_token(&[at(9)]))),
    ] {
        let query = format!(
            "subscription {{ order(id: \"{order_id}\") {{ snapshot {{ id parked {{ linkSequence }} }} }} }}"
        );
        let payload = json!({"query": query, "extensions": {"position": position}});
        let message = json!({"id": id, "type": "subscribe", "payload": payload});
        socket.say(&message.to_string()).await;
    }
    for hidden in ["hidden", "nothing"] {
        assert_eq!(socket.error(hidden).await["code"], "parked");
    }
    let old = json!({"id": "o-1", "parked": {"linkSequence": 5}});
    assert_eq!(socket.data("old").await["order"]["snapshot"], old);
    let sound = json!({"id": "o-2", "parked": null});
    assert_eq!(socket.data("sound").await["order"]["snapshot"], sound);
    drop(socket);

    let sound = ask("/v1/orders/o-2", 9).await;
    assert_eq!((sound.status.as_u16(), sound.headers.get("spillway-parked")), (200, None));
    world.get("/v1/orders/o-new").await.problem(503, "parked");
    world.get("/v1/orders/o-none").await.problem(404, "unknown-order");

    let why = world.get("/v1/why/orders/o-new").await;
    assert_eq!(why.json()["parked"]["link_sequence"], 6);
    assert_eq!(why.json()["projection"]["link_sequence"], 9);
    eventually("lists tell of parked keys", async || {
        let list = world.get("/v1/orders").await;
        list.headers.get("spillway-parked").is_some_and(|keys| keys == "2")
    })
    .await;
    world.stop();
    server.end().await;
    world.end().await;
}
