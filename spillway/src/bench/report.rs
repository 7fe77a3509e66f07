//! What was measured, ratios first: as a table for people, or as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Subject,
    args::{Settings, Workload, name},
    course::Measured,
    environment::Environment,
    load::Load,
};
use crate::output::{self, Format};

#[derive(Debug, Serialize)]
pub(super) struct Report {
    bench: &'static str,
    environment: Environment,
    settings: Settings,
    lines: Vec<Line>,
}

/// One entrant under one load.
#[derive(Debug, Clone, Serialize)]
struct Line {
    workload: Workload,
    load: Load,
    subject: &'static str,
    is_baseline: bool,
    /// Its figures divided by those of each baseline of the same workload and load.
    of: BTreeMap<&'static str, Ratios>,
    per_second: f64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    p99_9_ms: f64,
    max_ms: f64,
    /// Processor time for each answer; absent where nobody's is known.
    cpu_ms: Option<f64>,
    /// The same by process or thread.
    cpu_ms_of: BTreeMap<String, f64>,
    answers: u64,
    hints: u64,
    hits: u64,
    busy: u64,
    late: u64,
    unsent: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Ratios {
    per_second: f64,
    p50: f64,
    p99: f64,
    cpu: Option<f64>,
}

impl Report {
    pub(super) fn new(
        subject: Subject,
        environment: Environment,
        settings: Settings,
        measured: Vec<Measured>,
    ) -> Self {
        let bench = match subject {
            Subject::Orders => "orders",
            Subject::Queries => "queries",
        };
        let mut lines: Vec<Line> = measured.into_iter().map(Line::of).collect();
        let baselines: Vec<Line> = lines.iter().filter(|line| line.is_baseline).cloned().collect();
        for line in &mut lines {
            let beside = baselines.iter().filter(|other| other.is_beside(line));
            line.of = beside.map(|other| (other.subject, line.ratios(other))).collect();
        }
        Self { bench, environment, settings, lines }
    }

    pub(super) fn print(&self, format: Format) -> anyhow::Result<()> {
        output::write(&match format {
            Format::Table => self.table(),
            Format::Json => serde_json::to_string_pretty(self)? + "\n",
            Format::Jsonl => serde_json::to_string(self)? + "\n",
        })
    }

    fn table(&self) -> String {
        let Environment { cores, cpu, kernel, build, versions, load_average } = &self.environment;
        let versions: Vec<String> =
            versions.iter().map(|(what, v)| format!("{what} {v}")).collect();
        let text = format!(
            "{cores} cores of {cpu}, Linux {kernel}, {build} build, load average {} then {}\n{}\n\n",
            load_average[0],
            load_average[1],
            versions.join(", ")
        );
        let mut baselines: Vec<&str> = Vec::new();
        for line in self.lines.iter().filter(|line| line.is_baseline) {
            if !baselines.contains(&line.subject) {
                baselines.push(line.subject);
            }
        }
        let mut head = vec!["workload".to_owned(), "load".to_owned(), "subject".to_owned()];
        for baseline in &baselines {
            let of = |what: &str| format!("{what}/{baseline}");
            head.extend(["rate", "p50", "p99", "cpu"].map(of));
        }
        let figures =
            ["a second", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "cpu ms", "not answered"];
        head.extend(figures.map(str::to_owned));
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        text + &output::table(&head, self.lines.iter().map(|line| line.cells(&baselines)))
    }
}

impl Line {
    fn of(measured: Measured) -> Self {
        let Measured { workload, load, entrant, is_baseline, answers, cpu } = measured;
        let cpu_ms = (!cpu.is_empty()).then(|| answers.each_ms(cpu.values().sum()));
        let worked = cpu.into_iter().filter(|(_, seconds)| *seconds > 0.0);
        Self {
            workload,
            load,
            subject: entrant,
            is_baseline,
            of: BTreeMap::new(),
            per_second: answers.per_second(),
            p50_ms: answers.ms(50.0),
            p90_ms: answers.ms(90.0),
            p99_ms: answers.ms(99.0),
            p99_9_ms: answers.ms(99.9),
            max_ms: answers.ms(100.0),
            cpu_ms,
            cpu_ms_of: worked.map(|(name, s)| (name, answers.each_ms(s))).collect(),
            answers: answers.count(),
            hints: answers.hints,
            hits: answers.hits,
            busy: answers.busy,
            late: answers.late,
            unsent: answers.unsent,
        }
    }

    /// Whether the other was measured under the same load, and is another.
    fn is_beside(&self, other: &Self) -> bool {
        let same = (self.workload, self.load) == (other.workload, other.load);
        same && self.subject != other.subject
    }

    fn ratios(&self, baseline: &Self) -> Ratios {
        let cpu = self.cpu_ms.zip(baseline.cpu_ms.filter(|ms| *ms > 0.0));
        Ratios {
            per_second: self.per_second / baseline.per_second,
            p50: self.p50_ms / baseline.p50_ms,
            p99: self.p99_ms / baseline.p99_ms,
            cpu: cpu.map(|(own, other)| own / other),
        }
    }

    fn cells(&self, baselines: &[&str]) -> Vec<String> {
        let mut cells = vec![name(self.workload), self.load.to_string(), self.subject.to_owned()];
        for baseline in baselines {
            let ratios = self.of.get(baseline).filter(|_| !self.is_baseline);
            cells.extend(match ratios {
                Some(Ratios { per_second, p50, p99, cpu }) => {
                    [Some(*per_second), Some(*p50), Some(*p99), *cpu]
                        .map(|r| r.map_or_else(String::new, ratio))
                }
                None => Default::default(),
            });
        }
        let times = [self.p50_ms, self.p90_ms, self.p99_ms, self.p99_9_ms];
        cells.push(format!("{:.0}", self.per_second));
        cells.extend(times.map(|ms| format!("{ms:.2}")));
        cells.push(self.cpu_ms.map_or_else(String::new, |ms| format!("{ms:.3}")));
        cells.push((self.busy + self.late + self.unsent).to_string());
        cells
    }
}

fn ratio(ratio: f64) -> String {
    format!("{ratio:.2}")
}
