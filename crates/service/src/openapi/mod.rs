//! What the descriptions of all our APIs (OpenAPI 3.1) have in common: the problem document, the
//! headers of every answer, and an example of every problem that an answer may be.
//!
//! The macros at the handlers say what is particular to them; [`complete`] adds the rest, so that it
//! is said once and forgotten nowhere.

mod problem;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use utoipa::openapi::example::Example;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr};

pub use problem::{Fault, Problem, RefusedLine};

use crate::problem::catalogue;

const PROBLEM: &str = "application/problem+json";

/// Problems that any operation may be answered with.
const ANYWHERE: [(&str, &str); 1] = [("500", "`internal`: a fault of ours; quote the request id.")];
/// Problems of operations that take a body.
const WITH_BODY: [(&str, &str); 1] =
    [("408", "`request-timeout`: the body did not arrive whole and in time.")];

/// Adds what all operations have in common.
pub fn complete(document: &mut OpenApi) {
    let mut shown = BTreeSet::new();
    for operation in operations(document) {
        let with_body = operation.request_body.is_some();
        let common = ANYWHERE.into_iter().chain(WITH_BODY.into_iter().filter(|_| with_body));
        for (status, description) in common {
            let responses = &mut operation.responses.responses;
            responses.entry(status.to_owned()).or_insert_with(|| problem_response(description));
        }
        for (status, response) in responses(operation) {
            let codes = complete_response(status, response);
            shown.extend(codes.into_iter().map(|code| (code, status.to_owned())));
        }
    }
    let components = document.components.get_or_insert_default();
    for (code, status) in shown {
        if let Some(example) = example(&code, &status) {
            components.examples.insert(example_name(&code, &status), RefOr::T(example));
        }
    }
}

/// Puts what answers have in common in one place, under this side's name, so that the document stays
/// one that people read.
pub fn share_headers(document: &mut OpenApi, side: &str) {
    let mut shared = BTreeMap::new();
    for operation in operations(document) {
        for (_, response) in responses(operation) {
            for (name, header) in &mut response.headers {
                let name = format!("{side}-{name}");
                let place = format!("#/components/headers/{name}");
                if shared.entry(name).or_insert_with(|| header.clone()) == header {
                    *header = RefOr::Ref(Ref::new(place));
                }
            }
        }
    }
    document.components.get_or_insert_default().headers = shared;
}

/// All operations of a description.
pub fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|item| {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
            &mut item.head,
            &mut item.options,
            &mut item.trace,
        ];
        operations.into_iter().flatten()
    })
}

/// The answers of an operation, with their statuses.
pub fn responses(operation: &mut Operation) -> impl Iterator<Item = (&str, &mut Response)> {
    operation.responses.responses.iter_mut().filter_map(|(status, response)| match response {
        RefOr::T(response) => Some((status.as_str(), response)),
        RefOr::Ref(_) => None,
    })
}

/// Documents a header of an answer, unless the handler has done so.
pub fn header(response: &mut Response, name: &str, description: &str, example: &str) {
    let known = response.headers.keys().any(|known| known.eq_ignore_ascii_case(name));
    if !known {
        let header = HeaderBuilder::from(Header::default())
            .description(Some(description))
            .example(Some(example.into()))
            .build();
        response.headers.insert(name.to_owned(), header.into());
    }
}

/// An answer that is a problem document. The codes that it may have stand between backticks in the
/// description.
fn problem_response(description: &str) -> RefOr<Response> {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content(PROBLEM, content).build().into()
}

/// Gives the codes that the answer may have.
fn complete_response(status: &str, response: &mut Response) -> Vec<String> {
    header(
        response,
        "X-Request-Id",
        "Names this request in every log; the client's own id where it sent one.",
        "01991b2c-7d3e-7f4a-8a51-2f0a6b9c1d20",
    );
    if matches!(status, "425" | "429" | "503") {
        header(response, "Retry-After", "Seconds after which to ask again.", "1");
    }
    let Some(RefOr::T(content)) = response.content.get_mut(PROBLEM) else { return Vec::new() };
    let codes = codes(&response.description);
    for code in &codes {
        let place = format!("#/components/examples/{}", example_name(code, status));
        content.examples.insert(code.clone(), RefOr::Ref(Ref::new(place)));
    }
    codes
}

/// A code may come with several statuses.
fn example_name(code: &str, status: &str) -> String {
    format!("{code}-{status}")
}

/// The words between backticks that are codes of problems.
fn codes(description: &str) -> Vec<String> {
    let words = description.split('`').skip(1).step_by(2);
    words.filter(|word| catalogue::page(word).is_some()).map(str::to_owned).collect()
}

fn example(code: &str, status: &str) -> Option<Example> {
    let page = catalogue::page(code)?;
    let mut example = Example::new();
    page.title.clone_into(&mut example.summary);
    example.value = Some(json!({
        "type": format!("/problems/{code}"),
        "title": page.title,
        "status": status.parse::<u16>().ok()?,
        "detail": page.text,
        "instance": "/requests/01991b2c-7d3e-7f4a-8a51-2f0a6b9c1d20",
        "retry": page.retry,
    }));
    Some(example)
}
