//! `viva check`: everything a start would need, tried without starting: settings, store, whose tokens are believed, the
//! model's key. It changes nothing and binds no port.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{complain, say};
use crate::app;
use crate::config::{Config, Env, Guests, Model, StoreKind};
use crate::identity::issuers::{Fetcher, IssuerSpec, KeySpec, Keys};
use crate::store::sqlite::{Desk, OpenError};
use crate::store::supabase::schema::{self, Schema};
use crate::upstream::KeyCheck;

/// Check settings, store, issuers and the model's key, without starting.
///
/// Exit status: 0 nothing is wrong (warnings count as that); 1 something is; 78 the settings cannot be used.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  viva check                    before a deployment, with its environment\n  viva check --json | jq .      the same for programs"
)]
pub(super) struct CheckArgs {
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// What came of one check.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warning,
    Failed,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One line.
struct Finding {
    about: &'static str,
    verdict: Verdict,
    text: String,
}

fn finding(about: &'static str, verdict: Verdict, text: impl Into<String>) -> Finding {
    Finding { about, verdict, text: text.into() }
}

/// Checks and reports.
pub(super) async fn run(args: CheckArgs) -> ExitCode {
    let config = match Config::from_env(&Env::of_process()) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    let mut findings = vec![finding("settings", Verdict::Ok, "can be used")];
    findings.extend(config.warnings.iter().map(|warning| finding("settings", Verdict::Warning, warning.to_string())));
    findings.push(store(&config).await);
    findings.extend(issuers(&config).await);
    findings.push(model(&config).await);
    report(&findings, &args)
}

fn report(findings: &[Finding], args: &CheckArgs) -> ExitCode {
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Failed);
    if args.json {
        let line = |finding: &Finding| json!({ "about": finding.about, "verdict": finding.verdict.word(), "text": finding.text });
        say(&json!({ "ok": !failed, "findings": findings.iter().map(line).collect::<Vec<_>>() }).to_string());
    } else {
        for finding in findings {
            say(&format!("{:<8} {:<8} {}", finding.verdict.word(), finding.about, finding.text));
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn store(config: &Config) -> Finding {
    if let StoreKind::Supabase(project) = &config.store.kind {
        return match schema::of(project).await {
            Ok(Schema { version, unknown: 0 }) => {
                finding("store", Verdict::Ok, format!("the project's database has schema version {version}"))
            }
            Ok(Schema { version, .. }) => {
                let text =
                    format!("the project's database has schema version {version}, which is newer than this program");
                finding("store", Verdict::Warning, text)
            }
            Err(error) => finding("store", Verdict::Failed, error.to_string()),
        };
    }
    let dir = config.store.data_dir.display();
    match Desk::open(&config.store.data_dir) {
        Ok(desk) => finding("store", Verdict::Ok, format!("{dir} has schema version {}", desk.schema_version())),
        Err(OpenError::Absent { .. }) => {
            finding("store", Verdict::Ok, format!("there is none in {dir} yet; the first start makes it"))
        }
        Err(OpenError::Older { found, known }) => {
            let text = format!("{dir} has schema version {found}; the next start brings it to {known}");
            finding("store", Verdict::Warning, text)
        }
        Err(error) => finding("store", Verdict::Failed, error.to_string()),
    }
}

async fn issuers(config: &Config) -> Vec<Finding> {
    let specs = &config.identity.issuers;
    if specs.is_empty() {
        let who = match config.identity.guests {
            Guests::Local => "none; guests of this machine may come in",
            Guests::Nobody => "none; nobody may come in",
        };
        return vec![finding("issuer", Verdict::Ok, who)];
    }
    let fetcher = match Fetcher::new(config.identity.http_timeout) {
        Ok(fetcher) => fetcher,
        Err(error) => return vec![finding("issuer", Verdict::Failed, format!("TLS cannot be set up: {error}"))],
    };
    // Those that also sign with a secret, for whom an empty set is no fault.
    let shared: BTreeSet<_> = specs
        .iter()
        .filter(|spec| matches!(spec.keys, KeySpec::Secrets { .. }))
        .map(|spec| spec.issuer.as_str())
        .collect();
    let mut findings = Vec::with_capacity(specs.len());
    for spec in specs {
        findings.push(issuer(spec, &fetcher, &shared).await);
    }
    findings
}

async fn issuer(spec: &IssuerSpec, fetcher: &Fetcher, shared: &BTreeSet<&str>) -> Finding {
    let name = &spec.issuer;
    let url = match &spec.keys {
        KeySpec::Secrets { secrets, .. } => {
            let text = format!("{name}: {} shared secret(s) ({})", secrets.len(), spec.setting);
            return finding("issuer", Verdict::Ok, text);
        }
        KeySpec::Published { url, .. } => url,
    };
    let keys = match fetcher.get(url).await {
        Ok(body) => Keys::parse(&body).map_err(|_| "sends something that is not a key set".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    match keys {
        Err(problem) => finding("issuer", Verdict::Failed, format!("{name}: {} {problem}", url.as_str())),
        Ok(keys) if keys.usable() > 0 => finding(
            "issuer",
            Verdict::Ok,
            format!("{name}: publishes {} key(s), {} usable", keys.total(), keys.usable()),
        ),
        Ok(_) if shared.contains(name.as_str()) => {
            let text = format!("{name}: publishes no key; only its shared secret counts");
            finding("issuer", Verdict::Warning, text)
        }
        Ok(keys) => {
            let text = format!(
                "{name}: publishes {} key(s), none usable; if it still signs with a shared secret, set that too \
                 (SUPABASE_JWT_SECRET), or give it a signing key",
                keys.total()
            );
            finding("issuer", Verdict::Failed, text)
        }
    }
}

async fn model(config: &Config) -> Finding {
    let host = match &config.upstream.model_server {
        Model::Simulator => return finding("model", Verdict::Ok, "the simulator answers"),
        Model::Provider { key: None, .. } => {
            return finding("model", Verdict::Ok, "no key of the server's; everybody brings their own");
        }
        Model::Provider { base_url, .. } => base_url.host().to_owned(),
    };
    match app::check_model(config).await {
        Err(error) => finding("model", Verdict::Failed, error.to_string()),
        Ok(KeyCheck::Valid) => finding("model", Verdict::Ok, format!("{host} takes the key")),
        Ok(KeyCheck::Rejected) => finding("model", Verdict::Failed, format!("{host} rejects OPENAI_API_KEY")),
        Ok(KeyCheck::Undecided) => {
            finding("model", Verdict::Warning, format!("{host} does not say whether the key is good"))
        }
    }
}
