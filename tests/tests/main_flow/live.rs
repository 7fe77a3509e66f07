//! Live streams from HTTP to HTTP.

use anyhow::Context as _;
use reqwest::{Method, Response};
use serde_json::Value;
use spillway_tests::Client;

/// A stream that is read message by message.
struct Stream {
    response: Response,
    text: String,
}

struct Message {
    id: String,
    name: String,
    data: Value,
}

impl Stream {
    async fn open(client: &Client, path: &str, header: (&str, &str)) -> anyhow::Result<Self> {
        let response = client.query(Method::GET, path).header(header.0, header.1).send().await?;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ok(Self { response, text: String::new() })
    }

    /// The next message that says something.
    async fn next(&mut self) -> anyhow::Result<Message> {
        loop {
            while let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = message.lines();
                    lines.find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim_start()
                };
                let data = field("data:").to_owned();
                let (id, name) = (field("id:").to_owned(), field("event:").to_owned());
                self.text = rest.to_owned();
                if !data.is_empty() {
                    return Ok(Message { id, name, data: serde_json::from_str(&data)? });
                }
            }
            let chunk = self.response.chunk().await?.context("the stream has ended")?;
            self.text.push_str(std::str::from_utf8(&chunk)?);
        }
    }
}

pub(crate) async fn a_stream_shows_what_happens_and_goes_on(client: &Client) -> anyhow::Result<()> {
    client.stock("LIVE", 500, 5).await?;
    let placed = client.place("o-live", &[("LIVE", 2)]).await?.is(201);
    let position = placed.position()?.to_owned();
    let path = "/v1/streams/orders/o-live";

    let mut stream = Stream::open(client, path, ("spillway-position", &position)).await?;
    let snapshot = stream.next().await?;
    assert_eq!((&*snapshot.name, &snapshot.data["status"]), ("snapshot", &"reserved".into()));
    assert_eq!(snapshot.data["lines"][0]["sku"], "LIVE");
    let _ = client.pay("o-live", &placed).await?.is(200);
    let paid = stream.next().await?;
    assert_eq!((&*paid.name, &paid.data["event"]), ("order", &"OrderPaid".into()));
    assert_eq!(paid.data["order"]["status"], "paid");
    drop(stream);

    // What happened while nobody listened; then the same from the position of the placement.
    let _ = client.ship("o-live").await?.is(200);
    let mut resumed = Stream::open(client, path, ("last-event-id", &paid.id)).await?;
    let shipped = resumed.next().await?;
    assert_eq!(shipped.data["order"]["status"], "shipped");
    let version = snapshot.data["version"].as_i64().context("a version")?;
    assert_eq!(shipped.data["order"]["version"], version + 2);
    let mut both = Stream::open(client, path, ("last-event-id", &position)).await?;
    for expected in [&paid, &shipped] {
        let message = both.next().await?;
        assert_eq!((&message.id, &message.data), (&expected.id, &expected.data));
    }

    let mut stock = Stream::open(client, "/v1/streams/products?sku=LIVE", ("x-none", "")).await?;
    let mut seen = stock.next().await?.data["items"][0].clone();
    while seen["on_hand"] != 3 {
        seen = stock.next().await?.data["product"].clone();
    }
    assert_eq!((&seen["reserved"], &seen["available"]), (&0.into(), &3.into()));
    Ok(())
}
