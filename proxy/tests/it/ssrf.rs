//! Every input that looks like an address, tried with one that leads elsewhere: nothing that a stranger, a candidate, a
//! customer, a model's server or an issuer says makes this server open a connection to a place that its operator did not
//! name. The place is a trap that counts who comes.

use std::io::{Cursor, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use viva_proxy::upstream::KeyCheck;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::fake_model::{FakeModel, Reply, key, response};
use crate::support::{Launch, Viva};

/// Where nobody may come. It says nothing and counts.
struct Trap {
    address: SocketAddr,
    came: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Trap {
    async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let came = Arc::new(AtomicUsize::new(0));
        let count = came.clone();
        let task = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { address, came, task }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Whoever connects is in the listener's queue before their request is answered or times out; one more connection of
    /// our own comes out of it after theirs.
    async fn is_untouched(&self, after: &str) {
        let before = self.came.load(Ordering::SeqCst);
        drop(tokio::net::TcpStream::connect(self.address).await.unwrap());
        while self.came.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
        assert_eq!(self.came.load(Ordering::SeqCst), before + 1, "somebody else came {after}");
        assert_eq!(self.came.swap(0, Ordering::SeqCst), 1, "somebody came {after}");
    }
}

/// The guest of a local server.
async fn guest(viva: &Viva) -> String {
    let signed_in = viva.request(Method::POST, "/auth/guest").header("origin", &viva.url).send().await.unwrap();
    signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn no_field_of_a_request_is_an_address_that_is_gone_to() {
    let trap = Trap::set().await;
    let viva = Launch::new(&[]).env("RATE_LIMIT_PER_MINUTE", "10000").start();
    let cookie = guest(&viva).await;
    let ask = |method: Method, path: &str, body: Value| {
        viva.request(method, path).header("cookie", &cookie).header("origin", &viva.url).json(&body).send()
    };
    let consent = json!({ "version": "2026-11", "locale": "en" });
    let url = trap.url("/v1");
    // Fields that other systems have for it are no fields here.
    for field in
        ["base_url", "upstream", "url", "webhook_url", "callback_url", "resume_url", "avatar_url", "model", "session"]
    {
        let body = json!({ "plan": "short", "consent": consent, field: url });
        let refused = ask(Method::POST, "/api/sessions", body).await.unwrap();
        assert!([400, 422].contains(&refused.status().as_u16()), "{field} is not taken: {}", refused.status());
        let saved = ask(Method::PUT, "/api/user/keys/openai", json!({ "key": "sk-x", field: url })).await.unwrap();
        assert!(saved.status().is_client_error(), "{field} beside a key");
    }
    for plan in [json!(url), json!("../../etc/passwd"), json!({ "name": "x", "persona": url, "stages": [] })] {
        let refused = ask(Method::POST, "/api/sessions", json!({ "plan": plan, "consent": consent })).await.unwrap();
        assert!(refused.status().is_client_error(), "{plan}");
    }
    trap.is_untouched("for fields").await;

    // Texts may hold addresses: they are words.
    let words = json!({ "plan": "short", "consent": consent, "voice": "marin", "resume_text": url, "job_description": url,
        "extra_instructions": format!("Fetch {url} and read it aloud."), "title": url });
    let made = ask(Method::POST, "/api/sessions", words).await.unwrap();
    assert_eq!(made.status(), 201);
    let made: Value = made.json().await.unwrap();
    let ticket = made["ticket"]["value"].as_str().unwrap();
    trap.is_untouched("for words").await;

    // Offers: candidates are never dialled from here, and what an SDK may send beside an offer does not reach the model.
    let (offer, _peer) =
        viva_simulator::peer::offer(&["oai-events"], &viva_simulator::peer::Settings::default()).await.unwrap();
    let port = trap.address.port();
    let lured: String = offer
        .split_inclusive("\r\n")
        .filter(|line| !line.starts_with("a=candidate:"))
        .flat_map(|line| {
            let candidate = format!("a=candidate:1 1 tcp 2105458943 127.0.0.1 {port} typ host tcptype passive\r\n");
            let more = if line.starts_with("a=mid:") { candidate } else { String::new() };
            [line.to_owned(), more]
        })
        .collect();
    let at = |query: &str| {
        let path = format!("/v1/realtime/calls{query}");
        viva.request(Method::POST, &path).bearer_auth(ticket).header("content-type", "application/sdp")
    };
    let query = format!("?model={url}&base_url={url}&url={url}");
    let answered = at(&query).body(lured).send().await.unwrap();
    assert!(answered.status() == 201 || answered.status().is_client_error(), "{}", answered.status());
    let forwarded = [
        ("x-forwarded-host", trap.address.to_string()),
        ("forwarded", format!("host={}", trap.address)),
        ("x-original-url", url.clone()),
        ("openai-organization", url.clone()),
        ("referer", url.clone()),
    ];
    for (name, value) in forwarded {
        let _any = viva.get("/api/me").header("cookie", &cookie).header(name, value).send().await.unwrap();
        let _any = at("").header("content-type", "application/sdp").body("v=0\r\n").send().await.unwrap();
    }
    trap.is_untouched("for offers").await;
}

#[tokio::test]
async fn an_uploaded_document_fetches_nothing() {
    let trap = Trap::set().await;
    let viva = Viva::start();
    let cookie = guest(&viva).await;
    let upload = |kind: &'static str, body: Vec<u8>| {
        let request =
            viva.request(Method::POST, "/api/documents").header("cookie", &cookie).header("origin", &viva.url);
        request.header("content-type", kind).body(body).send()
    };
    let url = trap.url("/entity");
    let dtd = format!(
        r#"<!DOCTYPE w:document [<!ENTITY % far SYSTEM "{url}"> %far; <!ENTITY near SYSTEM "{url}"> <!ENTITY file SYSTEM "file:///etc/hostname">]>"#
    );
    let document = format!(
        r#"<?xml version="1.0"?>{dtd}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>Ten years of bridges. &near;&file;</w:t></w:r></w:p></w:body></w:document>"#
    );
    let relations = format!(
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate" Target="{url}" TargetMode="External"/></Relationships>"#
    );
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in [("word/document.xml", document), ("word/_rels/document.xml.rels", relations)] {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    let docx = archive.finish().unwrap().into_inner();
    let kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let read = upload(kind, docx).await.unwrap();
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let text = read.text().await.unwrap();
    assert!(host.trim().is_empty() || !text.contains(host.trim()), "a file of this machine: {text}");

    let pdf = format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/URI/URI({url})>>/AA<</O<</S/GoToR/F({url})>>>>>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R>>endobj\n4 0 obj<</Length 0/F({url})/FFilter/FlateDecode>>stream\n\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    );
    let _any = upload("application/pdf", pdf.into_bytes()).await.unwrap();
    let _any = upload("text/plain", url.into_bytes()).await.unwrap();
    trap.is_untouched("for a document").await;
}

/// What a model's server answers decides what is shown, never where the key goes.
#[tokio::test]
async fn a_model_s_server_cannot_send_the_key_elsewhere() {
    let trap = Trap::set().await;
    let elsewhere = trap.url("/v1/realtime/calls/rtc_u0_abc");
    let answered =
        Reply::Bytes(response("201 Created", &[("Location", &elsewhere)], b"v=0\r\no=- 3 4 IN IP4 127.0.0.1\r\n"));
    let mut script = vec![answered];
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        script.push(Reply::Bytes(response(
            status,
            &[("Location", &elsewhere), ("Refresh", &format!("0; url={elsewhere}"))],
            b"",
        )));
    }
    let model = FakeModel::start(script).await;
    let upstream = model.client();
    let create = || upstream.create(&KEY, Bytes::from_static(b"v=0\r\n"), Bytes::from_static(b"{}"), "hash");
    let call = create().await.expect("an answer").provider.expect("its id");
    // In the order of the script: dial, offer, hang-up (tried four times) and a look at the key.
    assert!(upstream.dial(&key(), &call).await.is_err());
    let refused = create().await.expect_err("a redirect");
    assert!(!refused.made_nothing(), "nobody else is given the offer either: {refused}");
    let _unconfirmed = upstream.hang_up(&key(), &call).await;
    assert_eq!(upstream.check(&key()).await, KeyCheck::Undecided);
    let asked: Vec<_> =
        model.requests().iter().map(|request| request.lines().next().unwrap_or_default().to_owned()).collect();
    assert!(asked[1].starts_with("GET /v1/realtime?call_id=rtc_u0_abc "), "{asked:?}");
    assert!(asked[3..].iter().any(|line| line.starts_with("POST /v1/realtime/calls/rtc_u0_abc/hangup ")), "{asked:?}");
    trap.is_untouched("for the model's server").await;
}

/// Keys of issuers come from the address that the operator named, without a detour, and from nowhere that a token names.
#[tokio::test]
async fn a_token_cannot_name_where_its_key_is() {
    let trap = Trap::set().await;
    let moved = response("302 Found", &[("Location", &trap.url("/keys.json"))], b"");
    let issuer = FakeModel::start(vec![Reply::Bytes(moved)]).await;
    let listed = json!([{ "issuer": "https://id.example/", "audiences": ["viva"], "algorithms": ["ES256"],
        "jwks_url": format!("http://{}/keys.json", issuer.address) }]);
    let viva = Launch::new(&[]).env("AUTH_ISSUERS", &listed.to_string()).env("RATE_LIMIT_PER_MINUTE", "10000").start();
    let token = |header: Value, iss: &str| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims =
            json!({ "iss": iss, "aud": "viva", "sub": "x", "exp": 4_000_000_000_u64, "picture": trap.url("/p") });
        format!("{}.{}.{}", part(&header), part(&claims), URL_SAFE_NO_PAD.encode([7; 64]))
    };
    let url = trap.url("/keys.json");
    let headers = [
        json!({ "alg": "ES256", "kid": "a" }),
        json!({ "alg": "ES256", "kid": "a", "jku": url }),
        json!({ "alg": "ES256", "kid": url, "x5u": url }),
        json!({ "alg": "RS256", "kid": "../../keys", "jku": url, "x5u": url, "jwk": { "kty": "RSA", "n": "AQAB", "e": "AQAB" } }),
    ];
    for header in headers {
        for iss in ["https://id.example/", &url] {
            let refused = viva.get("/api/me").bearer_auth(token(header.clone(), iss)).send().await.unwrap();
            assert!([401, 503].contains(&refused.status().as_u16()), "{header} of {iss}: {}", refused.status());
        }
    }
    assert!(!issuer.requests().is_empty(), "the operator's address was asked");
    trap.is_untouched("for a token").await;
}

/// What would lead a key astray is refused before a port is bound.
#[test]
fn an_operator_s_own_slip_does_not_start() {
    let refused = |name: &str, value: &str| {
        let ended = Launch::new(&["serve"]).env("OPENAI_API_KEY", "sk-planted").env(name, value).output();
        assert_eq!(ended.code, Some(78), "{name}={value}: {}", ended.stderr);
        assert!(ended.stderr.contains(name) && !ended.stderr.contains("sk-planted"), "{}", ended.stderr);
    };
    for address in [
        "http://169.254.169.254/",
        "http://intern.example/v1",
        "https://key@host/",
        "https://host/?a=1",
        "file:///etc/passwd",
        "gopher://x",
    ] {
        refused("OPENAI_BASE_URL", address);
    }
}

static KEY: std::sync::LazyLock<viva_proxy::upstream::ModelKey> = std::sync::LazyLock::new(key);
