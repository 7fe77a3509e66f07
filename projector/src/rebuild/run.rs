//! One run of a rebuild, from wherever an earlier one ended to the switch.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use serde::Serialize;

use super::{
    Context, Error,
    begin::{add_indexes, begin, begin_back},
    compare::{Compared, compare, moment},
    fill::{Pace, fill},
    level::{left, level, live_marks, marks_of},
    switch::switch,
};
use crate::{operate::Operator, projection::Projection};

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A new generation, compared; switched also when rows differ, if that is accepted.
    New { accept_differences: bool },
    /// The generation that was live before.
    Back,
}

/// How far a run is, for whoever shows it.
#[derive(Debug)]
pub struct Watch {
    pub pace: Pace,
    /// Events that this run had before it.
    total: AtomicI64,
    phase: Mutex<&'static str>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub projection: &'static str,
    /// The generation that was filled.
    pub generation: i32,
    /// The one that was live; it waits for `--back` when it is switched off.
    pub live_before: i32,
    /// Whether an earlier run had begun it.
    pub is_resumed: bool,
    /// Events that this run applied before the generations were compared.
    pub events: u64,
    pub fill_seconds: f64,
    /// Empty when nothing was compared.
    pub tables: Vec<Compared>,
    pub is_switched: bool,
}

impl Watch {
    pub fn new(rate: Option<f64>) -> Self {
        Self { pace: Pace::new(rate), total: AtomicI64::new(0), phase: Mutex::new("beginning") }
    }

    pub fn total(&self) -> u64 {
        self.total.load(Relaxed).unsigned_abs()
    }

    pub fn phase(&self) -> &'static str {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: &'static str) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }
}

/// Runs to the switch, or to the differences that hold it back.
pub async fn run<P: Projection>(
    context: &Context,
    wish: Wish,
    by: &Operator,
    watch: &Watch,
) -> Result<Report, Error> {
    let pool = &context.pool;
    let (owner, is_resumed) = match wish {
        Wish::New { .. } => begin::<P>(pool, by).await?,
        Wish::Back => (begin_back::<P>(pool, by).await?, false),
    };
    let live = live_marks::<P>(pool).await?;
    watch.total.store(left(&marks_of(pool, owner, &live).await?, &live), Relaxed);
    watch.enter("filling");
    let began = std::time::Instant::now();
    fill::<P>(context, owner, &live, &watch.pace).await?;
    let fill_seconds = began.elapsed().as_secs_f64();
    let events = watch.pace.events();
    watch.enter("indexing");
    add_indexes::<P>(pool, owner).await?;
    let mut report = Report {
        projection: P::NAME,
        generation: owner.generation,
        live_before: 0,
        is_resumed,
        events,
        fill_seconds,
        tables: Vec::new(),
        is_switched: false,
    };
    if let Wish::New { accept_differences } = wish {
        watch.enter("comparing");
        let (held, before) = level::<P>(context, owner, &watch.pace).await?;
        let mut moment = moment(pool).await?;
        // The comparison looks at its moment; the live generation goes on.
        held.rollback().await?;
        report.live_before = before.generation;
        report.tables = compare::<P>(&mut moment, owner).await?;
        moment.rollback().await?;
        if !accept_differences && report.tables.iter().any(|table| !table.is_equal()) {
            return Ok(report);
        }
    }
    watch.enter("switching");
    report.live_before = switch::<P>(context, owner, &watch.pace, by).await?.generation;
    report.is_switched = true;
    Ok(report)
}
