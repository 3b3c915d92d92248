//! The flows from the first click to the cookie, and everything that must not lead there.

use serde_json::{Value, json};

use super::browser::Browser;
use super::provider::{CLIENT_SECRET, Mood, PROVIDER_TOKEN, Provider, REFRESH_TOKEN, SITE};
use crate::support::{Launch, Viva};

fn server(provider: &Provider) -> Viva {
    let launch = provider.settings().iter().fold(Launch::new(&[]), |launch, (name, value)| launch.env(name, value));
    let viva = launch.start();
    provider.allow(&format!("{}/auth/callback", viva.url));
    viva
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_signs_in_with_google_or_another_provider_and_lands_where_one_wanted() {
    let provider = Provider::start().await;
    let viva = server(&provider);
    let mut browser = Browser::new(&viva.url);
    let offered: Value = browser.open("/auth/providers").await.json().await.unwrap();
    let both = json!([{ "id": "oidc-1", "label": "Example ID" }, { "id": "google", "label": "Google" }]);
    assert_eq!(offered, json!({ "guest": false, "providers": both }));
    assert_eq!(browser.open("/sign-in").await.status(), 200);

    for (id, name) in [("google", "Robin"), ("oidc-1", "Ada")] {
        let mut browser = Browser::new(&viva.url);
        let (at, status) = browser.follow(&format!("/auth/login?provider={id}&next=%2Ftest%3Fx%3D1")).await;
        assert_eq!((at.as_str(), status), ("/test?x=1", 200));
        assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["viva_session"], "nothing is left of the way");
        let attributes = &browser.attributes["viva_session"];
        assert_eq!(attributes, " Path=/; HttpOnly; SameSite=Lax; Max-Age=43200");
        assert_eq!(browser.me().await.as_deref(), Some(name));
    }
    let logs = viva.logged();
    for planted in [PROVIDER_TOKEN, REFRESH_TOKEN, CLIENT_SECRET, "code-1", "robin@example.org"] {
        assert!(!logs.contains(planted), "{planted} is in the log");
    }
    let stored = std::fs::read_dir(viva.data_dir()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let stored: Vec<u8> = stored.flatten().collect();
    for planted in [PROVIDER_TOKEN, REFRESH_TOKEN, CLIENT_SECRET] {
        assert!(!stored.windows(planted.len()).any(|window| window == planted.as_bytes()), "{planted} is stored");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_browser_that_left_comes_back_and_only_once() {
    let provider = Provider::start().await;
    let viva = server(&provider);
    let mut browser = Browser::new(&viva.url);
    let to_provider = async |browser: &mut Browser, id: &str| {
        let left = browser.open(&format!("/auth/login?provider={id}")).await;
        assert_eq!((left.status().as_u16(), &left.headers()["cache-control"]), (303, &"no-store".parse().unwrap()));
        left.headers()["location"].to_str().unwrap().to_owned()
    };
    let code_for = async |browser: &mut Browser, location: &str| {
        browser.open(location).await.headers()["location"].to_str().unwrap().to_owned()
    };
    let came_to_nothing = async |browser: &mut Browser, callback: &str, why: &str| {
        let back = browser.open(callback).await;
        assert_eq!(
            (back.status().as_u16(), back.headers()["location"].to_str().unwrap()),
            (303, format!("/sign-in?error={why}").as_str())
        );
        assert!(!browser.cookies.contains_key("viva_session"));
    };
    for id in ["google", "oidc-1"] {
        // Somebody else's code, put under this browser: login CSRF.
        let location = to_provider(&mut browser, id).await;
        let callback = code_for(&mut browser, &location).await;
        let mut other = Browser::new(&viva.url);
        came_to_nothing(&mut other, &callback, "expired").await;
        // The other one has begun something of its own; it is still not theirs.
        to_provider(&mut other, id).await;
        let why = if id == "google" { "failed" } else { "expired" };
        came_to_nothing(&mut other, &callback, why).await;
    }
    let location = to_provider(&mut browser, "google").await;
    let callback = code_for(&mut browser, &location).await;
    let flow = browser.cookies["viva_sign_in"].clone();
    assert_eq!(browser.attributes["viva_sign_in"], " Path=/auth; HttpOnly; SameSite=Lax; Max-Age=600");
    assert_eq!(browser.open(&callback).await.headers()["location"], "/");
    let mut again = Browser::new(&viva.url);
    again.cookies.insert("viva_sign_in".to_owned(), flow);
    came_to_nothing(&mut again, &callback, "failed").await;

    came_to_nothing(&mut Browser::new(&viva.url), "/auth/callback?error=access_denied&error_code=x", "denied").await;
    came_to_nothing(&mut Browser::new(&viva.url), "/auth/callback", "expired").await;
    assert_eq!(Browser::new(&viva.url).open("/auth/login?provider=nobody").await.status(), 404);
    for next in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        let mut browser = Browser::new(&viva.url);
        let (at, _) = browser.follow(&format!("/auth/login?provider=google&next={}", next.replace('\\', "%5C"))).await;
        assert_eq!(at, "/", "{next} leads away");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_fails_or_answers_wrongly_signs_nobody_in() {
    let provider = Provider::start().await;
    let viva = server(&provider);
    let cases = [
        ("google", Mood::Down, "unavailable"),
        ("oidc-1", Mood::Down, "unavailable"),
        ("oidc-1", Mood::WrongNonce, "failed"),
        ("oidc-1", Mood::WrongAudience, "failed"),
    ];
    for (id, mood, why) in cases {
        provider.be(mood);
        let mut browser = Browser::new(&viva.url);
        let (at, _) = browser.follow(&format!("/auth/login?provider={id}")).await;
        assert_eq!(at, format!("/sign-in?error={why}"), "{mood:?}");
        assert_eq!(browser.me().await, None);
    }
    // A callback that the project does not know ends silently at its site; nothing comes back here.
    let elsewhere = Provider::start().await;
    let launch = elsewhere.settings().iter().fold(Launch::new(&[]), |launch, (name, value)| launch.env(name, value));
    let viva = launch.start();
    let (at, _) = Browser::new(&viva.url).follow("/auth/login?provider=google").await;
    assert!(at.starts_with(SITE), "{at}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_is_renewed_and_ended_here_or_everywhere() {
    let provider = Provider::start().await;
    let viva = server(&provider);
    let mut desk = Browser::new(&viva.url);
    assert_eq!(desk.post("/auth/session", &json!({ "token": provider.token() })).await.status(), 204);
    assert_eq!(desk.me().await.as_deref(), Some("Robin"));
    assert_eq!(desk.post("/auth/session", &json!({ "token": "no.token.atall" })).await.status(), 401);

    let before = desk.cookies["viva_session"].clone();
    assert_eq!(desk.post("/auth/session", &json!({})).await.status(), 204);
    let after = desk.cookies["viva_session"].clone();
    assert_ne!(before, after);
    let mut late = Browser::new(&viva.url);
    late.cookies.insert("viva_session".to_owned(), before);
    assert_eq!(late.me().await.as_deref(), Some("Robin"), "requests that were on their way");
    assert_eq!(late.post("/auth/session", &json!({})).await.status(), 401, "a secret is replaced once");
    assert_eq!(desk.me().await.as_deref(), Some("Robin"));

    let mut phone = Browser::new(&viva.url);
    phone.follow("/auth/login?provider=google").await;
    assert_eq!(desk.post("/auth/logout", &json!({})).await.status(), 204);
    assert!(!desk.cookies.contains_key("viva_session"));
    let mut stolen = Browser::new(&viva.url);
    stolen.cookies.insert("viva_session".to_owned(), after);
    assert_eq!((stolen.me().await, phone.me().await.as_deref()), (None, Some("Robin")));
    let kept = phone.cookies["viva_session"].clone();
    let mut tablet = Browser::new(&viva.url);
    tablet.follow("/auth/login?provider=google").await;
    assert_eq!(tablet.post("/auth/logout", &json!({ "everywhere": true })).await.status(), 204);
    phone.cookies.insert("viva_session".to_owned(), kept);
    assert_eq!(phone.me().await, None, "signed out everywhere");
    assert_eq!(phone.post("/auth/logout", &json!({})).await.status(), 204, "also for whoever is not signed in");
}

/// An organisation's link, made by somebody with a role there.
async fn invitation(viva: Viva, browser: &mut Browser) -> (Viva, String) {
    let me: Value = browser.open("/api/me").await.json().await.unwrap();
    let user = me["user"]["id"].as_str().unwrap();
    let arguments = ["grant", "--user", user, "--tenant", "Acme", "--role", "admin", "--create-tenant"];
    assert_eq!(Launch::on(&viva.data_dir(), &arguments).output().code, Some(0));
    // What the server knows of them it believes for a minute; choosing makes it look again.
    let own = json!({ "tenant": me["tenants"][0]["id"] });
    assert_eq!(browser.post("/api/me/tenant", &own).await.status(), 204);
    let me: Value = browser.open("/api/me").await.json().await.unwrap();
    let acme = me["tenants"].as_array().unwrap().iter().find(|tenant| tenant["name"] == "Acme").unwrap();
    assert_eq!(browser.post("/api/me/tenant", &json!({ "tenant": acme["id"] })).await.status(), 204);
    let made = browser.post("/api/invitations", &json!({ "session": { "plan": "short" } })).await;
    let made: Value = made.json().await.unwrap();
    (viva, made["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_who_signs_in_keeps_the_proof_of_the_interview_and_claims_it() {
    let provider = Provider::start().await;
    let viva = server(&provider);
    let mut admin = Browser::new(&viva.url);
    admin.follow("/auth/login?provider=google").await;
    let (viva, token) = invitation(viva, &mut admin).await;
    let mut browser = Browser::new(&viva.url);
    let accepting = json!({ "token": token, "consent": { "version": "1", "locale": "en" } });
    let accepted: Value = browser.post("/api/invitations/accept", &accepting).await.json().await.unwrap();
    let candidate = browser.cookies["viva_session"].clone();

    browser.follow("/auth/login?provider=oidc-1&next=%2Fpast-calls").await;
    assert_eq!(browser.me().await.as_deref(), Some("Ada"));
    assert_eq!(browser.cookies["viva_candidate"], candidate);
    let attributes = &browser.attributes["viva_candidate"];
    assert_eq!(attributes, " Path=/api/claims; HttpOnly; SameSite=Lax; Max-Age=43200");
    // By script it is the same, and renewing or signing in a second time puts nothing more aside.
    assert_eq!(browser.post("/auth/session", &json!({})).await.status(), 204);
    assert_eq!(browser.cookies["viva_candidate"], candidate);
    let claims: Value = browser.open("/api/claims").await.json().await.unwrap();
    assert_eq!(claims["items"][0]["session_id"], accepted["session_id"]);

    // A foreign page cannot have it claimed.
    let cookies = format!("viva_session={}; viva_candidate={candidate}", browser.cookies["viva_session"]);
    let request = viva.request(reqwest::Method::POST, "/api/claims").header("cookie", cookies);
    let request =
        request.header("origin", "https://evil.example").json(&json!({ "session_id": accepted["session_id"] }));
    assert_eq!(request.send().await.unwrap().status(), 403);

    let claimed = browser.post("/api/claims", &json!({ "session_id": accepted["session_id"] })).await;
    assert_eq!(claimed.status(), 200);
    assert!(!browser.cookies.contains_key("viva_candidate"));

    // Signing out forgets what was put aside.
    let (viva, token) = invitation(viva, &mut admin).await;
    let mut phone = Browser::new(&viva.url);
    let accepting = json!({ "token": token, "consent": { "version": "1", "locale": "en" } });
    phone.post("/api/invitations/accept", &accepting).await;
    assert_eq!(phone.post("/auth/session", &json!({ "token": provider.token() })).await.status(), 204);
    assert!(phone.cookies.contains_key("viva_candidate"));
    assert_eq!(phone.post("/auth/logout", &json!({})).await.status(), 204);
    assert!(phone.cookies.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_page_neither_signs_in_nor_out() {
    let provider = Provider::start().await;
    let viva = server(&provider);
    let mut browser = Browser::new(&viva.url);
    browser.follow("/auth/login?provider=google").await;
    let cookie = format!("viva_session={}", browser.cookies["viva_session"]);
    for (path, body) in [("/auth/session", json!({ "token": provider.token() })), ("/auth/logout", json!({}))] {
        for origin in [None, Some("https://evil.example"), Some("null")] {
            let request = viva.request(reqwest::Method::POST, path).header("cookie", &cookie).json(&body);
            let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 403, "{path} {origin:?}");
            assert!(!response.headers().contains_key("set-cookie"));
        }
    }
    let rebound = viva.get("/auth/login?provider=google").header("host", "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), 403, "the callback would be theirs");
    assert_eq!(browser.me().await.as_deref(), Some("Robin"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_what_a_start_would_meet() {
    let provider = Provider::start().await;
    let run = |settings: &[(&str, String)]| {
        let launch = settings.iter().fold(Launch::new(&["check"]), |launch, (name, value)| launch.env(name, value));
        launch.output()
    };
    let good = run(&provider.settings());
    assert_eq!(good.code, Some(0), "{}{}", good.stdout, good.stderr);
    for line in [
        "ok       settings can be used",
        "the first start makes it",
        "publishes 1 key(s), 1 usable",
        "the simulator answers",
    ] {
        assert!(good.stdout.contains(line), "{line} is missing: {}", good.stdout);
    }
    assert!(!good.stdout.contains(CLIENT_SECRET));
    let down = [("SUPABASE_URL", "http://127.0.0.1:9".to_owned())];
    let failed = run(&down);
    assert_eq!(failed.code, Some(1));
    assert!(failed.stdout.contains("does not answer"), "{}", failed.stdout);
    let wrong = run(&[("JWT_SECRET", "short".to_owned())]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(78), ""));
    assert!(wrong.stderr.contains("JWT_SECRET: has a secret of fewer than 32 bytes"), "{}", wrong.stderr);

    let viva = server(&provider);
    let beside = Launch::on(&viva.data_dir(), &["check", "--json"]).output();
    let report: Value = serde_json::from_str(&beside.stdout).unwrap();
    assert_eq!((beside.code, &report["ok"]), (Some(0), &json!(true)), "{report}");
    assert!(report["findings"][1]["text"].as_str().is_some_and(|text| text.contains("schema version")), "{report}");
}
