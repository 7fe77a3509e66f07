//! Ticked steps with their times, on standard error.
//!
//! On a terminal a step that runs has a spinner; elsewhere only the ticks are written.

use std::{
    collections::HashMap,
    fmt::Display,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use devstack::{Event, Progress, State};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::words;

const SPIN_EVERY: Duration = Duration::from_millis(100);

/// The steps of one start. Clones write to the same place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steps {
    spinners: MultiProgress,
}

impl Steps {
    /// Runs `work` as a step; a failed one gets no tick, for its error is told at the end.
    pub(crate) async fn run<T>(
        &self,
        name: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        let spinner = Spinner::start(&self.spinners, name);
        let done = work.await?;
        drop(spinner);
        self.tick(name, begun.elapsed());
        Ok(done)
    }

    /// Shows what the stack tells about its own steps.
    pub(crate) fn of_stack(&self) -> Progress {
        let steps = self.clone();
        let running = Arc::new(Mutex::new(HashMap::new()));
        Progress::new(move |Event { step, state }| {
            let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
            match state {
                State::Started => {
                    running.insert(step, Spinner::start(&steps.spinners, &step.to_string()));
                }
                State::Finished { took } => {
                    running.remove(&step);
                    steps.tick(&step, took);
                }
            }
        })
    }

    fn tick(&self, name: &(impl Display + ?Sized), took: Duration) {
        let line = format!("{} {name} {}", words::tick(), words::duration(took));
        self.spinners.suspend(|| words::say(&line));
    }
}

/// A line that turns while a step runs, and vanishes with it.
struct Spinner(ProgressBar);

impl Spinner {
    fn start(all: &MultiProgress, name: &str) -> Self {
        let bar = all.add(ProgressBar::new_spinner());
        let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(SPIN_EVERY);
        Self(bar)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
