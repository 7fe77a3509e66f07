//! Bounds of a document that hold before anything else looks at it.
//!
//! The parser recurses with every bracket, and validation follows every fragment wherever it is
//! spread: a short text may be deeper than any stack, or stand for more fields than anybody counts.

use std::collections::HashMap;

use async_graphql::{
    Name, Request,
    parser::types::{
        DocumentOperations, ExecutableDocument, OperationType, Selection, SelectionSet,
    },
};
use service::problem::{Problem, kinds};

use super::{Limits, error::TOO_COMPLEX};

/// Brackets within brackets, of any kind.
const NESTING_MAX: usize = 100;
/// Fragments within fragments, and fields within fields, above which the schema's own limits refuse
/// anyway.
const RECURSION_MAX: usize = 64;

/// Parses the document and keeps it, unless it is beyond bounds.
///
/// # Errors
/// The answer that says why not.
pub(super) fn check(request: &mut Request, limits: &Limits) -> Result<(), Problem> {
    if nesting(&request.query) > NESTING_MAX {
        return Err(too_deep());
    }
    let document = match request.parsed_query() {
        Ok(document) => document,
        Err(error) => return Err(Problem::new(kinds::BAD_REQUEST).detail(error.message)),
    };
    if expanded(document).ok_or_else(too_deep)? > limits.complexity_max {
        let max = limits.complexity_max;
        let why = format!("The query has more than {max} fields; ask for fewer.");
        return Err(Problem::new(TOO_COMPLEX).detail(why));
    }
    if !streams_one(document) {
        let why = "A subscription has exactly one field at its root.";
        return Err(Problem::new(kinds::BAD_REQUEST).detail(why));
    }
    Ok(())
}

fn too_deep() -> Problem {
    Problem::new(TOO_COMPLEX).detail("The query is nested too deep.")
}

/// The deepest nesting of brackets, outside of strings and comments.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '{' | '[' | '(' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            '}' | ']' | ')' => depth = depth.saturating_sub(1),
            '#' => rest = rest.split_once(['\n', '\r']).map_or("", |(_, rest)| rest),
            '"' => rest = behind_string(rest),
            _ => {}
        }
    }
    deepest
}

/// What follows a string whose first quote was read.
fn behind_string(text: &str) -> &str {
    if let Some(mut rest) = text.strip_prefix("\"\"") {
        // Three quotes that no backslash precedes end a block.
        while let Some(at) = rest.find("\"\"\"") {
            let is_escaped = rest[..at].ends_with('\\');
            rest = &rest[at + 3..];
            if !is_escaped {
                return rest;
            }
        }
        return "";
    }
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return &text[at + 1..],
            '\n' | '\r' => return &text[at..],
            _ => {}
        }
    }
    ""
}

/// How many fields and fragments the document stands for once each fragment is put where it is
/// spread; nothing when fragments spread each other without end.
fn expanded(document: &ExecutableDocument) -> Option<usize> {
    let mut known = HashMap::new();
    document.operations.iter().try_fold(0_usize, |sum, (_, operation)| {
        let selection = &operation.node.selection_set.node;
        Some(sum.saturating_add(size(document, selection, &mut known, 0)?))
    })
}

fn size<'a>(
    document: &'a ExecutableDocument,
    selection: &'a SelectionSet,
    known: &mut HashMap<&'a Name, usize>,
    depth: usize,
) -> Option<usize> {
    if depth > RECURSION_MAX {
        return None;
    }
    let mut sum = 0_usize;
    for item in &selection.items {
        let within = match &item.node {
            Selection::Field(field) => {
                size(document, &field.node.selection_set.node, known, depth + 1)?
            }
            Selection::InlineFragment(fragment) => {
                size(document, &fragment.node.selection_set.node, known, depth + 1)?
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                match (known.get(name), document.fragments.get(name)) {
                    (Some(size), _) => *size,
                    (None, Some(fragment)) => {
                        let selection = &fragment.node.selection_set.node;
                        let within = size(document, selection, known, depth + 1)?;
                        known.insert(name, within);
                        within
                    }
                    // Validation says that there is none of this name.
                    (None, None) => 0,
                }
            }
        };
        sum = sum.saturating_add(within).saturating_add(1);
    }
    Some(sum)
}

/// Whether each subscription of the document opens one stream.
fn streams_one(document: &ExecutableDocument) -> bool {
    let operations: Vec<_> = match &document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => operations.values().collect(),
    };
    let subscriptions =
        operations.into_iter().filter(|operation| operation.node.ty == OperationType::Subscription);
    subscriptions.into_iter().all(|subscription| {
        let items = &subscription.node.selection_set.node.items;
        matches!(&items[..], [only] if matches!(only.node, Selection::Field(_)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(query: &str) -> Option<String> {
        let limits = Limits { complexity_max: 1_000, ..Limits::default() };
        let mut request = Request::new(query);
        check(&mut request, &limits).err().map(|problem| problem.kind().slug.to_string())
    }

    #[test]
    fn a_text_deeper_than_any_stack_is_refused_before_it_is_parsed() {
        for bracket in ["{a", "[", "(a:[", "{a:["] {
            let text = bracket.repeat(100_000);
            assert_eq!(refusal(&format!("{{a(b:{text}")).as_deref(), Some("query-too-complex"));
        }
        let quoted = "{".repeat(1_000);
        assert_eq!(refusal(&format!("{{ a(b: \"\\\"{quoted}\") # {quoted}\n c }}")), None);
        let block = format!("{{ a(b: \"\"\"\\\"\"\"{quoted}\"\"\") c }}");
        assert_eq!(refusal(&block), None);
        assert_eq!(refusal("{ a(b: \"").as_deref(), Some("invalid"));
    }

    #[test]
    fn fragments_that_multiply_are_counted_and_not_followed() {
        use std::fmt::Write;

        let mut query = "{ ...F0 }".to_owned();
        for n in 0..30 {
            let next = n + 1;
            write!(query, " fragment F{n} on Query {{ ...F{next} ...F{next} }}").unwrap();
        }
        query.push_str(" fragment F30 on Query { a }");
        assert_eq!(refusal(&query).as_deref(), Some("query-too-complex"));
        let circle = "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }";
        assert_eq!(refusal(circle).as_deref(), Some("query-too-complex"));
        assert_eq!(refusal("{ ...F } fragment F on Query { a b ...G }"), None);
    }

    #[test]
    fn a_subscription_opens_one_stream() {
        assert_eq!(refusal("subscription { a }"), None);
        for query in ["subscription { a b }", "subscription { ...F } fragment F on S { a b }"] {
            assert_eq!(refusal(query).as_deref(), Some("invalid"), "{query}");
        }
    }
}
