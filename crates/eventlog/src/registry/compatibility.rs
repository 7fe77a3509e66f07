//! Compatibility at the registry: the two calls that the client library lacks.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::client::{RegistryError, refusal_or_silence};

const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// Schemas that would break readers or writers; nothing was registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema registry holds versions with which these are not compatible:{}", lines(.0))]
pub struct CompatibilityError(
    /// Subject and reason.
    pub Vec<(String, String)>,
);

impl CompatibilityError {
    pub(super) fn unless_empty(incompatible: Vec<(String, String)>) -> Result<(), Self> {
        if incompatible.is_empty() { Ok(()) } else { Err(Self(incompatible)) }
    }
}

fn lines(incompatible: &[(String, String)]) -> String {
    incompatible.iter().map(|(subject, reason)| format!("\n  - {subject}: {reason}")).collect()
}

/// Asks about compatibility and sets it.
#[derive(Debug, Clone)]
pub(super) struct Compatibility {
    url: String,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Judgement {
    is_compatible: bool,
    #[serde(default)]
    messages: Vec<String>,
}

#[derive(Deserialize, Default)]
struct Failure {
    #[serde(default)]
    error_code: u32,
    #[serde(default)]
    message: String,
}

impl Compatibility {
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self { url: url.to_owned(), http: reqwest::Client::builder().timeout(timeout).build()? })
    }

    /// Whether a schema suits all versions of a subject; `Some` tells why not. A subject without
    /// versions suits any schema.
    pub(super) async fn judge(
        &self,
        subject: &str,
        schema: &str,
    ) -> Result<Option<String>, RegistryError> {
        // Without `/latest`, because that checks only one version even for a transitive rule.
        let url = format!("{}/compatibility/subjects/{subject}/versions?verbose=true", self.url);
        let body = json!({ "schema": schema, "schemaType": "AVRO" });
        let response = self.send(self.http.post(url), &body).await?;
        if response.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let judgement: Judgement = read(subject, response).await?;
        Ok((!judgement.is_compatible).then(|| reason(&judgement.messages)))
    }

    /// Sets the rule FULL_TRANSITIVE for a subject.
    pub(super) async fn require_full_transitive(&self, subject: &str) -> Result<(), RegistryError> {
        let url = format!("{}/config/{subject}", self.url);
        let body = json!({ "compatibility": "FULL_TRANSITIVE" });
        let response = self.send(self.http.put(url), &body).await?;
        // The answer's field is named differently from registry to registry, and says nothing more.
        read::<serde_json::Value>(subject, response).await.map(drop)
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        body: &serde_json::Value,
    ) -> Result<reqwest::Response, RegistryError> {
        request
            .header(reqwest::header::CONTENT_TYPE, CONTENT_TYPE)
            .body(body.to_string())
            .send()
            .await
            .map_err(|error| RegistryError::Unanswered(error.into()))
    }
}

/// Some registries give no reasons.
fn reason(messages: &[String]) -> String {
    if messages.is_empty() {
        "at least one version cannot read it, or be read by it".to_owned()
    } else {
        messages.join("; ")
    }
}

async fn read<T: serde::de::DeserializeOwned>(
    what: &str,
    response: reqwest::Response,
) -> Result<T, RegistryError> {
    let status = response.status();
    if status.is_success() {
        return response.json().await.map_err(|error| RegistryError::Unanswered(error.into()));
    }
    let failure: Failure = response.json().await.unwrap_or_default();
    let code = match failure.error_code {
        0 => u32::from(status.as_u16()),
        code => code,
    };
    Err(refusal_or_silence(what, code, &failure.message))
}
