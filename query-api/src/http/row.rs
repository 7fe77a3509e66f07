//! One row by its key: from the nearest tier that has it fresh enough, with what a cache says about
//! itself (RFC 9211).

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    Api,
    answer::{self, Keep},
    error::Error,
    freshness::Freshness,
};
use crate::cache::{Answered, Fetched, Key, Tier};

static CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Answers the row, or `unknown` when there is none.
pub(super) async fn answer(
    api: &Api,
    headers: &HeaderMap,
    freshness: &Freshness,
    key: &Key,
    keep: Keep,
    unknown: Error,
) -> Result<Response, Error> {
    let fetched = fetch(api, freshness, key).await?;
    freshness.judge_row(key.projection, &fetched)?;
    let Fetched { row, parked, answered, .. } = fetched;
    let row = row.ok_or(unknown)?;
    let response = answer::kept(headers, row.facts.version, keep, row.body.clone());
    let mut response = answer::note_parked(response, parked.is_some().into());
    // Words and commas, which every header takes.
    if let Ok(status) = HeaderValue::try_from(status(&answered)) {
        response.headers_mut().insert(CACHE_STATUS.clone(), status);
    }
    Ok(response)
}

async fn fetch(api: &Api, freshness: &Freshness, key: &Key) -> Result<Fetched, Error> {
    let missed = match api.cache.find(key, freshness.positions()) {
        Ok(fetched) => return Ok(fetched),
        Err(missed) => missed,
    };
    freshness.wait(api, key.projection).await?;
    Ok(api.cache.fetch(key, freshness.positions(), missed).await?)
}

/// The caches from the one nearest to PostgreSQL to the one nearest to the client.
fn status(answered: &Answered) -> String {
    let Answered { tier, missed, was_shared_asked, is_collapsed } = *answered;
    let collapsed = if is_collapsed { "; collapsed" } else { "" };
    let memory = format!("spillway-memory; fwd={missed}{collapsed}");
    match tier {
        Tier::Memory => "spillway-memory; hit".to_owned(),
        Tier::Redis => format!("spillway-redis; hit, {memory}"),
        Tier::Replica | Tier::Primary => {
            let redis = if was_shared_asked { "spillway-redis; fwd=uri-miss, " } else { "" };
            format!("{redis}{memory}; detail={}", tier.as_str())
        }
    }
}
