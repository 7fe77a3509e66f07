//! The descriptions of both sides, held against each other and against the sources.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use domain::refusal::Code;
use service::problem::catalogue::{self, PAGES};

use super::*;

/// Codes that no operation names: any request may be answered so, or only a door in front answers so,
/// or a stream ends so, or GraphQL answers so, which has a schema of its own.
const OF_NO_OPERATION: [&str; 7] = [
    "not-found",
    "method-not-allowed",
    "bad-gateway",
    "timeout",
    "too-many-requests",
    "slow-client",
    "query-too-complex",
];

#[test]
fn both_sides_are_described() {
    let document = document().unwrap();
    assert_eq!(document["info"]["title"], TITLE);
    let order = &document["paths"]["/v1/orders"];
    assert!(order["post"].is_object() && order["get"].is_object(), "{order}");
}

/// Where both sides describe a type of one name, they mean the same: the merged description keeps
/// one of them.
#[test]
fn a_name_means_the_same_on_both_sides() {
    let read = |text| serde_json::from_str::<Value>(text).unwrap();
    let (commands, queries) = (read(COMMANDS), read(QUERIES));
    for kind in ["schemas", "headers", "examples"] {
        let defined = |document: &Value| document["components"][kind].as_object().cloned();
        let queries = defined(&queries).unwrap();
        for (name, definition) in defined(&commands).unwrap() {
            if let Some(other) = queries.get(&name) {
                assert_eq!(*other, definition, "{name}");
            }
        }
    }
}

/// Every answer of the document that is a problem, with what it says about it.
fn problems(document: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let problem = &answer["content"]["application/problem+json"];
                if problem.is_object() {
                    found.push((format!("{method} {path} {status}"), problem.clone()));
                }
            }
        }
    }
    found
}

#[test]
fn every_problem_of_every_operation_is_shown_and_every_code_is_used() {
    let document = document().unwrap();
    let mut shown = BTreeSet::from(OF_NO_OPERATION.map(str::to_owned));
    for (place, problem) in problems(&document) {
        let examples = problem["examples"].as_object().unwrap_or_else(|| panic!("{place}: none"));
        for (code, example) in examples {
            let example = document.pointer(&example["$ref"].as_str().unwrap()[1..]).unwrap();
            let status = example["value"]["status"].to_string();
            assert!(place.ends_with(&status), "{place} {code}");
            assert!(catalogue::page(code).unwrap().status.contains(&status), "{place} {code}");
            shown.insert(code.clone());
        }
    }
    let paged: BTreeSet<String> = PAGES.iter().map(|page| page.code.to_owned()).collect();
    assert_eq!(shown, paged);
}

/// The files below a folder, but those that a build makes.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with("target") => {}
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// The literals that stand first behind an opening bracket.
fn literals<'a>(text: &'a str, opening: &str) -> impl Iterator<Item = &'a str> {
    let pieces = text.split(opening).skip(1);
    pieces.filter_map(|piece| piece.trim_start().strip_prefix('"')?.split('"').next())
}

#[test]
fn every_code_that_any_source_can_answer_has_its_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = Vec::new();
    for folder in ["command-api/src", "query-api/src", "spillway/src/dev", "crates/service/src"] {
        files(&root.join(folder), &mut sources);
    }
    let mut codes = BTreeSet::new();
    for source in sources {
        let text = fs::read_to_string(&source).unwrap();
        // Only literals: a slug that is computed is that of a refusal, below.
        codes.extend(literals(&text, "Kind::new(").map(str::to_owned));
    }
    let nginx = fs::read_to_string(root.join("deploy/nginx/nginx.conf")).unwrap();
    let answered = nginx.split("\"type\":\"/problems/").skip(1);
    codes.extend(answered.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    assert!(codes.contains("overloaded") && codes.contains("position-not-reached"), "{codes:?}");
    codes.extend(Code::ALL.iter().map(|code| code.as_str().to_owned()));
    let unpaged: Vec<_> = codes.iter().filter(|code| catalogue::page(code).is_none()).collect();
    assert!(unpaged.is_empty(), "{unpaged:?}");
}
