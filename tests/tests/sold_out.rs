//! Sold-out hints on the real system, used for every order: what arrives is sold within the bound,
//! and nobody is told what an earlier answer contradicts.

use std::{collections::BTreeMap, time::Duration};

use anyhow::ensure;
use spillway_tests::{Answer, Client, System, SystemOptions, until};
use tokio::time::Instant;

const BOUND: Duration = Duration::from_secs(5);

#[tokio::test]
async fn stock_that_arrives_is_sold_within_the_bound_and_no_answer_is_contradicted()
-> anyhow::Result<()> {
    let env = vec![
        ("SOLD_OUT_HINT_MS", BOUND.as_millis().to_string()),
        // Without waiting for pressure.
        ("SOLD_OUT_HINT_FROM_MS", "0".to_owned()),
    ];
    let options =
        SystemOptions { command_apis: 2, command_api_env: env, ..SystemOptions::default() };
    let system = System::start(options).await?;
    let mut shop =
        Shop { clients: [system.client_of(0)?, system.client_of(1)?], told: BTreeMap::new() };

    shop.clients[0].stock("TICKET", 1_000, 1).await?;
    // Its answer is taken for lost below.
    let _ = shop.clients[0].place("first", &[("TICKET", 1)]).await?.is(201);
    shop.until_turned_away("wait").await?;
    // The repeat of the order that holds the last piece may be turned away, but is never refused.
    let repeat = shop.place("first").await?;
    assert!(repeat.status == 201 || is_turned_away(&repeat), "{}", repeat.body);

    // A delivery through the other instance, and a cancelled order: neither is seen by the first.
    for (round, deliver) in [("delivered", true), ("cancelled", false)] {
        shop.until_turned_away(&format!("before-{round}")).await?;
        let arrived = if deliver {
            shop.clients[1].receive("TICKET", "second delivery", 1).await?
        } else {
            shop.clients[1].cancel("first").await?
        };
        let (_, since) = (arrived.is(200), Instant::now());
        shop.until_sold(round, since).await?;
    }
    shop.everybody_asks_again().await?;

    system.settle().await?;
    let _ = system.tool.verify().await?.is_ok();
    system.stop().await
}

fn is_turned_away(answer: &Answer) -> bool {
    answer.status == 429 && answer.code() == "probably-sold-out"
}

/// Customers of the first instance, and what each was told for good.
struct Shop {
    clients: [Client; 2],
    told: BTreeMap<String, u16>,
}

impl Shop {
    /// Orders a piece. Whoever was told something for good is told the same again.
    async fn place(&mut self, order_id: &str) -> anyhow::Result<Answer> {
        let answer = self.clients[0].place(order_id, &[("TICKET", 1)]).await?;
        match answer.status {
            201 | 409 => {
                let told = *self.told.entry(order_id.to_owned()).or_insert(answer.status);
                assert_eq!(told, answer.status, "{order_id}: {}", answer.body);
            }
            // Not within the patience, or turned away: nothing is said about the order.
            202 | 503 => {}
            429 => {
                assert!(!answer.header("retry-after").is_empty(), "{:?}", answer.headers);
                assert_eq!(answer.body["retry"], "safe", "{}", answer.body);
            }
            other => panic!("{other}: {}", answer.body),
        }
        Ok(answer)
    }

    /// New orders until one is turned away; those before it are refused for good.
    async fn until_turned_away(&mut self, name: &str) -> anyhow::Result<()> {
        let mut number = 0;
        until("an order is turned away", async || {
            number += 1;
            let answer = self.place(&format!("{name}-{number}")).await?;
            ensure!(is_turned_away(&answer), "{} {}", answer.status, answer.body);
            Ok(())
        })
        .await
    }

    /// New orders until one gets the piece that arrived before `since`. No order that is sent after
    /// the bound is turned away for lack of it.
    async fn until_sold(&mut self, name: &str, since: Instant) -> anyhow::Result<()> {
        let mut number = 0;
        until("the piece is sold", async || {
            number += 1;
            let sent = since.elapsed();
            let answer = self.place(&format!("{name}-{number}")).await?;
            assert!(sent < BOUND || !is_turned_away(&answer), "after {sent:?}: {}", answer.body);
            ensure!(answer.status == 201, "{} {}", answer.status, answer.body);
            Ok(())
        })
        .await
    }

    /// Every order is sent again until it is answered for good, which `place` compares.
    async fn everybody_asks_again(&mut self) -> anyhow::Result<()> {
        let all: Vec<String> = self.told.keys().cloned().collect();
        for order_id in all {
            until("the same is told again", async || {
                let answer = self.place(&order_id).await?;
                ensure!(matches!(answer.status, 201 | 409), "{} {}", answer.status, answer.body);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}
