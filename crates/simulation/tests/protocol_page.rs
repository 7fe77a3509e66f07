//! The table at the end of `docs/protocol.md` names what exists, and leaves no rule and no bug out.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const RULES: std::ops::RangeInclusive<usize> = 1..=27;

/// One line of the table.
struct Row {
    rule: usize,
    places: Vec<String>,
    bugs: Vec<String>,
    tests: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A file of tests, also where it has grown into a folder since.
fn read_tests(path: &str) -> String {
    let folder = root().join(path.trim_end_matches(".rs"));
    match fs::read_dir(&folder) {
        Ok(files) if !root().join(path).exists() => {
            files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok()).collect()
        }
        _ => read(path),
    }
}

/// The texts between backquotes.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rows() -> Vec<Row> {
    let page = read("docs/protocol.md");
    let (_, table) = page.split_once("| rule | where |").expect("the table");
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [rule, places, bugs, tests] = cells[..] else { panic!("four cells: {line}") };
            let rule = rule.parse().unwrap_or_else(|_| panic!("no number of a rule: {rule}"));
            Row { rule, places: names(places), bugs: names(bugs), tests: names(tests) }
        })
        .collect()
}

/// The variants of `Bug`; the type itself is there only under its feature.
fn bugs() -> BTreeSet<String> {
    let source = read("crates/shard/src/planted.rs");
    let (_, list) = source.split_once("\nbugs! {").expect("the list of bugs");
    let (list, _) = list.split_once("\n}").expect("its end");
    let lines = list.lines().map(str::trim).filter(|line| !line.starts_with("///"));
    lines.filter_map(|line| line.strip_suffix(',')).map(str::to_owned).collect()
}

#[test]
fn every_rule_stands_in_the_table_once_with_its_place_and_its_tests() {
    let rows = rows();
    assert_eq!(rows.iter().map(|row| row.rule).collect::<Vec<_>>(), RULES.collect::<Vec<_>>());
    for Row { rule, places, tests, .. } in &rows {
        assert!(!places.is_empty() && !tests.is_empty(), "rule {rule} has neither place nor test");
        for place in places {
            assert!(root().join(place).exists(), "rule {rule}: there is no {place}");
        }
        for test in tests {
            let (file, name) = test.split_once("::").expect("a file and a function");
            // The planted bugs' tests are made by a macro: a line is name and bug.
            let (function, line) = (format!("fn {name}("), format!("\n    {name} "));
            let source = read_tests(file);
            let is_there = source.contains(&function)
                || (file.ends_with("/planted.rs") && source.contains(&line));
            assert!(is_there, "rule {rule}: {file} has no {name}");
        }
    }
}

#[test]
fn every_bug_stands_with_a_rule_and_its_test() {
    let tests = read("crates/simulation/tests/planted.rs");
    let mut named = BTreeSet::new();
    for row in rows() {
        for bug in row.bugs {
            let is_tested = row.tests.iter().any(|test| {
                let name = test.rsplit("::").next().unwrap_or_default();
                tests.contains(&format!("\n    {name} {bug},"))
            });
            assert!(is_tested, "rule {}: the test of {bug} is not beside it", row.rule);
            named.insert(bug);
        }
    }
    assert_eq!(named, bugs());
}
