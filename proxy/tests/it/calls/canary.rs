//! Known secrets in every place where one can be: after a call on somebody's own key, with refusals of every kind, none is
//! found in an answer, a frame, the log, a metric or a column of the database where it does not belong.

use reqwest::{Method, StatusCode};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use viva_simulator::{Config, Simulator, Source};

use super::browser::{Browser, offer};
use super::house::{BYOK, Booked, FIRST_KEY, House, KEY, consent};
use super::socket::PATIENCE;
use crate::fake_model::{FakeModel, Reply, response};
use crate::support::{Launch, Viva};

const NAME: &str = "Perpetua Quillfeather";
const ROLE: &str = "Lighthouse keeper of Planted Point";
const WORDS: &str = "The planted heron stands in the harbour every morning";
const WRONG: &str = "sk-planted-wrong-key-5d1c0e77";

/// Everything that a column holds, in every table, by table and column.
fn columns(conn: &Connection) -> Vec<(String, Vec<u8>)> {
    let tables: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let mut statement = conn.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let names: Vec<_> = statement.column_names().map(|name| format!("{table}.{name}")).collect();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (i, name) in names.iter().enumerate() {
                if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(i).unwrap() {
                    found.push((name.clone(), bytes.to_vec()));
                }
            }
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// What is asked of the server beside the call, refusals above all, and everything that was answered.
async fn answers(house: &House, booked: &Booked) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    let mut note = async |what: &str, request: reqwest::RequestBuilder| {
        let response = request.send().await.unwrap();
        let headers: String = response.headers().iter().map(|(name, value)| format!("{name}: {value:?}\n")).collect();
        answers.push((what.to_owned(), format!("{headers}{}", response.text().await.unwrap())));
    };
    for path in
        ["/", "/test", "/health", "/ready", "/live", "/metrics", "/api/me", "/api/user/keys", "/api/tenant/keys"]
    {
        note(path, house.request(Method::GET, path)).await;
    }
    for path in ["/api/sessions", "/api/me", "/api/user/keys", "/nothing"] {
        note("a stranger", house.viva.get(path)).await;
        note("a stranger with a key", house.viva.get(path).bearer_auth(KEY)).await;
        note("a stranger with somebody's key", house.viva.get(path).bearer_auth(BYOK[0])).await;
    }
    note("a wrong key", house.request(Method::PUT, "/api/user/keys/openai").json(&json!({ "key": WRONG }))).await;
    let mistyped = format!(r#"{{"key": "{WRONG}", "planted": "{WRONG}"}}"#);
    let body = house.request(Method::PUT, "/api/user/keys/openai").header("content-type", "application/json");
    note("a body with too much", body.body(mistyped)).await;
    let body = house.request(Method::PUT, "/api/user/keys/openai").header("content-type", "application/json");
    note("a body of another type", body.body(format!(r#"{{"key": ["{WRONG}"]}}"#))).await;
    note("the stored key", house.request(Method::POST, "/api/user/keys/validate").json(&json!({}))).await;
    note("an offer that is none", house.offer(&booked.ticket, format!("v=0\r\nplanted {WRONG}\r\n"))).await;
    note("an offer without a ticket", house.offer(WRONG, "v=0\r\n")).await;
    note("a delete of nothing", house.request(Method::DELETE, &format!("/v1/realtime/calls/{WRONG}"))).await;
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_planted_is_found_nowhere_else() {
    let house = House::open(&[("LOG_LEVEL", "trace"), ("LOG_FORMAT", "json"), ("RATE_LIMIT_PER_MINUTE", "1000")]).await;
    assert_eq!(house.save_key(BYOK[0]).await.status(), StatusCode::OK);
    let body = json!({ "plan": "short", "candidate_name": NAME, "job_role": ROLE, "consent": consent() });
    let created: Value = house.post("/api/sessions", body).await.json().await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let booked = Booked {
        session: text(&created["session"]["id"]).parse().unwrap(),
        tenant: text(&created["session"]["tenant_id"]).parse().unwrap(),
        ticket: text(&created["ticket"]["value"]),
    };
    let lines = vec![WORDS.to_owned(), "We moved the ledger without an hour of downtime".to_owned()];
    let mut browser = Browser::call(&house, &booked, Source::Lines(lines)).await;
    browser.until("the words are there", |log| log.turns().iter().any(|(_, words)| words.contains("heron"))).await;
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let again = house.book("short").await;
    let mut answers = answers(&house, &again).await;
    // One that holds nearly everything of a description.
    let broken = house.offer(&again.ticket, sdp.replace("a=fingerprint", "a=fingerprynt")).send().await.unwrap();
    answers.push(("a broken offer".to_owned(), broken.text().await.unwrap()));
    browser.end().await;
    browser.until_closed(PATIENCE).await;

    let cookie = house.cookie().split_once('=').unwrap().1.to_owned();
    let provider = house.probe().calls();
    let credentials: Vec<&str> =
        [KEY, BYOK[0], WRONG, cookie.as_str(), booked.ticket.as_str(), again.ticket.as_str()].to_vec();
    let told = text(&browser.log().last("sdp_answer").unwrap()["answer"]["sdp"]);
    let secret_lines = ["a=ice-pwd:", "a=ice-ufrag:", "a=fingerprint:", "a=candidate:"];
    let of_sdp: Vec<_> = told
        .lines()
        .chain(sdp.lines())
        .filter(|line| secret_lines.iter().any(|start| line.starts_with(start)))
        .filter_map(|line| line.split_once(':').map(|(_, value)| value))
        .filter(|value| value.len() >= 8)
        .collect();
    assert!(of_sdp.len() >= 4 && !provider.is_empty());
    let personal = [NAME, "Quillfeather", ROLE, WORDS, "planted heron"];

    for (what, answer) in &answers {
        for secret in
            credentials.iter().copied().chain(provider.iter().map(String::as_str)).chain(of_sdp.iter().copied())
        {
            assert!(!answer.contains(secret), "{what} answers with {secret}: {answer}");
        }
        assert!(personal.iter().all(|text| !answer.contains(text)), "{what} answers with what is personal: {answer}");
    }
    for frame in browser.log().frames() {
        let frame = frame.to_string();
        let forbidden = credentials.iter().copied().chain(provider.iter().map(String::as_str));
        forbidden.into_iter().for_each(|secret| assert!(!frame.contains(secret), "a frame holds {secret}"));
    }
    // The candidate's own record has their words, and nothing that opens a door.
    let record = format!("{}{}", house.transcript(&booked).await, house.session(&booked).await);
    assert!(record.contains("heron"));
    credentials.iter().for_each(|secret| assert!(!record.contains(secret), "the record holds {secret}"));

    let metrics = house.viva.get("/metrics").send().await.unwrap().text().await.unwrap();
    let log = house.viva.logged();
    assert!(log.contains("\"level\":\"TRACE\"") || log.contains("\"level\":\"DEBUG\""), "it says a lot");
    assert!(!log.contains("panicked") && !metrics.contains("viva_panics_total 1"));
    let quiet = credentials.iter().copied().chain(of_sdp.iter().copied()).chain(personal);
    for secret in quiet.chain(provider.iter().map(String::as_str)).chain(["planted"]) {
        assert!(!log.contains(secret), "the log holds {secret}");
        assert!(!metrics.contains(secret), "the metrics hold {secret}");
    }

    let database = house.database();
    let _books = house.closed();
    let stored = columns(&Connection::open(database).unwrap());
    assert!(stored.iter().any(|(column, _)| column == "user_api_keys.ciphertext"));
    for (column, bytes) in &stored {
        for secret in credentials.iter().copied().chain(of_sdp.iter().copied()) {
            assert!(!holds(bytes, secret), "{column} holds {secret}");
        }
        let is_record = ["journal.", "transcript_entries."].iter().any(|table| column.starts_with(table));
        assert!(is_record || !holds(bytes, "planted heron"), "{column} holds what was said");
        let may_name = column.starts_with("interview_sessions.");
        assert!(may_name || is_record || !holds(bytes, "Quillfeather"), "{column} holds a name");
    }
}

/// Two servers, Azure's two steps, and a first server that quotes the key wherever it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_of_both_servers_are_found_nowhere_else() {
    let quoting = format!(
        r#"{{"error":{{"type":"{FIRST_KEY}","code":"{FIRST_KEY}","message":"Incorrect API key: {FIRST_KEY}"}}}}"#
    );
    let location = format!("/v1/realtime/calls/{FIRST_KEY}");
    let headers = [
        ("x-request-id", FIRST_KEY),
        ("location", location.as_str()),
        ("retry-after", FIRST_KEY),
        ("www-authenticate", FIRST_KEY),
    ];
    let first = FakeModel::start(vec![Reply::Bytes(response("401 Unauthorized", &headers, quoting.as_bytes()))]).await;
    let settings = [("LOG_LEVEL", "trace"), ("LOG_FORMAT", "json"), ("RATE_LIMIT_PER_MINUTE", "1000")];
    let house = House::second_to(first.address, &settings).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, Source::Lines(vec![WORDS.to_owned()])).await;
    browser.until("the words are there", |log| log.turns().iter().any(|(_, words)| words.contains("heron"))).await;
    let again = house.book("short").await;
    let mut answers = answers(&house, &again).await;
    // With the second one gone too there is a refusal.
    house.tap.set(super::tap::Line::Says(response(
        "401 Unauthorized",
        &[],
        format!("{{\"error\":{{\"message\":\"{KEY}\"}}}}").as_bytes(),
    )));
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let refused = house.offer(&again.ticket, sdp).send().await.unwrap();
    assert_eq!(refused.status(), 502);
    answers.push((
        "a refusal of both".to_owned(),
        format!("{:?} {}", refused.headers().clone(), refused.text().await.unwrap()),
    ));
    house.tap.set(super::tap::Line::Through);
    answers.extend(browser.log().frames().iter().map(|frame| ("a frame".to_owned(), frame.to_string())));
    for path in ["/metrics", "/health"] {
        answers.push((path.to_owned(), house.viva.get(path).send().await.unwrap().text().await.unwrap()));
    }
    answers.push(("the session".to_owned(), house.session(&again).await.to_string()));
    browser.end().await;
    browser.until_closed(PATIENCE).await;
    let provider = house.probe().calls();
    // What the second server minted for the calls here begins so, and nothing of ours does.
    let is_minted = |text: &str| text.match_indices("ek_").any(|(at, _)| !text[at..].starts_with("ek_viva_"));
    let secrets = [KEY, FIRST_KEY].into_iter().chain(provider.iter().map(String::as_str));
    for secret in secrets {
        answers
            .iter()
            .for_each(|(what, answer)| assert!(!answer.contains(secret), "{what} answers with {secret}: {answer}"));
        assert!(!house.viva.logged().contains(secret), "the log holds {secret}");
    }
    assert!(!is_minted(&house.viva.logged()), "the log holds a client secret");
    answers
        .iter()
        .for_each(|(what, answer)| assert!(!is_minted(answer), "{what} answers with a client secret: {answer}"));
    let database = house.database();
    let _books = house.closed();
    for (column, bytes) in columns(&Connection::open(database).unwrap()) {
        for secret in [KEY, FIRST_KEY] {
            assert!(!holds(&bytes, secret), "{column} holds {secret}");
        }
        assert!(!is_minted(&String::from_utf8_lossy(&bytes)), "{column} holds a client secret");
    }
}

const SECRET: &str = "planted-secret-that-signs-tokens-0b7e41";
const MAIL: &str = "perpetua.quillfeather@planted.example";

/// A token of the operator's own programs.
fn token(subject: &str, expires_in: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed();
    let claims = json!({ "iss": "viva", "aud": "viva", "sub": subject, "iat": now, "exp": now + expires_in, "email": MAIL,
        "name": NAME });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_addresses_and_the_keys_of_servers_are_found_nowhere_else() {
    let more_keys = vec![BYOK[0].to_owned()];
    let model = Simulator::bind(Config { key: Some(KEY.to_owned()), more_keys, ..Config::default() }).await.unwrap();
    let base = model.base_url();
    let stop = tokio_util::sync::CancellationToken::new();
    let serving = tokio::spawn(model.run(stop.clone()));
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().join("data");
    let settings =
        [("OPENAI_BASE_URL", base.as_str()), ("OPENAI_API_KEY", KEY), ("JWT_SECRET", SECRET), ("LOG_LEVEL", "trace")];
    let launch = settings.iter().fold(Launch::on(&dir, &[]), |launch, (name, value)| launch.env(name, value));
    let mut viva: Viva = launch.start();

    let (good, expired) = (token("planted-subject", 600), token("planted-subject", -600));
    let forged = format!("{}x", good);
    let (mut answers, mut logged_in) = (Vec::new(), 0);
    for presented in [&good, &expired, &forged] {
        for path in ["/api/me", "/api/sessions", "/api/user/keys", "/api/access-keys", "/health", "/metrics"] {
            let response = viva.get(path).bearer_auth(presented).send().await.unwrap();
            logged_in += usize::from(response.status() == 200);
            answers.push((path, response.text().await.unwrap()));
        }
    }
    assert_eq!(logged_in, 6 + 2 + 2, "the good one opens everything, the others what is open anyway");
    let ask = |method, path, body: Value| viva.request(method, path).bearer_auth(&good).json(&body).send();
    let saved = ask(Method::PUT, "/api/user/keys/openai", json!({ "key": BYOK[0] })).await.unwrap();
    assert_eq!(saved.status(), 200);
    answers.push(("a saved key", saved.text().await.unwrap()));
    let body = json!({ "name": "planted careers site", "scopes": ["sessions:write", "sessions:read"] });
    let made: Value = ask(Method::POST, "/api/access-keys", body).await.unwrap().json().await.unwrap();
    let access_key = made["value"].as_str().unwrap().to_owned();
    let by_key = |path| viva.get(path).header("x-api-key", &access_key).send();
    assert_eq!(by_key("/api/sessions").await.unwrap().status(), 200);
    for path in ["/api/sessions", "/api/user/keys", "/api/me"] {
        answers.push((path, by_key(path).await.unwrap().text().await.unwrap()));
    }
    let body = json!({ "plan": "short", "consent": consent(), "candidate_email": MAIL });
    let session: Value = ask(Method::POST, "/api/sessions", body).await.unwrap().json().await.unwrap();
    let ticket = session["ticket"]["value"].as_str().unwrap();
    answers.push(("keys", ask(Method::GET, "/api/access-keys", json!({})).await.unwrap().text().await.unwrap()));
    answers.push(("metrics", viva.get("/metrics").send().await.unwrap().text().await.unwrap()));

    let signature = good.rsplit('.').next().unwrap();
    let secrets = [KEY, BYOK[0], SECRET, good.as_str(), expired.as_str(), signature, access_key.as_str(), ticket];
    for (what, answer) in &answers {
        secrets.iter().for_each(|secret| assert!(!answer.contains(secret), "{what} answers with {secret}: {answer}"));
        let is_theirs = ["/api/me", "/api/sessions"].contains(what);
        assert!(is_theirs || !answer.contains(MAIL), "{what} answers with an address: {answer}");
    }
    viva.signal("TERM");
    assert!(viva.wait().success());
    let log = viva.logged();
    for secret in secrets.iter().chain(&[MAIL, NAME, "planted"]) {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
    let stored = columns(&Connection::open(dir.join("viva.db")).unwrap());
    for (column, bytes) in &stored {
        secrets.iter().for_each(|secret| assert!(!holds(bytes, secret), "{column} holds {secret}"));
        let may = ["users.email", "interview_sessions.candidate_email"].contains(&column.as_str());
        assert!(may || !holds(bytes, MAIL), "{column} holds an address");
    }
    assert!(
        stored.iter().any(|(column, bytes)| column == "users.email" && holds(bytes, MAIL)),
        "it was there to be found"
    );
    stop.cancel();
    serving.await.unwrap().unwrap();
}
