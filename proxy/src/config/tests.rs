//! Settings from an [`Env`], never from the process: faults come all at once, secrets never show, and `.env.example`
//! says exactly what is read.

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::reader::Reader;
use crate::upstream::Manner;
use crate::upstream::manner::OfferForm;

use super::{Admission, Config, Env, Environment, Fault, Format, Guests, Metrics, Model, Sideband, StoreKind, Warning};

const EXAMPLE: &str = include_str!("../../../.env.example");

fn with(variables: &[(&str, &str)]) -> Result<Config, Vec<Fault>> {
    Config::from_env(&variables.iter().copied().collect())
}

fn good(variables: &[(&str, &str)]) -> Config {
    with(variables).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// The variables that have a fault.
fn faulty(variables: &[(&str, &str)]) -> Vec<&'static str> {
    with(variables).expect_err("something is wrong").iter().map(|fault| fault.variable).collect()
}

#[test]
fn nothing_set_is_a_first_minute_that_works() {
    let config = good(&[]);
    assert_eq!(config.server.address().to_string(), "127.0.0.1:8080");
    assert!(matches!(config.upstream.model_server, Model::Simulator));
    assert_eq!(config.identity.guests, Guests::Local);
    assert_eq!((config.upstream.model.as_str(), config.upstream.voice.as_str()), ("gpt-realtime-2.1", "marin"));
    assert_eq!(config.upstream.transcribe_model, "gpt-realtime-whisper");
    assert_eq!((config.limits.sessions, config.limits.session), (1_000, Duration::from_secs(7_200)));
    assert_eq!(config.server.metrics, Metrics::MainPort);
    assert_eq!(config.store.data_dir.to_str(), Some("./data"));
    assert!(matches!(config.store.kind, StoreKind::Embedded));
    assert!(config.warnings.is_empty());
    assert_eq!(good(&[("PORT", "  "), ("OPENAI_API_KEY", "")]).server.port, 8080, "blank means unset");
}

#[test]
fn a_key_chooses_the_real_model() {
    let config = good(&[("OPENAI_API_KEY", "sk-planted-secret"), ("OPENAI_BASE_URL", "http://127.0.0.1:9000")]);
    let Model::Provider { base_url, key } = &config.upstream.model_server else { panic!("a provider") };
    let key = key.as_ref().map(|key| key.expose_secret());
    assert_eq!((base_url.as_str(), key), ("http://127.0.0.1:9000/v1", Some("sk-planted-secret")));
    assert!(!format!("{config:?}").contains("planted"));

    let config = good(&[("OPENAI_API_KEY", "sk-x")]);
    let Model::Provider { base_url, .. } = &config.upstream.model_server else { panic!("a provider") };
    assert_eq!(base_url.as_str(), "https://api.openai.com/v1");
}

#[test]
fn a_second_server_has_a_name_an_address_and_a_key_of_its_own() {
    let first = [("OPENAI_API_KEY", "sk-x")];
    let and = |more: &[(&'static str, &'static str)]| first.iter().chain(more).copied().collect::<Vec<_>>();
    assert!(good(&first).upstream.backup.is_none());
    let azure = "https://r.openai.azure.com/openai/v1";
    let whole =
        and(&[("UPSTREAM_BACKUP", "azure"), ("UPSTREAM_BACKUP_URL", azure), ("UPSTREAM_BACKUP_KEY", "planted")]);
    let config = good(&whole);
    let backup = config.upstream.backup.as_ref().expect("a second server");
    assert_eq!((config.upstream.name.as_str(), backup.name.as_str()), ("openai", "azure"));
    assert_eq!((backup.base_url.as_str(), backup.manner.offer), (azure, OfferForm::Minted));
    assert!(!format!("{config:?}").contains("planted"));

    assert_eq!(faulty(&and(&[("UPSTREAM_BACKUP", "azure")])), ["UPSTREAM_BACKUP_URL", "UPSTREAM_BACKUP_KEY"]);
    assert_eq!(faulty(&and(&[("UPSTREAM_BACKUP", "nobody")])), ["UPSTREAM_BACKUP"]);
    let again = [("UPSTREAM_BACKUP", "openai"), ("UPSTREAM_BACKUP_KEY", "sk-y")];
    assert_eq!(faulty(&and(&again)), ["UPSTREAM_BACKUP"], "the first again");
    let clear = [("UPSTREAM_BACKUP_URL", "http://example.com/v1"), ("UPSTREAM_BACKUP_KEY", "sk-y")];
    assert_eq!(faulty(&and(&[&[("UPSTREAM_BACKUP", "azure")], &clear[..]].concat())), ["UPSTREAM_BACKUP_URL"]);
    // What is simulated is never real.
    let simulated = [("SIMULATION_MODE", "true")];
    let config = good(&[&whole[..], &simulated].concat());
    assert!(config.upstream.backup.is_none() && config.upstream.name == "simulator");
}

