//! A client of one command-api and one query-api.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::{Answer, until};

/// Above every wait that the system has of its own.
const WITHIN: Duration = Duration::from_secs(60);

/// Posts to a command-api and asks a query-api.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    write_url: String,
    read_url: String,
    is_patient: bool,
}

impl Client {
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new(write_url: &str, read_url: &str) -> anyhow::Result<Self> {
        let http =
            reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(WITHIN).build()?;
        let (write_url, read_url) = (write_url.to_owned(), read_url.to_owned());
        Ok(Self { http, write_url, read_url, is_patient: false })
    }

    /// The same, but its commands are repeated under their keys until they are answered for good, as
    /// those of a client that outlives an outage.
    #[must_use]
    pub fn patient(self) -> Self {
        Self { is_patient: true, ..self }
    }

    /// A POST to command-api, to be completed.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.write_url))
    }

    /// A request to query-api, to be completed.
    pub fn query(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.read_url))
    }

    /// Posts a command under a key.
    ///
    /// # Errors
    /// As [`Answer::to`].
    pub async fn command(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Answer> {
        let send =
            async || Answer::to(self.post(path).header("idempotency-key", key).json(body)).await;
        if !self.is_patient {
            return send().await;
        }
        until("the command is answered for good", async || {
            let answer = send().await?;
            anyhow::ensure!(!matches!(answer.status, 202 | 429 | 502 | 503), "{}", answer.body);
            Ok(answer)
        })
        .await
    }

    /// Asks a query.
    ///
    /// # Errors
    /// As [`Answer::to`].
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        Answer::to(self.query(Method::GET, path)).await
    }

    /// Asks a query that must see what a command did, and again while it is told to come later.
    ///
    /// # Errors
    /// As [`Answer::to`], or it is told so for too long.
    pub async fn get_after(&self, command: &Answer, path: &str) -> anyhow::Result<Answer> {
        until("the query sees what the command did", async || {
            let answer = self.get_once_after(command, path).await?;
            anyhow::ensure!(answer.status != 425, "{}", answer.body);
            Ok(answer)
        })
        .await
    }

    /// Asks a query that must see what a command did, once.
    ///
    /// # Errors
    /// As [`Answer::to`].
    pub async fn get_once_after(&self, command: &Answer, path: &str) -> anyhow::Result<Answer> {
        let request = self.query(Method::GET, path);
        Answer::to(request.header("spillway-position", command.position()?)).await
    }
}
