//! `/problems` and `/problems/{code}`: the page behind every problem's `type`, for people.
//!
//! Both APIs send these types and one door stands in front of both, so that all pages are here.

mod catalogue;

use axum::{
    Router,
    extract::Path,
    http::{HeaderValue, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
    routing::get,
};
use service::problem::{Problem, Retry, kinds};

use self::catalogue::{PAGES, Page};
use super::{Api, answer::Keep};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/problems", get(index)).route("/problems/{code}", get(page))
}

async fn index() -> Response {
    text(PAGES.iter().map(|page| format!("/problems/{}  {}\n", page.code, page.title)).collect())
}

async fn page(Path(code): Path<String>) -> Response {
    match PAGES.iter().find(|page| page.code == code) {
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
    ([(CACHE_CONTROL, HeaderValue::from(Keep::Release))], text).into_response()
}
