//! The registry over HTTP, with errors that tell "not there" from "did not answer".

use std::{collections::BTreeMap, error::Error as _, future::Future, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use schema_registry_converter::{
    async_impl::schema_registry::{SrSettings, get_schema_by_id, perform_sr_call, post_schema},
    error::SRCError,
    schema_registry_common::{RawError, RegisteredSchema, SchemaType, SrCall, SuppliedSchema},
};

use super::{
    compatibility::{Compatibility, CompatibilityError},
    subject::{self, SchemaIds, Subject},
};
use crate::Cause;

/// Bound on one request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bounds on the retries of a question that was not answered: about three seconds in all.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(1);
const RETRIES: usize = 6;

/// Why the registry did not give what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The registry did not answer, or not sensibly, several times. Ask again later.
    #[error("the schema registry does not answer: {0}")]
    Unanswered(Cause),
    /// The registry says no.
    #[error("the schema registry refuses {what}: {message} (code {code})")]
    Refused {
        what: String,
        /// As in Confluent's API: HTTP status, or status and two digits.
        code: u32,
        message: String,
    },
    /// No schema has this id.
    #[error("the schema registry knows no schema with id {0}")]
    UnknownId(u32),
    /// The schema behind this id is none that Avro can read.
    #[error("the schema with id {id} cannot be read: {reason}")]
    Unreadable { id: u32, reason: String },
    /// These subjects lack the schema that is compiled in.
    #[error("these schemas are not registered: {}; run `spillway schemas register`", .0.join(", "))]
    Unregistered(Vec<String>),
    #[error(transparent)]
    Incompatible(#[from] CompatibilityError),
}

/// A schema registry with Confluent's API.
#[derive(Debug, Clone)]
pub struct Registry {
    settings: SrSettings,
    compatibility: Compatibility,
}

impl Registry {
    /// A registry at a base URL such as `http://127.0.0.1:28081/apis/ccompat/v7`. Asks nothing yet.
    pub fn new(url: &str) -> Result<Self, RegistryError> {
        let url = url.trim_end_matches('/');
        let unusable = |error: Cause| RegistryError::Unanswered(error);
        let settings = SrSettings::new_builder(url.to_owned())
            .set_timeout(TIMEOUT)
            .build()
            .map_err(|error| unusable(error.into()))?;
        let compatibility =
            Compatibility::new(url, TIMEOUT).map_err(|error| unusable(error.into()))?;
        Ok(Self { settings, compatibility })
    }

    /// Registers every compiled-in event schema, after all of them were found compatible with every
    /// version before, and fixes the compatibility of its subject. Registering again gives the same
    /// ids.
    pub async fn register(&self) -> Result<SchemaIds, RegistryError> {
        let subjects = subject::all();
        // First the rule and then the question, which the registry answers by the rule.
        for subject in &subjects {
            match self.guard(subject).await {
                Err(error) if !is_absence(&error) => return Err(error),
                _ => {}
            }
        }
        self.check().await?;
        let mut ids = BTreeMap::new();
        for subject in &subjects {
            let registered = self.post(subject).await?;
            // Again, because some registries have no rules for a subject that does not exist.
            self.guard(subject).await?;
            ids.insert(subject.full_name, registered.id);
        }
        Ok(SchemaIds::new(ids))
    }

    /// Asks whether every compiled-in event schema is compatible with all versions that are
    /// registered. All incompatible ones are named at once.
    pub async fn check(&self) -> Result<(), RegistryError> {
        let mut incompatible = Vec::new();
        for subject in subject::all() {
            let judgement = retried(|| self.compatibility.judge(&subject.name, subject.schema));
            if let Some(reason) = judgement.await? {
                incompatible.push((subject.name, reason));
            }
        }
        CompatibilityError::unless_empty(incompatible).map_err(Into::into)
    }

    /// The ids of all compiled-in event schemas. Registers nothing.
    pub async fn ids(&self) -> Result<SchemaIds, RegistryError> {
        let mut ids = BTreeMap::new();
        let mut unregistered = Vec::new();
        for subject in subject::all() {
            match self.look_up(&subject).await? {
                Some(id) => {
                    ids.insert(subject.full_name, id);
                }
                None => unregistered.push(subject.name),
            }
        }
        if unregistered.is_empty() {
            Ok(SchemaIds::new(ids))
        } else {
            Err(RegistryError::Unregistered(unregistered))
        }
    }

    /// The text of the schema with this id.
    pub(super) async fn schema(&self, id: u32) -> Result<String, RegistryError> {
        let get = || async {
            get_schema_by_id(id, &self.settings)
                .await
                .map_err(|error| judged(&format!("schema {id}"), error))
        };
        match retried(get).await {
            Ok(registered) => Ok(registered.schema),
            Err(error) if is_absence(&error) => Err(RegistryError::UnknownId(id)),
            Err(error) => Err(error),
        }
    }

    /// Makes the registry itself refuse what would break readers or writers of any version.
    async fn guard(&self, subject: &Subject) -> Result<(), RegistryError> {
        retried(|| self.compatibility.require_full_transitive(&subject.name)).await
    }

    async fn post(&self, subject: &Subject) -> Result<RegisteredSchema, RegistryError> {
        retried(|| async {
            let schema = SuppliedSchema::new(
                Some(subject.full_name.to_owned()),
                SchemaType::Avro,
                subject.schema.to_owned(),
            );
            post_schema(&self.settings, subject.name.clone(), schema)
                .await
                .map_err(|error| judged(&subject.name, error))
        })
        .await
    }

    async fn look_up(&self, subject: &Subject) -> Result<Option<u32>, RegistryError> {
        let body =
            serde_json::json!({ "schema": subject.schema, "schemaType": "AVRO" }).to_string();
        let ask = || async {
            perform_sr_call(&self.settings, SrCall::PostForVersion(&subject.name, &body))
                .await
                .map_err(|error| judged(&subject.name, error))
        };
        match retried(ask).await {
            Ok(found) => Ok(found.id),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Confluent's codes for an unknown subject, version or schema; a bare 404 comes from some proxies.
fn is_absence(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Refused { code: 404 | 40401..=40403, .. })
}

/// Asks again, a bounded number of times, what was not answered.
pub(super) async fn retried<T, F: Future<Output = Result<T, RegistryError>>>(
    ask: impl FnMut() -> F,
) -> Result<T, RegistryError> {
    ask.retry(
        ExponentialBuilder::default()
            .with_min_delay(RETRY_FIRST)
            .with_max_delay(RETRY_LAST)
            .with_max_times(RETRIES),
    )
    .when(|error| matches!(error, RegistryError::Unanswered(_)))
    .await
}

/// Tells a refusal from no answer: only a client error with a code of its own is a refusal.
fn judged(what: &str, error: SRCError) -> RegistryError {
    let raw = error.source().and_then(|source| source.downcast_ref::<RawError>());
    match raw {
        Some(raw) => refusal_or_silence(what, raw.error_code, &raw.message),
        None => RegistryError::Unanswered(error.into()),
    }
}

pub(super) fn refusal_or_silence(what: &str, code: u32, message: &str) -> RegistryError {
    match code {
        400..=499 | 40_000..=49_999 => {
            RegistryError::Refused { what: what.to_owned(), code, message: message.to_owned() }
        }
        _ => RegistryError::Unanswered(format!("{message} (code {code})").into()),
    }
}
