//! Asks a process whether it is ready, and for its metrics.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::running::Service;

/// A process that takes longer to say how it is, is not well.
const WITHIN: Duration = Duration::from_secs(3);

/// How one process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Readiness {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) ready: bool,
    /// Why it is not ready; empty when it is.
    pub(crate) waiting_for: Vec<String>,
}

/// The part of `/readyz` that is shown.
#[derive(Debug, Deserialize)]
struct Answer {
    ready: bool,
    #[serde(default)]
    stopping: bool,
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Debug, Deserialize)]
struct Condition {
    name: String,
    ready: bool,
    reason: Option<String>,
}

/// Asks `/readyz`. No answer is an answer too.
pub(crate) async fn readiness(http: &reqwest::Client, process: &Service) -> Readiness {
    let ask = async {
        let url = format!("{}/readyz", process.url);
        // 503 has the same body as 200.
        let answer = http.get(url).timeout(WITHIN).send().await?;
        answer.json::<Answer>().await
    };
    let (ready, waiting_for) = match ask.await {
        Ok(answer) => (answer.ready, reasons(answer)),
        Err(error) => (false, vec![no_answer(&error)]),
    };
    Readiness { name: process.name.clone(), url: process.url.clone(), ready, waiting_for }
}

/// The text of `/metrics`; `None` when the process does not give it.
pub(super) async fn metrics(http: &reqwest::Client, process: &Service) -> Option<String> {
    let url = format!("{}/metrics", process.url);
    let answer = http.get(url).timeout(WITHIN).send().await.ok()?;
    answer.error_for_status().ok()?.text().await.ok()
}

fn reasons(answer: Answer) -> Vec<String> {
    let conditions = answer.conditions.into_iter().filter(|condition| !condition.ready);
    let stopping = answer.stopping.then(|| "it is stopping".to_owned());
    conditions
        .map(|condition| match condition.reason {
            Some(reason) => format!("{}: {reason}", condition.name),
            None => condition.name,
        })
        .chain(stopping)
        .collect()
}

fn no_answer(error: &reqwest::Error) -> String {
    if error.is_connect() {
        "nothing listens there".to_owned()
    } else if error.is_timeout() {
        format!("no answer within {WITHIN:?}")
    } else {
        "no answer that could be understood".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_waited_for_is_named_with_its_reason() {
        let answer = json!({
            "ready": false,
            "stopping": true,
            "conditions": [
                {"name": "PostgreSQL", "ready": true},
                {"name": "shards", "ready": false, "reason": "restoring orders/3"},
            ],
        });
        let answer: Answer = serde_json::from_value(answer).unwrap();
        assert_eq!(reasons(answer), ["shards: restoring orders/3", "it is stopping"]);
    }
}
