//! Which address shows which page. Pages are static: what differs from person to person they ask for over `/api`.

use axum::Json;
use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::header::{ACCEPT, CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde::Serialize;

use super::assets;
use crate::api::{Code, Problem, ProviderProblem};
use crate::ids::SessionId;
use crate::ops::version;

/// What `/` says to programs.
#[derive(Serialize)]
struct Service {
    service: &'static str,
    version: &'static str,
    git: &'static str,
    description: &'static str,
    health: &'static str,
    socket: &'static str,
    calls: &'static str,
}

/// Pages whose address says all: the file, and nothing about who asks. Who may see what is decided by `/api`.
const PAGES: [(&str, &str); 11] = [
    ("/docs", "docs.html"),
    ("/test", "test.html"),
    ("/sign-in", "sign-in.html"),
    ("/start", "start.html"),
    ("/transcribe", "transcribe.html"),
    ("/translate", "translate.html"),
    ("/past-calls", "past-calls.html"),
    ("/dashboard", "dashboard.html"),
    ("/api-keys", "api-keys.html"),
    ("/usage", "usage.html"),
    ("/admin", "admin.html"),
];

/// The pages with addresses of their own, and where pages of older versions went.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let plain = PAGES.into_iter().fold(Router::new(), |router, (address, file)| {
        router.route(address, get(async move |headers: HeaderMap| page(file, &headers)))
    });
    plain
        .route("/", get(index))
        .route("/interview/{id}", get(interview))
        .route("/past-calls/{id}", get(past_call))
        .route("/live/{id}", get(live))
        // Whether there is such an invitation is not said by an address.
        .route("/invite/{token}", get(async |headers: HeaderMap| page("invite.html", &headers)))
        .route("/simple-webrtc-test", get(to_test))
        .route("/interview-test-simple", get(to_test))
        .route("/realtime-test.html", get(to_test))
}

/// Every other file, by its path; the fallback of the whole server.
pub(crate) async fn asset(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return missing(&uri, &headers);
    }
    let path = uri.path().trim_start_matches('/');
    assets::file(path, &headers).unwrap_or_else(|| missing(&uri, &headers))
}

/// A route that exists, but not for this method.
pub(crate) async fn method_not_allowed(uri: Uri) -> Response {
    worded(&uri, Problem::new(Code::MethodNotAllowed, "This address does not know that method; see the Allow header."))
}

async fn index(headers: HeaderMap) -> Response {
    if wants(&headers) == Form::Page {
        return page("index.html", &headers);
    }
    let service = Service {
        service: "viva",
        version: version::VERSION,
        git: version::GIT,
        description: "Live voice interviews that go straight to the model.",
        health: "/health",
        socket: "/ws",
        calls: "/v1/realtime/calls",
    };
    let varies = [(CACHE_CONTROL, HeaderValue::from_static("no-cache")), (VARY, HeaderValue::from_static("accept"))];
    (varies, Json(service)).into_response()
}

async fn interview(Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    of_session("interview.html", &id, &uri, &headers)
}

async fn past_call(Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    of_session("past-call.html", &id, &uri, &headers)
}

async fn live(Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    of_session("live.html", &id, &uri, &headers)
}

/// A page about one session. Whether there is such a session, and for whom, `/api` tells the page.
fn of_session(file: &str, id: &str, uri: &Uri, headers: &HeaderMap) -> Response {
    match id.parse::<SessionId>() {
        Ok(_) => page(file, headers),
        Err(_) => missing(uri, headers),
    }
}

async fn to_test() -> Redirect {
    Redirect::permanent("/test")
}

fn page(name: &str, headers: &HeaderMap) -> Response {
    assets::file(name, headers).unwrap_or_else(|| Problem::internal().into_response())
}

/// 404: a page for people, a problem for programs.
fn missing(uri: &Uri, headers: &HeaderMap) -> Response {
    let for_programs = is_interface(uri.path()) || wants(headers) == Form::Json;
    let page = if for_programs { None } else { assets::file("404.html", &HeaderMap::new()) };
    match page {
        Some(mut page) => {
            *page.status_mut() = StatusCode::NOT_FOUND;
            page
        }
        None => worded(uri, Problem::not_found()),
    }
}

fn worded(uri: &Uri, problem: Problem) -> Response {
    if uri.path().starts_with("/v1/") { ProviderProblem(problem).into_response() } else { problem.into_response() }
}

fn is_interface(path: &str) -> bool {
    ["/api/", "/auth/", "/v1/", "/functions/"].iter().any(|start| path.starts_with(start))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Page,
    Json,
}

/// Browsers name `text/html`. Whoever does not is a program: `curl` sends `*/*`, scripts mostly nothing.
fn wants(headers: &HeaderMap) -> Form {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if accepted.any(|value| value.contains("text/html")) { Form::Page } else { Form::Json }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interview::listening::{HEARD, SPOKEN};

    /// Languages that a page lets people choose.
    fn offered(page: &str, field: &str) -> Vec<String> {
        let html = html_of(page);
        let from = html.find(&format!("name=\"{field}\"")).expect("the field");
        let to = html[from..].find("</select>").expect("its end") + from;
        let values = html[from..to].split("<option value=\"").skip(1);
        values.map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
    }

    fn html_of(page: &str) -> &'static str {
        match page {
            "transcribe" => include_str!("../../../public/transcribe.html"),
            _ => include_str!("../../../public/translate.html"),
        }
    }

    #[test]
    fn the_pages_offer_the_languages_that_the_model_knows() {
        assert_eq!(offered("transcribe", "languages"), HEARD);
        assert_eq!(offered("translate", "target_language"), SPOKEN);
    }

    #[test]
    fn every_address_has_its_file() {
        let of_one = ["index.html", "interview.html", "live.html", "past-call.html", "404.html"];
        for file in PAGES.into_iter().map(|(_, file)| file).chain(of_one) {
            assert!(assets::file(file, &HeaderMap::new()).is_some(), "{file}");
        }
    }
}