#[test]
fn a_deployment_to_which_everybody_brings_a_key_needs_none_of_its_own() {
    let config = good(&[("KEY_POLICY", "byok")]);
    assert!(matches!(config.upstream.model_server, Model::Provider { key: None, .. }));
    assert!(matches!(good(&[]).upstream.model_server, Model::Simulator));
    assert_eq!(faulty(&[("OPENAI_BASE_URL", "http://127.0.0.1:9000")]), ["OPENAI_API_KEY"]);
    assert_eq!(faulty(&[("KEY_POLICY", "mine")]), ["KEY_POLICY"]);
}

#[test]
fn stored_keys_are_wrapped_with_a_setting_or_on_a_desk_with_a_file() {
    let (one, two) = (hex::encode([1; 32]), hex::encode([2; 32]));
    let both = good(&[("ENCRYPTION_KEY", &one), ("ENCRYPTION_KEY_PREVIOUS", &format!("{two}, "))]);
    assert!(matches!(both.vault.encryption, super::Encryption::Ring(_)));
    assert!(!format!("{both:?}").contains(&one), "it is not printed");
    assert!(matches!(good(&[]).vault.encryption, super::Encryption::File));
    let key = ("OPENAI_API_KEY", "sk-x");
    assert!(matches!(good(&[("APP_ENV", "production"), key]).vault.encryption, super::Encryption::None));
    assert_eq!(faulty(&[("ENCRYPTION_KEY", "short")]), ["ENCRYPTION_KEY"]);
    assert_eq!(faulty(&[("ENCRYPTION_KEY_PREVIOUS", &two)]), ["ENCRYPTION_KEY"]);
    assert_eq!(faulty(&[("ENCRYPTION_KEY", &one), ("ENCRYPTION_KEY_PREVIOUS", &one)]), ["ENCRYPTION_KEY_PREVIOUS"]);
}

#[test]
fn a_projects_secret_key_chooses_its_database() {
    const URL: (&str, &str) = ("SUPABASE_URL", "https://abc.supabase.co");
    let rest = |variables: &[(&str, &str)]| match good(variables).store.kind {
        StoreKind::Supabase(project) => Some(project.rest),
        StoreKind::Embedded => None,
    };
    assert_eq!(rest(&[URL]), None, "the address alone says whose tokens are believed");
    let key = ("SUPABASE_SECRET_KEY", "sb_secret_planted");
    assert_eq!(rest(&[URL, key]).as_deref(), Some("https://abc.supabase.co/rest/v1"));
    assert!(!format!("{:?}", good(&[URL, key])).contains("planted"));
    let old = good(&[URL, ("SUPABASE_SERVICE_KEY", "eyJh.eyJi.c2ln")]);
    assert!(matches!(old.store.kind, StoreKind::Supabase(_)));
    assert_eq!(old.warnings.iter().map(|warning| warning.variable).collect::<Vec<_>>(), ["SUPABASE_SERVICE_KEY"]);
    assert_eq!(faulty(&[key]), ["SUPABASE_SECRET_KEY"]);
    assert_eq!(faulty(&[URL, ("SUPABASE_SECRET_KEY", "sb_publishable_x")]), ["SUPABASE_SECRET_KEY"]);
    assert_eq!(faulty(&[("SUPABASE_URL", "ftp://x"), key]), ["SUPABASE_URL"]);
}

#[test]
fn switches_only_choose_the_upstream() {
    for switch in [("SIMULATION_MODE", "true"), ("KILL_SWITCH", "simulation")] {
        let config = good(&[("OPENAI_API_KEY", "sk-x"), switch]);
        assert!(matches!(config.upstream.model_server, Model::Simulator), "{switch:?}");
        assert_eq!(config.upstream.admission, Admission::Open);
    }
    assert_eq!(good(&[("KILL_SWITCH", "refuse")]).upstream.admission, Admission::Refused);
    assert_eq!(good(&[("SIDEBAND", "OFF")]).upstream.sideband, Sideband::Off);
}

