//! Settings through the real binary: what is wrong is said, all of it, before anything is touched.

use std::fs;

use crate::support::{Launch, Viva};

#[test]
fn every_fault_is_one_line_with_its_fix_and_nothing_is_touched() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().join("never-made");
    let ended = Launch::on(&dir, &[])
        .env("PORT", "http")
        .env("ALLOWED_ORIGINS", "*")
        .env("BIND", "0.0.0.0")
        .env("OPENAI_API_KEY", "sk-planted in two words")
        .env("KILL_SWITCH", "maybe")
        .output();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""), "{}", ended.stderr);
    let named = |line: &'_ str| {
        line.strip_prefix("viva: ").and_then(|line| line.split(':').next()).unwrap_or_default().to_owned()
    };
    let variables: Vec<_> = ended.stderr.lines().map(named).collect();
    assert_eq!(
        variables,
        ["PORT", "ALLOWED_ORIGINS", "OPENAI_API_KEY", "KILL_SWITCH", "ALLOW_PUBLIC_SIMULATION", "BIND"]
    );
    assert!(ended.stderr.lines().all(|line| line.contains("; ")), "each has a fix: {}", ended.stderr);
    assert!(!ended.stderr.contains("planted"), "{}", ended.stderr);
    assert!(!dir.exists());
}

#[test]
fn a_faulty_plan_is_a_fault_with_its_line() {
    let plans = tempfile::tempdir().unwrap();
    fs::write(plans.path().join("mine.toml"), "name = \"mine\"\nlabel = 7\n").unwrap();
    let ended = Launch::new(&[]).env("PLANS_DIR", plans.path().to_str().unwrap()).output();
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.starts_with("viva: PLANS_DIR: mine.toml: line 2"), "{}", ended.stderr);
}

#[tokio::test]
async fn plans_of_a_directory_are_offered_beside_the_built_in_ones() {
    let plans = tempfile::tempdir().unwrap();
    let short = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../plans/short.toml")).unwrap();
    fs::write(plans.path().join("mine.toml"), short.replacen("name = \"short\"", "name = \"mine\"", 1)).unwrap();
    let viva = Launch::new(&[]).env("PLANS_DIR", plans.path().to_str().unwrap()).start();
    let response = viva.request(reqwest::Method::POST, "/auth/guest").header("origin", &viva.url).send().await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let offered: serde_json::Value =
        viva.get("/api/plans").header("cookie", cookie).send().await.unwrap().json().await.unwrap();
    let names: Vec<_> =
        offered["plans"].as_array().unwrap().iter().map(|plan| plan["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["default", "mine", "short"]);
}

#[test]
fn old_names_are_warned_about_in_the_log() {
    let viva = Launch::new(&[]).env("MAX_CONCURRENT_WORKERS", "5").start();
    assert!(
        viva.logged().contains("MAX_CONCURRENT_WORKERS: is the old name of MAX_CONCURRENT_SESSIONS"),
        "{}",
        viva.logged()
    );
}

#[test]
fn two_servers_do_not_share_a_data_directory() {
    let first = Viva::start();
    let second = Launch::on(&first.data_dir(), &[]).output();
    assert_ne!(second.code, Some(0));
    assert!(second.stderr.contains("in use by another process"), "{}", second.stderr);
}

#[test]
fn a_taken_port_is_named() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let ended = Launch::new(&[]).env("PORT", &port).output();
    assert_ne!(ended.code, Some(0));
    assert!(ended.stderr.contains("BIND, PORT: cannot listen on 127.0.0.1:"), "{}", ended.stderr);
}

#[test]
fn help_and_version_say_what_this_is() {
    let help = Launch::new(&["--help"]).output();
    assert_eq!(help.code, Some(0));
    for word in ["Examples:", "simulate", "migrate", "health", ".env.example"] {
        assert!(help.stdout.contains(word), "{word} is missing:\n{}", help.stdout);
    }
    let version = Launch::new(&["--version"]).output();
    assert!(version.stdout.starts_with(concat!("viva ", env!("CARGO_PKG_VERSION"), "+")), "{}", version.stdout);
}
