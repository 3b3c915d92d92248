//! An operator's commands on a project's database, beside the server that works on it.

use fernet::Fernet;
use reqwest::Method;
use serde_json::{Value, json};
use viva_proxy::identity::TenantCtx;
use viva_proxy::ids::{SessionId, TenantId};
use viva_proxy::store::spool::{Bounds, Spooled};
use viva_proxy::store::supabase::{Client, SupabaseStore, Timeouts};
use viva_proxy::store::{Batch, Store as _};
use viva_proxy::transcript::{Hash, Record, Source, Speaker};

use super::Served;
use crate::store::fixture::{HandClock, Pen, turn};
use crate::support::{Ended, Launch};

const ADA: &str = "5b0c2d0a-3b1e-4b6e-9a56-0d7f3c1d9a01";
const OLD: [u8; 32] = [7; 32];
const NEW: [u8; 32] = [8; 32];
const MODEL_KEY: &str = "sk-planted-of-an-older-system-41d0";

async fn tenant(served: &Served, token: &str) -> String {
    served.get("/api/me", token).await.1["tenants"][0]["id"].as_str().unwrap().to_owned()
}

fn told(ended: &Ended) -> String {
    format!("{}{}", ended.stdout, ended.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_imported_and_wrapped_anew_in_the_projects_database() {
    let old = hex::encode(OLD);
    let served = Served::open(&[("ENCRYPTION_KEY", &old)]).await;
    let ada = served.token(ADA);
    tenant(&served, &ada).await;
    let dir = tempfile::tempdir().unwrap();
    let (rows, fernet) = (dir.path().join("rows.jsonl"), dir.path().join("fernet.key"));
    let older = Fernet::generate_key();
    std::fs::write(&fernet, &older).unwrap();
    let sealed = Fernet::new(&older).unwrap().encrypt(MODEL_KEY.as_bytes());
    let row = |subject: &str| json!({ "user_id": subject, "encrypted_key": sealed }).to_string();
    std::fs::write(&rows, [row(ADA), row("never-here")].join("\n")).unwrap();
    let issuer = served.issuer();
    let import =
        ["import-keys", rows.to_str().unwrap(), "--fernet-key-file", fernet.to_str().unwrap(), "--issuer", &issuer];
    let settings = [("ENCRYPTION_KEY", old.as_str())];
    let ended = served.command(&import, &settings).await;
    assert_eq!(ended.code, Some(1), "{}", told(&ended));
    assert!(ended.stdout.starts_with("1 imported, 0 people had a key already, 1 not taken"), "{}", told(&ended));
    assert!(!told(&ended).contains(MODEL_KEY) && !told(&ended).contains(&sealed));
    let again = served.command(&import, &settings).await;
    assert!(again.stdout.starts_with("0 imported, 1 people had a key already"), "{}", told(&again));
    assert_eq!(served.get("/api/user/keys", &ada).await.1[0]["status"], "unchecked");

    let both = [("ENCRYPTION_KEY", hex::encode(NEW)), ("ENCRYPTION_KEY_PREVIOUS", old.clone())];
    let both: Vec<_> = both.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for (rewrapped, current) in [(1, 0), (0, 1)] {
        let ended = served.command(&["rewrap", "--json"], &both).await;
        assert_eq!(ended.code, Some(0), "{}", told(&ended));
        let said: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!((&said["rewrapped"], &said["already_current"]), (&json!(rewrapped), &json!(current)), "{said}");
    }
    let kek = served.database.sql("select distinct kek_id from public.user_api_keys");
    let alone = served.command(&["rewrap", "--json"], &[("ENCRYPTION_KEY", &hex::encode(NEW))]).await;
    let said: Value = serde_json::from_str(&alone.stdout).unwrap();
    assert_eq!((alone.code, &said["kek"]), (Some(0), &json!(kek)), "the old key may go");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_is_exported_out_of_the_projects_database_and_verifies() {
    let served = Served::open(&[]).await;
    let ada = served.token(ADA);
    let body = json!({ "plan": "short", "consent": { "version": "2026-11", "locale": "en" } });
    let made = served.request(Method::POST, "/api/sessions", &ada).json(&body).send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    let id = made["session"]["id"].as_str().unwrap();
    let ended = served.request(Method::POST, &format!("/api/sessions/{id}/end"), &ada).send().await.unwrap();
    assert_eq!(ended.status(), 200);
    let exported = served.command(&["export", id], &[]).await;
    assert_eq!(exported.code, Some(0), "{}", told(&exported));
    let file = served.data.path().join("journal.jsonl");
    std::fs::write(&file, &exported.stdout).unwrap();
    let verified = Launch::new(&["verify", file.to_str().unwrap(), "--json"]).output();
    let said: Value = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!((&said["ok"], &said["verified"]["records"]), (&json!(true), &json!(2)), "{said}");
    let unknown = served.command(&["export", &SessionId::fresh().to_string()], &[]).await;
    assert_eq!((unknown.code, unknown.stderr.contains("no such session")), (Some(1), true), "{}", told(&unknown));
}

/// A batch that no database takes, after `prev`.
fn poison(session: SessionId, n: u64, prev: Hash) -> Batch {
    let entry = turn("nul", None, Speaker::Ai);
    let record = Record::next(session, n, prev, 0, Source::Sideband, &entry, Some(("planted \0".into(), [1; 16])));
    Batch { session, lease_epoch: 1, expected_n: n, prev_hash: prev, records: vec![record] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_shown_tried_again_and_dropped() {
    let served = Served::open(&[]).await;
    let ada = served.token(ADA);
    let tenant: TenantId = tenant(&served, &ada).await.parse().unwrap();
    let body = json!({ "plan": "short", "consent": { "version": "2026-11", "locale": "en" } });
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let made = served.request(Method::POST, "/api/sessions", &ada).json(&body).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        sessions.push(made["session"]["id"].as_str().unwrap().parse::<SessionId>().unwrap());
    }
    // As a machine leaves it whose database refuses everything that is written, for good.
    let client = Client::new(&served.database.project, Timeouts::default()).unwrap();
    let clock = std::sync::Arc::new(HandClock::default());
    let data = served.data.path().join("another");
    std::fs::create_dir(&data).unwrap();
    let away = served.database.project.clone();
    let away = viva_proxy::store::supabase::Project { rest: "http://127.0.0.1:1".into(), ..away };
    let nowhere = SupabaseStore::new(Client::new(&away, Timeouts::default()).unwrap(), clock.clone());
    let spooled = Spooled::open(std::sync::Arc::new(nowhere), &data, clock.clone(), Bounds::default()).await.unwrap();
    let service = TenantCtx::service(tenant);
    let mut pen = Pen::new(sessions[0]);
    spooled.commit(service, pen.turns(2)).await.unwrap();
    spooled.commit(service, poison(sessions[1], 1, Hash::GENESIS)).await.unwrap();
    drop(spooled);
    let file = rusqlite::Connection::open(data.join("spool.db")).unwrap();
    file.execute_batch(
        "INSERT INTO dead_letters (tenant, lane, item, reason, at) SELECT tenant, lane, item, 'the store failed', at FROM entries;
         DELETE FROM entries",
    )
    .unwrap();
    drop(file);

    let dir = data.to_str().unwrap();
    let spool = async |arguments: &[&str]| {
        let ended = served.command(&[&["spool"], arguments].concat(), &[("DATA_DIR", dir)]).await;
        assert!(!ended.stderr.contains("planted"), "{}", ended.stderr);
        (ended.code, told(&ended))
    };
    let (code, listed) = spool(&["list"]).await;
    assert_eq!(code, Some(0), "{listed}");
    assert!(listed.contains(&format!("records 1 to 2 of session {}: the store failed", sessions[0])), "{listed}");
    assert!(listed.contains("2 dead letters; 0 entries wait") && !listed.contains("planted"), "{listed}");
    let (_, whole) = spool(&["list", "--whole"]).await;
    assert!(whole.contains("planted"), "for keeping it has the words");
    assert_eq!(spool(&["retry"]).await.0, Some(2), "which, is asked");

    let (code, retried) = spool(&["retry", "--all"]).await;
    assert_eq!(code, Some(1), "{retried}");
    assert!(retried.contains("1 taken, 1 left") && retried.contains("refused again"), "{retried}");
    let store = SupabaseStore::new(client, clock);
    assert_eq!(store.journal(service, sessions[0], 0).await.unwrap().len(), 2);
    assert_eq!(store.journal(service, sessions[1], 0).await.unwrap().len(), 0);
    let (code, unknown) = spool(&["drop", "99"]).await;
    assert_eq!((code, unknown.contains("99: there is no such letter")), (Some(1), true), "{unknown}");
    let (code, dropped) = spool(&["drop", "--all"]).await;
    assert_eq!((code, dropped.contains("1 dropped")), (Some(0), true), "{dropped}");
    assert!(spool(&["list"]).await.1.starts_with("0 dead letters"));
}
