//! What waits as dead letters, as the projector's gauges tell; every instance tells the same.

use std::collections::BTreeMap;

use serde::Serialize;

use super::metrics::samples;
use crate::output::Row;

/// The dead letters of one projection.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub(super) struct Letters {
    projection: String,
    /// How many wait, by error class.
    by_class: BTreeMap<String, i64>,
    /// Orders or products whose later events wait.
    parked_keys: i64,
    /// Age of the oldest letter, in seconds.
    oldest_seconds: f64,
}

impl Letters {
    /// How many wait.
    pub(super) fn count(&self) -> i64 {
        self.by_class.values().sum()
    }
}

/// The projections that have dead letters, in order.
pub(super) fn of(metrics: &str) -> Vec<Letters> {
    let mut found: BTreeMap<String, Letters> = BTreeMap::new();
    for sample in samples(metrics) {
        let is_ours = matches!(
            sample.name,
            "projector_dead_letters_waiting"
                | "projector_parked_keys_waiting"
                | "projector_dead_letter_age_seconds"
        );
        let Some(projection) = sample.labels.get("projection").filter(|_| is_ours) else {
            continue;
        };
        let row = found
            .entry(projection.clone())
            .or_insert_with(|| Letters { projection: projection.clone(), ..Letters::default() });
        match sample.name {
            "projector_dead_letters_waiting" => {
                let class = sample.labels.get("class").cloned().unwrap_or_default();
                row.by_class.insert(class, sample.count());
            }
            "projector_parked_keys_waiting" => row.parked_keys = sample.count(),
            _ => row.oldest_seconds = sample.value,
        }
    }
    // A class that has none any more goes on being told as 0.
    let waiting = found.into_values().map(|mut row| {
        row.by_class.retain(|_, count| *count > 0);
        row
    });
    waiting.filter(|row| row.count() > 0).collect()
}

impl Row for Letters {
    const HEAD: &'static [&'static str] =
        &["projection", "dead letters", "parked keys", "oldest", "by class"];

    fn cells(&self) -> Vec<String> {
        let classes = self.by_class.iter().map(|(class, count)| format!("{class} {count}"));
        vec![
            self.projection.clone(),
            self.count().to_string(),
            self.parked_keys.to_string(),
            age(self.oldest_seconds),
            classes.collect::<Vec<_>>().join(", "),
        ]
    }
}

/// An age in its largest whole unit, as `--since` takes it.
fn age(seconds: f64) -> String {
    for (unit, length) in [("d", 86_400.0), ("h", 3_600.0), ("m", 60.0)] {
        if seconds >= length {
            return format!("{:.0}{unit}", (seconds / length).floor());
        }
    }
    format!("{seconds:.0}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_waits_is_told_with_its_classes_and_age() {
        let metrics = "\
projector_dead_letters_waiting{projection=\"orders\",class=\"parked\"} 3
projector_dead_letters_waiting{projection=\"orders\",class=\"unfit\"} 1
projector_dead_letters_waiting{projection=\"orders\",class=\"unknown\"} 0
projector_parked_keys_waiting{projection=\"orders\"} 1
projector_dead_letter_age_seconds{projection=\"orders\"} 7300.5
projector_dead_letters_waiting{projection=\"products\",class=\"unfit\"} 0
projector_dead_letter_age_seconds{projection=\"products\"} 0
";
        let rows: Vec<Vec<String>> = of(metrics).iter().map(Row::cells).collect();
        assert_eq!(rows, [["orders", "4", "1", "2h", "parked 3, unfit 1"]]);
    }

    #[test]
    fn an_age_has_one_unit() {
        assert_eq!([59.2, 61.0, 3_600.0, 200_000.0].map(age), ["59s", "1m", "1h", "2d"]);
    }
}
