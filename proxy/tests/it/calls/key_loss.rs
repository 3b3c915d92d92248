//! Stored keys after somebody moved, lost or changed something around them: rows in another's place, a key that wrapped
//! them and is gone, rotation beside a busy server, and rows of an older system.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rusqlite::{Connection, params};
use serde_json::{Value, json};
use viva_proxy::vault::KekId;

use super::browser::{Browser, brief};
use super::byok::{bytes_of, holds, offer_refused};
use super::house::{BYOK, House};
use super::socket::PATIENCE;
use crate::support::Launch;

const OLD: [u8; 32] = [11; 32];
const NEW: [u8; 32] = [22; 32];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_was_moved_to_somebody_else_does_not_open_there() {
    let mut house = House::open(&[]).await;
    house.save_key(BYOK[0]).await;
    let thief = house.sign_in().await;
    drop(thief);
    let booked = house.book("short").await;
    let database = house.database();
    let (tenant, session) = (*booked.tenant.0.as_bytes(), *booked.session.0.as_bytes());
    let house = house.served_by(move |launch| {
        let conn = Connection::open(database).unwrap();
        let user: [u8; 16] = conn
            .query_row("SELECT user_id FROM interview_sessions WHERE id = ?1", [session], |row| row.get(0))
            .unwrap();
        let moved =
            conn.execute("UPDATE user_api_keys SET tenant_id = ?1, user_id = ?2", params![tenant, user]).unwrap();
        assert_eq!(moved, 1);
        launch.start()
    });
    let (code, message) = offer_refused(&house, &booked).await;
    assert_eq!(code, "KEY_NOT_CONFIGURED", "it is not passed over either: {message}");
    assert!(house.viva.logged().contains("was altered or belongs to another row"));
    assert_eq!(house.probe().calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_key_is_named_and_keys_can_be_saved_again() {
    let (old, new) = (hex::encode(OLD), hex::encode(NEW));
    let house = House::open(&[("ENCRYPTION_KEY", &old)]).await;
    house.save_key(BYOK[0]).await;
    let booked = house.book("short").await;
    let house = house.served_by(|launch| launch.env("ENCRYPTION_KEY", &new).start());
    let log = house.viva.logged();
    assert!(log.contains(KekId::of(&OLD).as_str()) && log.contains("ENCRYPTION_KEY_PREVIOUS"), "{log}");
    let (code, message) = offer_refused(&house, &booked).await;
    assert_eq!((&code, message.as_str().unwrap().contains("save it again")), (&"KEY_NOT_CONFIGURED".into(), true));
    assert_eq!(house.save_key(BYOK[0]).await.status(), 200);
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.end().await;
    assert_eq!(browser.until_closed(PATIENCE).await, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_stored_keys_and_nothing_to_open_them_does_not_start() {
    let house = House::open(&[("ENCRYPTION_KEY", &hex::encode(OLD))]).await;
    house.save_key(BYOK[0]).await;
    let data = house.data_dir();
    let _books = house.killed();
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&data).unwrap().flatten() {
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let ended = Launch::on(copy.path(), &[]).output();
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    assert!(ended.stderr.contains("ENCRYPTION_KEY: is missing although 1 key"), "{}", ended.stderr);
    assert!(ended.stderr.contains(KekId::of(&OLD).as_str()), "{}", ended.stderr);
    assert!(!copy.path().join("encryption.key").exists(), "none is made in its place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_could_open_it_nothing_is_saved() {
    let house = House::open(&[("APP_ENV", "production"), ("LOG_FORMAT", "text")]).await;
    let refused = house.save_key(BYOK[0]).await;
    assert_eq!(refused.status(), 503);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "VAULT_UNAVAILABLE");
    assert!(problem["detail"].as_str().unwrap().contains("viva keygen"), "{problem}");
    assert!(!house.data_dir().join("encryption.key").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rewrapped_under_load_and_none_is_lost() {
    let (old, new) = (hex::encode(OLD), hex::encode(NEW));
    let mut house = House::open(&[("ENCRYPTION_KEY", &old), ("RATE_LIMIT_PER_MINUTE", "100000")]).await;
    let mut people = Vec::new();
    for number in 0..24 {
        assert_eq!(house.save_key(BYOK[number % 2]).await.status(), 200);
        people.push((house.sign_in().await, BYOK[number % 2]));
    }
    let both = [("ENCRYPTION_KEY", new.as_str()), ("ENCRYPTION_KEY_PREVIOUS", old.as_str())];
    let house =
        house.served_by(|launch| both.iter().fold(launch, |launch, (name, value)| launch.env(name, value)).start());
    let (stop, saved) = (AtomicBool::new(false), AtomicU32::new(0));
    // Keys are saved, deleted and looked at, and sessions are stored, while the rewrapping runs three times.
    let load = async {
        for number in (0..people.len()).cycle() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let (cookie, key) = &people[number];
            let request = |method, path| {
                house.viva.request(method, path).header("cookie", cookie).header("origin", &house.viva.url)
            };
            let body = json!({ "key": key });
            let put = request(reqwest::Method::PUT, "/api/user/keys/openai").json(&body).send().await.unwrap();
            assert_eq!(put.status(), 200);
            let body = json!({ "plan": "short", "consent": super::house::consent() });
            let made = request(reqwest::Method::POST, "/api/sessions").json(&body).send().await.unwrap();
            assert_eq!(made.status(), 201);
            saved.fetch_add(1, Ordering::Relaxed);
        }
    };
    let rewrap = async {
        let mut told = Vec::new();
        for _ in 0..3 {
            let (data, both) = (house.data_dir(), both.map(|(name, value)| (name, value.to_owned())));
            let ended = tokio::task::spawn_blocking(move || {
                let launch = Launch::on(&data, &["rewrap", "--json"]);
                both.into_iter().fold(launch, |launch, (name, value)| launch.env(name, &value)).output()
            });
            let ended = ended.await.unwrap();
            assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
            told.push(serde_json::from_str::<Value>(&ended.stdout).unwrap());
        }
        stop.store(true, Ordering::Relaxed);
        told
    };
    let ((), told) = tokio::join!(load, rewrap);
    assert!(saved.load(Ordering::Relaxed) > 0, "there was load");
    assert!(told[0]["rewrapped"].as_u64().unwrap() > 0, "{told:?}");
    assert_eq!(told[2]["already_current"], 24, "{told:?}");

    // The old key may go.
    let house = house.served_by(|launch| launch.env("ENCRYPTION_KEY", &new).start());
    for (cookie, _) in &people {
        let request = house.viva.request(reqwest::Method::POST, "/api/user/keys/validate");
        let request = request.header("cookie", cookie).header("origin", &house.viva.url).json(&json!({}));
        let verdict: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(verdict["valid"], true, "{verdict}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_an_older_system_are_sealed_anew_and_bad_ones_named_by_number() {
    let house = House::open(&[("ENCRYPTION_KEY", &hex::encode(OLD))]).await;
    let booked = house.book("short").await;
    let conn = Connection::open(house.database()).unwrap();
    let (issuer, subject): (String, String) = conn
        .query_row(
            "SELECT u.issuer, u.subject FROM users u JOIN interview_sessions s ON s.user_id = u.id WHERE s.id = ?1",
            [*booked.session.0.as_bytes()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    drop(conn);
    let old_system = fernet::Fernet::generate_key();
    let sealed = fernet::Fernet::new(&old_system).unwrap().encrypt(BYOK[0].as_bytes());
    let foreign = fernet::Fernet::new(&fernet::Fernet::generate_key()).unwrap().encrypt(BYOK[1].as_bytes());
    let dir = tempfile::tempdir().unwrap();
    let (rows, keys) = (dir.path().join("rows.jsonl"), dir.path().join("fernet.key"));
    std::fs::write(&keys, format!("{old_system}\n")).unwrap();
    let row = |subject: &str, sealed: &str| json!({ "user_id": subject, "encrypted_key": sealed }).to_string();
    let lines =
        [row(&subject, &foreign), "planted and no JSON".to_owned(), row("nobody", &sealed), row(&subject, &sealed)];
    std::fs::write(&rows, lines.join("\n")).unwrap();
    let import = || {
        let arguments =
            ["import-keys", rows.to_str().unwrap(), "--fernet-key-file", keys.to_str().unwrap(), "--issuer", &issuer];
        Launch::on(&house.data_dir(), &arguments).env("ENCRYPTION_KEY", &hex::encode(OLD)).output()
    };
    let ended = import();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let told: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(told[0], "1 imported, 0 people had a key already, 3 not taken");
    assert!(told[1].starts_with("row 1: none of the Fernet keys") && told[2].starts_with("row 2: "), "{told:?}");
    assert!(told[3].starts_with("row 3: its person"), "{told:?}");
    for secret in ["planted", BYOK[0], sealed.as_str(), subject.as_str()] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret));
    }
    assert_eq!(house.get("/api/user/keys").await[0]["status"], "unchecked");
    assert!(import().stdout.starts_with("0 imported, 1 people had a key already"));

    let mut browser = Browser::call(&house, &booked, brief()).await;
    assert_eq!(house.probe().project(&house.probe().calls()[0]), Some(1), "the running server uses it at once");
    browser.end().await;
    browser.until_closed(PATIENCE).await;
    let data = house.data_dir();
    let _books = house.closed();
    assert!(!holds(&bytes_of(&data), BYOK[0]));
}

#[test]
fn fresh_secrets_are_printed_and_never_the_same() {
    let keygen = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_viva")).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let all = keygen(&["keygen"]);
    let names: Vec<_> = all.lines().map(|line| line.split_once('=').unwrap().0).collect();
    assert_eq!(names, ["SECRET_KEY", "ENCRYPTION_KEY", "JWT_SECRET", "SEAL_KEY"]);
    let one = || keygen(&["keygen", "--bare", "ENCRYPTION_KEY"]);
    assert_ne!(one(), one());
    assert!(viva_proxy::vault::key_file::parse(&one()).is_some());
    assert!(keygen(&["keygen", "--help"]).contains("Examples:"));
}