#[test]
fn every_fault_is_told_at_once_with_its_fix() {
    let faults = with(&[
        ("PORT", "70000"),
        ("BIND", "everywhere"),
        ("ALLOWED_ORIGINS", "https://ok.example, *, https://x.example/path"),
        ("LOG_LEVEL", "loud"),
        ("MAX_SESSION_SECONDS", "0"),
        ("OPENAI_API_KEY", "sk planted secret"),
        ("PLANS_DIR", "/nowhere/at/all"),
    ])
    .expect_err("seven things are wrong");
    let names: Vec<_> = faults.iter().map(|fault| fault.variable).collect();
    assert_eq!(
        names,
        [
            "BIND",
            "PORT",
            "ALLOWED_ORIGINS",
            "ALLOWED_ORIGINS",
            "OPENAI_API_KEY",
            "MAX_SESSION_SECONDS",
            "LOG_LEVEL",
            "PLANS_DIR"
        ]
    );
    for fault in &faults {
        let line = fault.to_string();
        assert!(!line.contains('\n') && !fault.fix.is_empty(), "{line}");
        assert!(!line.contains("planted"), "{line}");
    }
    assert_eq!(
        faults[5].to_string(),
        "MAX_SESSION_SECONDS: is not a number that can be used; set a whole number from 10 to 86400 (default 7200)"
    );
}

#[test]
fn guests_never_leave_this_machine() {
    assert_eq!(faulty(&[("BIND", "0.0.0.0"), ("OPENAI_API_KEY", "sk-x")]), ["BIND"]);
    assert_eq!(faulty(&[("BIND", "::"), ("OPENAI_API_KEY", "sk-x")]), ["BIND"]);
    assert_eq!(faulty(&[("PUBLIC_URL", "https://viva.example")]), ["PUBLIC_URL"]);
    assert_eq!(good(&[("BIND", "::1"), ("PUBLIC_URL", "http://localhost:8080/")]).identity.guests, Guests::Local);
}

#[test]
fn a_guest_beside_an_issuer_is_for_somebodys_desk() {
    const ISSUER: (&str, &str) = ("JWT_SECRET", LONG);
    const BESIDE: (&str, &str) = ("ALLOW_LOCAL_GUEST", "true");
    let desk = good(&[ISSUER, BESIDE]);
    assert_eq!(desk.identity.guests, Guests::Local);
    assert_eq!(desk.warnings.iter().map(|warning| warning.variable).collect::<Vec<_>>(), ["ALLOW_LOCAL_GUEST"]);
    assert_eq!(good(&[ISSUER, ("ALLOW_LOCAL_GUEST", "false")]).identity.guests, Guests::Nobody);
    let key = ("OPENAI_API_KEY", "sk-x");
    for public in [("BIND", "0.0.0.0"), ("PUBLIC_URL", "https://viva.example"), ("APP_ENV", "production")] {
        assert_eq!(faulty(&[ISSUER, BESIDE, key, public]), ["ALLOW_LOCAL_GUEST"], "{public:?}");
    }
}

#[test]
fn the_simulator_answers_real_people_only_when_told_to() {
    assert_eq!(faulty(&[("APP_ENV", "production")]), ["ALLOW_PUBLIC_SIMULATION"]);
    assert_eq!(faulty(&[("BIND", "0.0.0.0")]), ["ALLOW_PUBLIC_SIMULATION", "BIND"]);
    let config = good(&[("APP_ENV", "production"), ("ALLOW_PUBLIC_SIMULATION", "yes")]);
    assert_eq!((config.server.environment, config.log.format), (Environment::Production, Format::Json));
}

#[test]
fn a_key_is_not_sent_in_clear_to_another_machine() {
    assert_eq!(
        faulty(&[("OPENAI_API_KEY", "sk-x"), ("OPENAI_BASE_URL", "http://models.example")]),
        ["OPENAI_BASE_URL"]
    );
    assert_eq!(
        faulty(&[("OPENAI_API_KEY", "sk-x"), ("OPENAI_BASE_URL", "https://user:pw@models.example")]),
        ["OPENAI_BASE_URL"]
    );
    assert_eq!(faulty(&[("OPENAI_BASE_URL", "http://localhost:9000/v1/")]), ["OPENAI_API_KEY"]);
}

