//! Reads gauges out of the Prometheus text format.

use std::collections::BTreeMap;

/// One sample of the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    pub(super) labels: BTreeMap<&'a str, String>,
    pub(super) value: f64,
}

impl Sample<'_> {
    /// The value of a gauge that counts.
    pub(super) fn count(&self) -> i64 {
        // The format has floating point only; counts stay far below 2^53, and a stray value is cut
        // off at the bounds.
        #[allow(clippy::cast_possible_truncation)]
        let count = self.value as i64;
        count
    }
}

/// All samples of the text. Lines that are none (comments, or a form that nobody here writes) are
/// passed over: a status must not fail on them.
pub(super) fn samples(text: &str) -> impl Iterator<Item = Sample<'_>> {
    text.lines().filter_map(sample)
}

fn sample(line: &str) -> Option<Sample<'_>> {
    if line.starts_with('#') {
        return None;
    }
    let (name, labels, rest) = match line.split_once('{') {
        Some((name, rest)) => {
            let (labels, rest) = labels(rest)?;
            (name, labels, rest)
        }
        None => {
            let (name, rest) = line.split_once(' ')?;
            (name, BTreeMap::new(), rest)
        }
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name, labels, value })
}

/// Reads `name="value",…}`; gives the labels and what follows the brace.
fn labels(mut rest: &str) -> Option<(BTreeMap<&str, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let (value, after) = unquote(quoted)?;
        labels.insert(name, value);
        rest = after;
    }
}

/// Reads up to the closing quote; a backslash keeps the next character from ending the value.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_labels_and_values_are_read_and_the_rest_is_passed_over() {
        let text = "# TYPE lag gauge\nlag{shard=\"orders/3\",why=\"a \\\"b\\\"\"} 12.5\nup 1 1700\n\nbad{x=\"\n";
        let read: Vec<Sample<'_>> = samples(text).collect();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].name, read[0].value), ("lag", 12.5));
        assert_eq!(read[0].labels["shard"], "orders/3");
        assert_eq!(read[0].labels["why"], "a \"b\"");
        assert_eq!((read[1].name, read[1].value), ("up", 1.0));
    }
}
