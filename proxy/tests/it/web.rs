//! Pages and the headers of every answer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::{Launch, Viva};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

/// Sends bytes as they are and returns what comes back until the server closes.
fn raw(viva: &Viva, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(viva.url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn the_start_is_a_page_for_people_and_json_for_programs() {
    let viva = Viva::start();
    let page = viva.get("/").header("accept", BROWSER).send().await.unwrap();
    assert_eq!((page.status(), text(page.headers(), "content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert_eq!(text(page.headers(), "vary"), "accept");
    assert!(page.text().await.unwrap().contains("<title>"));

    let json: Value = viva.get("/").header("accept", "application/json").send().await.unwrap().json().await.unwrap();
    assert_eq!((&json["service"], &json["version"]), (&"viva".into(), &env!("CARGO_PKG_VERSION").into()));
}

#[tokio::test]
async fn every_page_has_its_address() {
    let viva = Viva::start();
    for path in ["/test", "/interview/0193a4d2-7f00-7000-8000-000000000001"] {
        let page = viva.get(path).header("accept", BROWSER).send().await.unwrap();
        assert_eq!(
            (page.status(), text(page.headers(), "content-type")),
            (StatusCode::OK, "text/html; charset=utf-8"),
            "{path}"
        );
    }
    for path in ["/simple-webrtc-test", "/interview-test-simple", "/realtime-test.html"] {
        let moved = viva.get(path).send().await.unwrap();
        assert_eq!(
            (moved.status(), text(moved.headers(), "location")),
            (StatusCode::PERMANENT_REDIRECT, "/test"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn whatever_a_page_refers_to_is_served_with_its_type() {
    let viva = Viva::start();
    let mut seen = 0;
    for page in ["/", "/test", "/interview/0193a4d2-7f00-7000-8000-000000000001"] {
        let html = viva.get(page).header("accept", BROWSER).send().await.unwrap().text().await.unwrap();
        let references = html.split(['"', '\'']).filter(|part| part.starts_with("/css/") || part.starts_with("/js/"));
        for path in references {
            let asset = viva.get(path).send().await.unwrap();
            let kind =
                if path.ends_with(".css") { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
            assert_eq!(
                (asset.status(), text(asset.headers(), "content-type")),
                (StatusCode::OK, kind),
                "{path} on {page}"
            );
            seen += 1;
        }
    }
    assert!(seen >= 6, "each page has a style sheet and a module");
}

#[tokio::test]
async fn a_browser_that_has_a_file_is_told_so() {
    let viva = Viva::start();
    let first = viva.get("/css/viva.css").send().await.unwrap();
    let etag = text(first.headers(), "etag").to_owned();
    assert_eq!(text(first.headers(), "cache-control"), "no-cache");
    let again = viva.get("/css/viva.css").header("if-none-match", &etag).send().await.unwrap();
    assert_eq!((again.status(), text(again.headers(), "etag")), (StatusCode::NOT_MODIFIED, etag.as_str()));
    assert!(again.bytes().await.unwrap().is_empty());
    let head = viva.request(Method::HEAD, "/css/viva.css").send().await.unwrap();
    assert_eq!((head.status(), text(head.headers(), "etag")), (StatusCode::OK, etag.as_str()));
}

#[tokio::test]
async fn what_is_not_there_is_a_page_or_a_problem_in_the_right_shape() {
    let viva = Viva::start();
    let page = viva.get("/nothing").header("accept", BROWSER).send().await.unwrap();
    assert_eq!(
        (page.status(), text(page.headers(), "content-type")),
        (StatusCode::NOT_FOUND, "text/html; charset=utf-8")
    );
    let page = viva.get("/interview/no-uuid").header("accept", BROWSER).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::NOT_FOUND);

    let problem = viva.get("/api/nothing").header("accept", BROWSER).send().await.unwrap();
    assert_eq!(text(problem.headers(), "content-type"), "application/problem+json");
    let id = text(problem.headers(), "x-request-id").to_owned();
    let body: Value = problem.json().await.unwrap();
    assert_eq!((&body["code"], &body["request_id"]), (&"NOT_FOUND".into(), &id.into()));

    let envelope: Value = viva.get("/v1/nothing").send().await.unwrap().json().await.unwrap();
    assert_eq!(envelope["error"]["code"], "not_found");

    let wrong = viva.request(Method::POST, "/health").send().await.unwrap();
    assert_eq!((wrong.status(), text(wrong.headers(), "allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD"));
    assert_eq!(wrong.json::<Value>().await.unwrap()["code"], "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let viva = Viva::start();
    for path in ["/", "/css/viva.css", "/health", "/api/me", "/v1/realtime/calls", "/nothing", "/simple-webrtc-test"] {
        let answer = viva.get(path).send().await.unwrap();
        let headers = answer.headers();
        assert_eq!(text(headers, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(text(headers, "referrer-policy"), "no-referrer", "{path}");
        assert_eq!(text(headers, "cross-origin-opener-policy"), "same-origin", "{path}");
        assert!(text(headers, "permissions-policy").starts_with("microphone=(self)"), "{path}");
        assert_eq!(text(headers, "content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{path}");
        assert!(!headers.contains_key("strict-transport-security"), "{path}: this is plain http");
        assert!(!text(headers, "x-request-id").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_pages_policy_names_its_own_socket_and_nobody_elses() {
    let viva = Viva::start();
    let policy = async |host: Option<&str>| {
        let request = viva.get("/test").header("accept", BROWSER);
        let request = if let Some(host) = host { request.header("host", host) } else { request };
        text(request.send().await.unwrap().headers(), "content-security-policy").to_owned()
    };
    let own = policy(None).await;
    assert!(own.contains(&format!("connect-src 'self' {};", viva.url.replace("http", "ws"))), "{own}");
    assert!(own.contains("script-src 'self'; style-src 'self';") && !own.contains("unsafe"), "{own}");
    let foreign = policy(Some("evil.example")).await;
    assert!(foreign.contains("connect-src 'self';") && !foreign.contains("evil"), "{foreign}");
}

#[tokio::test]
async fn a_request_id_is_taken_over_when_it_is_harmless() {
    let viva = Viva::start();
    let id = async |sent: &str| {
        let answer = viva.get("/live").header("x-request-id", sent).send().await.unwrap();
        text(answer.headers(), "x-request-id").to_owned()
    };
    assert_eq!(id("from-the-edge-7").await, "from-the-edge-7");
    assert_ne!(id("<script>").await, "<script>");
}

#[tokio::test]
async fn a_body_beyond_every_limit_is_refused_cleanly() {
    let viva = Viva::start();
    let mebibyte = vec![b'a'; 1024 * 1024];
    let offer = viva
        .request(Method::POST, "/v1/realtime/calls")
        .header("content-type", "application/sdp")
        .body(mebibyte.clone());
    let answer = offer.send().await.expect("an answer, not a reset connection");
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], "payload_too_large");
    let answer = viva.request(Method::POST, "/api/sessions").body(mebibyte).send().await.expect("an answer");
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "PAYLOAD_TOO_LARGE");
}

#[test]
fn headers_without_end_are_refused() {
    let viva = Viva::start();
    let endless = format!("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: {}\r\n\r\n", "a".repeat(64 * 1024));
    assert!(raw(&viva, endless.as_bytes()).starts_with("HTTP/1.1 431 "));
    let many = "x: 1\r\n".repeat(200);
    assert!(
        raw(&viva, format!("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n{many}\r\n").as_bytes()).starts_with("HTTP/1.1 431 ")
    );
    assert!(raw(&viva, b"nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

#[test]
fn nothing_outside_the_pages_folder_is_served() {
    let viva = Viva::start();
    for path in ["/../Cargo.toml", "/js/../../Cargo.toml", "/%2e%2e/Cargo.toml", "//etc/passwd", "/..%2fCargo.toml"] {
        let answer =
            raw(&viva, format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn https_is_insisted_on_where_it_is_used() {
    let viva = Launch::new(&[]).env("PUBLIC_URL", "https://localhost:8443").start();
    let answer = viva.get("/").header("accept", BROWSER).header("host", "localhost:8443").send().await.unwrap();
    assert!(text(answer.headers(), "strict-transport-security").starts_with("max-age="));
    assert!(text(answer.headers(), "content-security-policy").contains("connect-src 'self' wss://localhost:8443;"));
}

#[tokio::test]
async fn pages_of_allowed_origins_may_use_the_interface_with_a_bearer() {
    let viva = Launch::new(&[]).env("ALLOWED_ORIGINS", "https://app.example").start();
    let asked = async |origin: &str| {
        let preflight = viva.request(Method::OPTIONS, "/api/sessions").header("origin", origin);
        preflight.header("access-control-request-method", "POST").send().await.unwrap()
    };
    let allowed = asked("https://app.example").await;
    assert_eq!(allowed.status(), StatusCode::NO_CONTENT);
    assert_eq!(text(allowed.headers(), "access-control-allow-origin"), "https://app.example");
    assert!(text(allowed.headers(), "access-control-allow-headers").contains("authorization"));
    assert!(!allowed.headers().contains_key("access-control-allow-credentials"));

    let answer = viva.get("/api/me").header("origin", "https://app.example").send().await.unwrap();
    assert_eq!(
        (answer.status(), text(answer.headers(), "access-control-allow-origin")),
        (StatusCode::UNAUTHORIZED, "https://app.example")
    );
    for foreign in ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"] {
        assert!(!asked(foreign).await.headers().contains_key("access-control-allow-origin"), "{foreign}");
    }
}

#[tokio::test]
async fn a_document_of_two_megabytes_is_taken_and_more_is_not() {
    let viva = Viva::start();
    let guest = viva.request(Method::POST, "/auth/guest").header("origin", &viva.url).send().await.unwrap();
    let cookie = guest.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    for (bytes, status) in [(2 * 1024 * 1024, 200), (2 * 1024 * 1024 + 1, 413), (3 * 1024 * 1024, 413)] {
        let request =
            viva.request(Method::POST, "/api/documents").header("cookie", &cookie).header("origin", &viva.url);
        let response =
            request.header("content-type", "text/plain").body("Arches. ".repeat(bytes / 8 + 1)[..bytes].to_owned());
        assert_eq!(response.send().await.unwrap().status(), status, "{bytes} bytes");
    }
}