#[test]
fn old_names_work_and_are_warned_about() {
    let config = good(&[("MAX_CONCURRENT_WORKERS", "7"), ("CORS_ORIGINS", "https://a.example")]);
    assert_eq!(config.limits.sessions, 7);
    assert_eq!(config.server.allowed_origins[0].as_str(), "https://a.example");
    let names: Vec<_> = config.warnings.iter().map(|warning| warning.variable).collect();
    assert_eq!(names, ["CORS_ORIGINS", "MAX_CONCURRENT_WORKERS"]);

    let config = good(&[("MAX_CONCURRENT_SESSIONS", "8"), ("MAX_CONCURRENT_WORKERS", "7")]);
    assert_eq!(config.limits.sessions, 8);
    let ignored = Warning {
        variable: "MAX_CONCURRENT_WORKERS",
        advice: "is ignored because MAX_CONCURRENT_SESSIONS is set; remove it".into(),
    };
    assert_eq!(config.warnings, [ignored]);
}

/// The lines of `.env.example`: set ones as they are, commented ones with their example value.
fn example() -> Vec<(&'static str, &'static str)> {
    let lines = EXAMPLE.lines().map(|line| line.strip_prefix('#').unwrap_or(line));
    let name = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    lines.filter_map(|line| line.split_once('=')).filter(|(variable, _)| name(variable)).collect()
}

#[test]
fn the_example_file_names_every_variable_and_no_other() {
    let env = Env::default();
    let mut reader = Reader::new(&env);
    let _ = Config::read(&mut reader);
    let named: BTreeSet<_> = example().into_iter().map(|(variable, _)| variable).collect();
    let read: BTreeSet<_> = reader.asked().iter().copied().collect();
    assert_eq!(named, read);
}

#[test]
fn the_example_file_is_a_configuration_that_starts() {
    let set: Env =
        EXAMPLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect();
    let config = Config::from_env(&set).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(config.warnings.is_empty());
    // Uncommenting a line must not break it either. Some belong to a deployment that others reach, or to another line,
    // and the paths are of the directory that a server is started in.
    let in_pairs = [
        "SUPABASE_JWT_SECRET",
        "SUPABASE_ANON_KEY",
        "SUPABASE_SECRET_KEY",
        "SUPABASE_SERVICE_KEY",
        "AUTH0_DOMAIN",
        "AUTH0_AUDIENCE",
        "AUTH0_CLIENT_ID",
        "AUTH0_CLIENT_SECRET",
        "JWT_SECRET_PREVIOUS",
    ];
    let all: Vec<_> = example().into_iter().filter(|(variable, _)| in_pairs.contains(variable)).collect();
    let others = [("SUPABASE_URL", "https://abc.supabase.co"), ("JWT_SECRET", LONG)];
    let identity = good(&[all.as_slice(), &others].concat()).identity;
    assert_eq!((identity.issuers.len(), identity.providers.len()), (4, 2));
    for (variable, value) in example() {
        if in_pairs.contains(&variable) {
            continue;
        }
        if ["PUBLIC_URL", "PLANS_DIR", "PRICES", "OPENAI_BASE_URL", "UPSTREAM", "UPSTREAMS", "UPSTREAM_BACKUP"]
            .contains(&variable)
        {
            continue;
        }
        assert!(with(&[(variable, value), ("ALLOW_PUBLIC_SIMULATION", "true")]).is_ok(), "{variable}={value}");
    }
}

#[test]
fn a_server_that_is_asked_otherwise_is_named_and_has_an_address() {
    let key = ("OPENAI_API_KEY", "sk-test");
    let manner = |settings: &[(&'static str, &'static str)]| good(settings).upstream.manner;
    assert_eq!(manner(&[key]), Manner::default());
    assert_eq!(manner(&[key, ("UPSTREAM", "openai")]).offer, OfferForm::Multipart);
    let address = ("OPENAI_BASE_URL", "https://name.openai.azure.com/openai/v1");
    assert_eq!(manner(&[key, address, ("UPSTREAM", "azure")]).offer, OfferForm::Minted);
    assert_eq!(faulty(&[key, ("UPSTREAM", "azure")]), ["OPENAI_BASE_URL"]);
    for wrong in [("UPSTREAM", "nobody"), ("UPSTREAMS", "/nowhere.toml"), ("PRICES", "/nowhere.toml")] {
        assert_eq!(faulty(&[key, wrong]), [wrong.0]);
    }
}

const LONG: &str = "a-secret-of-more-than-thirty-two-bytes";

