//! What was measured: a line for people, or a JSON object for machines.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Prints figures as they come.
pub(crate) struct Report {
    pub(crate) is_json: bool,
}

impl Report {
    pub(crate) fn section(&self, title: &str) {
        if !self.is_json {
            println!("\n{title}");
        }
    }

    pub(crate) fn figure(&self, name: &str, value: f64, unit: &str) {
        self.print(name, value, unit, None);
    }

    /// A figure beside one of the same run that it is to be compared with.
    pub(crate) fn ratio(&self, name: &str, value: f64, unit: &str, to: &str, baseline: f64) {
        self.print(name, value, unit, Some((to, value / baseline)));
    }

    fn print(&self, name: &str, value: f64, unit: &str, ratio: Option<(&str, f64)>) {
        if self.is_json {
            let ratio = ratio.map_or(String::new(), |(to, ratio)| {
                format!(r#","ratio":{ratio:.4},"baseline":"{to}""#)
            });
            println!(r#"{{"name":"{name}","value":{value:.4},"unit":"{unit}"{ratio}}}"#);
            return;
        }
        let ratio = ratio.map_or(String::new(), |(to, ratio)| format!("  {ratio:.2} x {to}"));
        let digits = if value < 100.0 { 2 } else { 0 };
        println!("  {name:<44} {value:>14.digits$} {unit:<10}{ratio}");
    }
}

pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A count or a size; what is measured here is far below 2^53.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}

/// Times of one kind of work, in nanoseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000_000, 3).expect("fine bounds")
}

pub(crate) fn record(times: &mut Histogram<u64>, took: Duration) {
    times.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
}

/// The value below which so many per cent lie, in microseconds.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn percentile_us(times: &Histogram<u64>, percent: f64) -> f64 {
    times.value_at_percentile(percent) as f64 / 1e3
}
