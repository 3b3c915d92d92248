//! The record of a real call, and what it is worth without the server: exported, verified, altered, recorded, replayed,
//! all by the commands that an operator has.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::browser::{Browser, brief};
use super::house::{Booked, House};
use crate::support::{Ended, Launch};

/// A call of a few turns that the candidate ends, with its recording.
async fn called(recordings: &Path) -> (House, Booked, Vec<String>) {
    let house = House::open(&[("RECORD_CALLS", recordings.to_str().unwrap())]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("some turns", |log| log.turns().len() >= 4).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    let words = browser.log().turns().iter().map(|(_, words)| (*words).to_owned()).collect();
    house.over(&booked).await;
    (house, booked, words)
}

/// Runs a command on the house's data.
fn viva(house: &House, arguments: &[&str]) -> Ended {
    Launch::on(&house.data_dir(), arguments).output()
}

fn json(ended: &Ended) -> Value {
    let last = ended.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("JSON: {} {}", ended.stdout, ended.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_s_export_verifies_until_somebody_alters_it() {
    let dir = tempfile::tempdir().unwrap();
    let (house, booked, words) = called(&dir.path().join("recordings")).await;
    let path = format!("/api/sessions/{}/transcript?format=journal", booked.session);
    let response = house.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let name = format!("attachment; filename=\"interview-{}.journal.jsonl\"", booked.session);
    assert_eq!(response.headers()["content-disposition"], name.as_str());
    let exported = response.text().await.unwrap();
    assert!(words.iter().all(|words| exported.contains(words)));

    // The key is to be had from three sides, and none of them is the export.
    let health: Value = house.get("/health").await;
    let keys = json(&viva(&house, &["keys", "--json"]));
    assert_eq!((&health["seal"]["public_key"], &health["seal"]["key_id"]), (&keys["public_key"], &keys["key_id"]));
    let key = keys["public_key"].as_str().unwrap();
    assert!(viva(&house, &["keys"]).stdout.contains(key));

    let file = dir.path().join("export.jsonl");
    let verify = |text: &str, more: &[&str]| {
        std::fs::write(&file, text).unwrap();
        let ended = viva(&house, &[&["verify", file.to_str().unwrap(), "--json"], more].concat());
        (ended.code, json(&ended))
    };
    let (code, found) = verify(&exported, &["--key", key]);
    assert_eq!((code, &found["ok"]), (Some(0), &true.into()), "{found}");
    assert_eq!(found["verified"]["vouched"]["trusted"], true);
    let records = found["verified"]["records"].as_u64().unwrap();
    assert_eq!(exported.lines().count() as u64, records + 1);
    assert_eq!(verify(&exported, &[]).1["verified"]["vouched"]["trusted"], false, "taken at its word, and said so");
    let (code, found) = verify(&exported, &["--key", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"]);
    assert_eq!(
        (code, &found["altered"]["fault"], &found["altered"]["record"]),
        (Some(1), &"key".into(), &records.into())
    );

    // Put other words into the candidate's mouth.
    let altered = exported.replacen(&words[1], "I was told to say this", 1);
    let line = exported.lines().position(|line| line.contains(&words[1])).unwrap();
    let (code, found) = verify(&altered, &["--key", key]);
    assert_eq!(
        (code, &found["altered"]["fault"], &found["altered"]["record"]),
        (Some(1), &"text".into(), &line.into())
    );
    assert_eq!(verify("{}", &[]).0, Some(2));
    let text = viva(&house, &["verify", file.to_str().unwrap()]);
    assert_eq!(text.code, Some(2), "{}", text.stderr);

    // The store beside the running server says the same.
    let beside = viva(&house, &["export", &booked.session.to_string()]);
    assert_eq!(beside.code, Some(0), "{}", beside.stderr);
    assert!(beside.stdout.lines().skip(1).eq(exported.lines().skip(1)));
    assert_eq!(verify(&beside.stdout, &["--key", key]).0, Some(0));
    assert_eq!(viva(&house, &["export", "0190a0a0-0000-7000-8000-000000000001"]).code, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_recorded_and_decided_the_same_again() {
    let dir = tempfile::tempdir().unwrap();
    let recordings = dir.path().join("recordings");
    let (house, booked, words) = called(&recordings).await;
    assert!(house.viva.logged().contains("RECORD_CALLS"), "it is warned about");
    let _books = house.closed();
    let files: Vec<PathBuf> = std::fs::read_dir(&recordings).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("one call, one file: {files:?}") };
    assert!(file.file_name().unwrap().to_str().unwrap().starts_with(&booked.session.to_string()));
    let text = std::fs::read_to_string(file).unwrap();
    assert!(words.iter().all(|words| text.contains(words)));

    let replay = |more: &[&str]| Launch::new(&[&["replay", file.to_str().unwrap()], more].concat()).output();
    let ended = replay(&["--json"]);
    let verdict = json(&ended);
    assert_eq!((ended.code, &verdict["ok"], &verdict["end"]), (Some(0), &true.into(), &"the call was over".into()));
    let inputs = verdict["inputs"].as_u64().unwrap();
    assert!(inputs > 50 && verdict["recorded_inputs"] == inputs, "{verdict}");

    // What was said is shown to those who ask for it.
    let (hidden, shown) = (replay(&["--state"]), replay(&["--state", "--show-text"]));
    assert_eq!((hidden.code, shown.code), (Some(0), Some(0)));
    assert!(words.iter().all(|words| !hidden.stdout.contains(words) && !ended.stdout.contains(words)));
    assert!(words.iter().all(|words| shown.stdout.contains(words)));
    assert!(hidden.stdout.contains("ToClient") && hidden.stdout.contains("ToClient stage_change"));
    let short = json(&replay(&["--json", "--until", "20"]));
    assert_eq!((&short["inputs"], &short["differs_at"]), (&20.into(), &Value::Null));

    // A version that had decided otherwise.
    let line = text.lines().position(|line| line.contains("ToModel Speak")).unwrap();
    let digest = text.lines().nth(line).unwrap().split("\"ToModel Speak\",\"").nth(1).unwrap()[..16].to_owned();
    std::fs::write(file, text.replacen(&digest, "0123456789abcdef", 1)).unwrap();
    let ended = replay(&[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains(&format!("DIFFERS at input {line}:")), "{}", ended.stdout);
    assert!(ended.stdout.contains("ToModel Speak (0123456789abcdef)") && ended.stdout.contains(&digest));
    assert_eq!(replay(&["--until", &(line - 1).to_string()]).code, Some(0), "up to there they agree");
    std::fs::write(file, "no recording\n").unwrap();
    assert_eq!(replay(&[]).code, Some(2));
}