#[test]
fn an_issuer_lets_others_in_and_the_guest_out() {
    let reachable = [("BIND", "0.0.0.0"), ("PUBLIC_URL", "https://viva.example"), ("OPENAI_API_KEY", "sk-x")];
    type Variables = &'static [(&'static str, &'static str)];
    let issuers: [(Variables, &[&str]); 5] = [
        (&[("SUPABASE_URL", "https://abc.supabase.co/")], &["https://abc.supabase.co/auth/v1"]),
        (
            &[("SUPABASE_URL", "https://abc.supabase.co"), ("SUPABASE_JWT_SECRET", LONG)],
            &["https://abc.supabase.co/auth/v1", "https://abc.supabase.co/auth/v1"],
        ),
        (&[("AUTH0_DOMAIN", "acme.auth0.com"), ("AUTH0_AUDIENCE", "viva")], &["https://acme.auth0.com/"]),
        (&[("JWT_SECRET", LONG), ("JWT_SECRET_PREVIOUS", "the-one-before-of-thirty-two-bytes-or-more, ")], &["viva"]),
        (&[("AUTH_ISSUERS", r#"[{"issuer":"x","audiences":["a"],"jwks_url":"https://x.example/k"}]"#)], &["x"]),
    ];
    for (variables, names) in issuers {
        let config = good(&[variables, &reachable].concat());
        assert_eq!(config.identity.guests, Guests::Nobody);
        assert_eq!(config.identity.issuers.iter().map(|spec| spec.issuer.as_str()).collect::<Vec<_>>(), names);
        assert_eq!(good(variables).identity.guests, Guests::Nobody, "nor on this machine");
        assert!(!format!("{config:?}").contains("secret-of"), "a secret is printed");
    }
}

#[test]
fn a_fault_in_an_issuer_does_not_bring_the_guest_back() {
    let entry = |more: &str| format!(r#"[{{"issuer":"x","audiences":["a"],{more}}}]"#);
    let listed = [
        entry(r#""secrets":["planted"]"#),
        entry(r#""secrets":[]"#),
        entry(r#""jwks_url":"http://x.example/k""#),
        entry(r#""jwks_url":"https://x.example/k","secrets":["planted-secret-of-thirty-two-bytes-and-more"]"#),
        entry(r#""jwks_url":"https://x.example/k","algorithms":["ES256","HS256"]"#),
        entry(r#""jwks_url":"https://x.example/k","algorithms":["none"]"#),
        entry(r#""jwks_url":"https://x.example/k","tenant_claim":"user_metadata.tenant""#),
        entry(r#""jwks_url":"https://x.example/k","planted":1"#),
        entry(r#""jwks_url":["planted"]"#),
        r#"[{"issuer":"x","audiences":[],"jwks_url":"https://x.example/k"}]"#.to_owned(),
        r#"[{"issuer":"guest","audiences":["a"],"jwks_url":"https://x.example/k"}]"#.to_owned(),
        r#"[{"issuer":"tenant:1","audiences":["a"],"jwks_url":"https://x.example/k"}]"#.to_owned(),
        "planted".to_owned(),
    ];
    let twice = r#"{"issuer":"x","audiences":["a"],"jwks_url":"https://x.example/k"}"#;
    for list in listed.into_iter().chain([format!("[{twice},{twice}]")]) {
        let faults = with(&[("AUTH_ISSUERS", &list)]).expect_err("something is wrong");
        assert_eq!(faults.iter().map(|fault| fault.variable).collect::<Vec<_>>(), ["AUTH_ISSUERS"], "{list}");
        assert!(!faults[0].to_string().contains("planted-secret"), "{}", faults[0]);
    }
    for (variables, names) in [
        (vec![("JWT_SECRET", "short")], vec!["JWT_SECRET"]),
        (vec![("JWT_SECRET_PREVIOUS", LONG)], vec!["JWT_SECRET"]),
        (vec![("SUPABASE_JWT_SECRET", LONG)], vec!["SUPABASE_JWT_SECRET"]),
        (vec![("SUPABASE_URL", "http://abc.example")], vec!["SUPABASE_URL"]),
        (vec![("AUTH0_DOMAIN", "acme.auth0.com")], vec!["AUTH0_AUDIENCE"]),
        (vec![("AUTH0_AUDIENCE", "x")], vec!["AUTH0_DOMAIN"]),
        (vec![("AUTH0_DOMAIN", "https://acme.auth0.com"), ("AUTH0_AUDIENCE", "x")], vec!["AUTH0_DOMAIN"]),
    ] {
        let found = faulty(&variables);
        assert!(names.iter().all(|name| found.contains(name)), "{variables:?}: {found:?}");
    }
}
