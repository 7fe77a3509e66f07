//! What a request demands of the read model: the positions it must have passed, and until when it
//! may be waited for.

use std::time::Duration;

use events::{Position, position};
use http::{HeaderMap, HeaderName, request::Parts};
use tokio::time::Instant;

use super::{Api, Waits, error::Error, fault::Fault, params::Params, prefer::Preferred};
use crate::{
    cache::Fetched,
    measure::POSITION_WAIT,
    position::NotPassed,
    read::{
        checkpoint::{Marks, Projection},
        stamp::{Parked, Stamped},
    },
};

/// The header that carries a position, in commands' answers and in queries.
pub(super) static POSITION: HeaderName = HeaderName::from_static("spillway-position");

/// More shards than any one command touches.
const ENTRIES_MAX: usize = 256;

/// Positions that the answer must not be older than, and the deadline for that.
#[derive(Debug)]
pub(super) struct Freshness {
    positions: Vec<Position>,
    began: Instant,
    deadline: Instant,
    waits: bool,
}

impl Freshness {
    /// Reads the header and, for links and browsers, the parameter `position`.
    pub(super) fn read(parts: &Parts, params: &mut Params, waits: Waits) -> Self {
        let from_query = params.take("position", token);
        let from_header = from_headers(&parts.headers).unwrap_or_else(|why| {
            params.fault(Fault::header("Spillway-Position", why));
            None
        });
        let preferred = parts.extensions.get::<Preferred>().map(|preferred| preferred.0);
        let is_given = from_header.is_some() || from_query.is_some();
        let positions = from_header.into_iter().chain(from_query).flatten().collect();
        let fresh = Self::of(positions, preferred, waits);
        Self { waits: fresh.waits || is_given, ..fresh }
    }

    /// Demands these positions, from now on.
    pub(super) fn of(positions: Vec<Position>, preferred: Option<Duration>, waits: Waits) -> Self {
        let began = Instant::now();
        let deadline = began + preferred.unwrap_or(waits.usual);
        let waits = preferred.is_some() || !positions.is_empty();
        Self { positions, began, deadline, waits }
    }

    /// Demands one more position, as its token.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn and(mut self, text: &str) -> Result<Self, String> {
        self.positions.extend(token(text)?);
        self.waits = true;
        Ok(self)
    }

    /// Waits until the projection has passed what concerns it, on the primary or on a replica.
    pub(super) async fn wait(&self, api: &Api, projection: Projection) -> Result<(), Error> {
        if self.positions.is_empty() || api.servers.has_replica_passed(projection, &self.positions)
        {
            return Ok(());
        }
        let end = api.tracker.passed(projection, &self.positions, self.deadline).await;
        let ended = match &end {
            Ok(()) => "passed",
            Err(NotPassed::Behind(_)) => "behind",
            Err(NotPassed::Unreachable) => "unreachable",
        };
        metrics::histogram!(POSITION_WAIT, "read_model" => projection.as_str(), "ended" => ended)
            .record(self.began.elapsed());
        end.map_err(|why| match why {
            NotPassed::Behind(positions) => Error::PositionNotReached(positions),
            NotPassed::Unreachable => Error::Unreachable,
        })
    }

    /// Judges what a row was read with: whether it is as fresh as the request demands.
    pub(super) fn judge<T>(&self, stamped: &Stamped<T>) -> Result<(), Error> {
        let Stamped { row, stamp, .. } = stamped;
        if let Some(position) = stamp.behind(&self.positions) {
            return Err(Error::PositionNotReached(vec![position.clone()]));
        }
        self.judge_parked(row.is_some(), stamp.parked.as_ref())
    }

    /// The same for a row that a cache may have given.
    pub(super) fn judge_row(&self, projection: Projection, fetched: &Fetched) -> Result<(), Error> {
        // Where there is no row, nothing else says how far the read model was: a reset may have taken
        // it back since the positions were seen to be passed.
        if let Some(marks) = &fetched.missing_at {
            self.judge_marks(projection, marks)?;
        }
        self.judge_parked(fetched.row.is_some(), fetched.parked.as_ref())?;
        match &fetched.row {
            Some(row) if !row.shows(projection, &self.positions) => {
                Err(Error::PositionNotReached(self.positions.clone()))
            }
            _ => Ok(()),
        }
    }

    /// The same for rows that were read with these marks, in one snapshot.
    pub(super) fn judge_marks(&self, projection: Projection, marks: &Marks) -> Result<(), Error> {
        let behind = self.positions.iter().filter(|p| !marks.passed(projection, p));
        let behind: Vec<Position> = behind.cloned().collect();
        if behind.is_empty() { Ok(()) } else { Err(Error::PositionNotReached(behind)) }
    }

    /// Judges what a key waits behind: what it hides may be what the positions stand for, and where
    /// there is no row, all there is.
    pub(super) fn judge_parked(
        &self,
        is_there: bool,
        parked: Option<&Parked>,
    ) -> Result<(), Error> {
        match parked {
            Some(parked) if !is_there || parked.hides(&self.positions) => {
                Err(Error::Parked(parked.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Whether the client has said that it will wait for something that is not there yet.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    pub(super) fn positions(&self) -> &[Position] {
        &self.positions
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }
}

/// All positions of all headers: a client that has written twice sends both, and what stands between
/// may join them by a comma.
fn from_headers(headers: &HeaderMap) -> Result<Option<Vec<Position>>, String> {
    let mut all: Option<Vec<Position>> = None;
    for value in headers.get_all(&POSITION) {
        let text = value.to_str().map_err(|_| position::Unreadable.to_string())?;
        for text in text.split(',') {
            all.get_or_insert_default().extend(token(text.trim())?);
        }
    }
    match all {
        Some(all) if all.len() > ENTRIES_MAX => Err(position::Unreadable.to_string()),
        all => Ok(all),
    }
}

fn token(text: &str) -> Result<Vec<Position>, String> {
    position::from_token(text, ENTRIES_MAX).map_err(|why| why.to_string())
}
