//! The course of a measurement: everything warmed up, then rounds in which whatever is compared takes
//! turns, so that a busy machine is busy for all of it.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    answers::Answers,
    args::{Args, Workload, name},
    baseline::Baseline,
    cpu::Workers,
    load::{Load, Stretch, Wish},
    throwaway::Systems,
};
use crate::dev::Steps;

/// What is measured side by side.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) workload: Workload,
    pub(super) entrants: Vec<Entrant>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Entrant {
    pub(super) name: &'static str,
    /// Whether others are compared with it.
    pub(super) is_baseline: bool,
    pub(super) address: String,
    pub(super) wish: Arc<dyn Wish>,
    pub(super) workers: Workers,
}

/// All cases, and what must live as long as they are measured.
#[derive(Debug, Default)]
pub(super) struct Cases {
    pub(super) all: Vec<Case>,
    pub(super) baselines: Vec<Baseline>,
    pub(super) tables: Option<super::baseline::postgres::Tables>,
}

/// What one entrant did under one load, over all rounds.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) workload: Workload,
    pub(super) load: Load,
    pub(super) entrant: &'static str,
    pub(super) is_baseline: bool,
    pub(super) answers: Answers,
    /// Seconds of processor time by name; empty where nobody's is known.
    pub(super) cpu: BTreeMap<String, f64>,
}

#[derive(Debug)]
pub(super) struct Course<'a> {
    pub(super) args: &'a Args,
    pub(super) cases: &'a [Case],
    pub(super) systems: &'a Systems,
}

impl Cases {
    /// Drops what was made on a PostgreSQL of somebody else.
    ///
    /// # Errors
    /// PostgreSQL is away.
    pub(super) async fn clean_up(self) -> anyhow::Result<()> {
        drop(self.baselines);
        match self.tables {
            Some(tables) => tables.drop().await,
            None => Ok(()),
        }
    }
}

impl Course<'_> {
    /// Measures everything; one line for each workload, load and entrant, in that order.
    ///
    /// # Errors
    /// A load fails, or the projector does not keep up.
    pub(super) async fn run(&self, steps: &Steps) -> anyhow::Result<Vec<Measured>> {
        for case in self.cases {
            let warm_up = self.warm_up(case);
            steps.run(&format!("{} warmed up", name(case.workload)), warm_up).await?;
        }
        let mut all = self.nothing_yet()?;
        for round in 1..=self.args.rounds.get() {
            let mut lines = all.iter_mut();
            for case in self.cases {
                let of_case: Vec<&mut Measured> =
                    lines.by_ref().take(self.args.loads().len() * case.entrants.len()).collect();
                let what = format!("{}, round {round}", name(case.workload));
                steps.run(&what, self.measure(case, of_case)).await?;
            }
        }
        Ok(all)
    }

    async fn warm_up(&self, case: &Case) -> anyhow::Result<()> {
        let loads = self.args.loads();
        let load = *loads.iter().max_by_key(|load| load.width()).unwrap_or(&Load::ONE);
        for entrant in &case.entrants {
            let mut stretch = self.stretch(entrant, load);
            stretch.lasts = self.args.warm_up;
            stretch.run().await?;
        }
        self.settle().await
    }

    async fn measure(&self, case: &Case, lines: Vec<&mut Measured>) -> anyhow::Result<()> {
        let loads = self.args.loads();
        let turns = loads.iter().flat_map(|load| case.entrants.iter().map(|e| (*load, e)));
        for ((load, entrant), line) in turns.zip(lines) {
            let before = entrant.workers.seconds();
            let answers = self.stretch(entrant, load).run().await?;
            self.settle().await?;
            for (name, seconds) in entrant.workers.seconds() {
                let more = seconds - before.get(&name).unwrap_or(&0.0);
                *line.cpu.entry(name).or_default() += more;
            }
            line.answers.add(&answers)?;
            line.answers.took += answers.took;
        }
        Ok(())
    }

    fn nothing_yet(&self) -> anyhow::Result<Vec<Measured>> {
        let mut all = Vec::new();
        for case in self.cases {
            for load in self.args.loads() {
                for entrant in &case.entrants {
                    all.push(Measured {
                        workload: case.workload,
                        load,
                        entrant: entrant.name,
                        is_baseline: entrant.is_baseline,
                        answers: Answers::none()?,
                        cpu: BTreeMap::new(),
                    });
                }
            }
        }
        Ok(all)
    }

    fn stretch(&self, entrant: &Entrant, load: Load) -> Stretch {
        Stretch {
            address: entrant.address.clone(),
            wish: entrant.wish.clone(),
            load,
            connections: self.args.connections,
            lasts: self.args.seconds,
        }
    }

    async fn settle(&self) -> anyhow::Result<()> {
        for system in self.systems.all() {
            system.settle().await?;
        }
        Ok(())
    }
}
