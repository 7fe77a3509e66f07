//! `/problems` and `/problems/{code}`: the page behind every problem's `type`, for people.
//!
//! Every process with an API has the pages of all: a `type` is a relative reference, and whoever
//! asked one process by itself finds its page there.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CACHE_CONTROL;

use super::catalogue::{self, PAGES, Page};
use super::{Problem, Retry, kinds};

/// They change with releases only.
const KEEP: &str = "public, max-age=300, stale-while-revalidate=3600";

/// The pages. Merge them with an API's routes before [`frame`](crate::http::frame) is applied.
pub fn pages() -> Router {
    Router::new().route("/problems", get(index)).route("/problems/{code}", get(page))
}

async fn index() -> Response {
    text(PAGES.iter().map(|page| format!("/problems/{}  {}\n", page.code, page.title)).collect())
}

async fn page(Path(code): Path<String>) -> Response {
    match catalogue::page(&code) {
        Some(page) => text(written(page)),
        None => Problem::new(kinds::NOT_FOUND)
            .detail("No problem has this type; /problems lists all.")
            .into_response(),
    }
}

fn written(page: &Page) -> String {
    let retry = match page.retry {
        Retry::Safe => {
            "The same request, with the same Idempotency-Key if it has one, may be sent again and \
             may succeed; wait for Retry-After if there is one."
        }
        Retry::Unsafe => {
            "What became of the request is unknown. Sending it again is safe if it only reads or \
             carries the same Idempotency-Key."
        }
        Retry::Never => "The same request gets the same answer until something else changes.",
    };
    let Page { code, status, title, text, .. } = page;
    format!("{title}\n\n{text}\n\n{retry}\n\nType: /problems/{code}\nStatus: {status}\n")
}

fn text(text: String) -> Response {
    ([(CACHE_CONTROL, KEEP)], text).into_response()
}
