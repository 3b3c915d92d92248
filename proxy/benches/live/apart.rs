//! Questions that take a call of their own and no talk: what a closed tab does to a sideband, which model an offer without
//! a session gets, what the person's header may be, and what Azure takes. They cost next to nothing.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use viva_simulator::{Caller, CallerOptions, Source};

use crate::call::{Call, From, call_id};
use crate::checks::{Findings, SOON, is};
use crate::provider::{Azure, Created, Provider};
use crate::spent::Spent;

/// A dead peer is noticed by consent to send, which lasts thirty seconds (RFC 7675), and then some.
const TAB_CLOSED: Duration = Duration::from_secs(45);
/// A character more than the equivalent field of other addresses takes.
const TOO_LONG: usize = 65;

/// The page is gone without a word; the sideband says when that is noticed.
pub(crate) async fn tab_closed(call: &mut Call, findings: &mut Findings) {
    let left = call.age();
    call.close_tab();
    let closed = call.wait(TAB_CLOSED, is(From::Sideband, "live.closed")).await;
    findings.note(
        "a closed tab closes the sideband",
        closed.map_or_else(
            || format!("not within {} s", TAB_CLOSED.as_secs()),
            |heard| {
                let after = heard.after.saturating_sub(left).as_millis();
                format!("code {} after {after} ms", heard.event["code"])
            },
        ),
    );
}

/// An offer with the project's key and nothing else: whether it is taken, and which model answers.
pub(crate) async fn without_a_session(provider: &Provider, spent: &Spent, findings: &mut Findings) -> Result<()> {
    let (offer, _caller) = Caller::start(Source::Lines(Vec::new()), CallerOptions::default()).await?;
    let created = provider.create_without_session(&offer).await?;
    findings.note("an offer with the project key and no session", created.status.to_string());
    let Some(id) = created.location.as_deref().and_then(call_id) else { return Ok(()) };
    let model = match Call::watched(provider, id, spent).await {
        Ok(mut call) => {
            call.by_sideband(json!({ "type": "session.update", "session": { "type": "realtime" } })).await?;
            let told = call.wait(SOON, is(From::Sideband, "session.updated")).await;
            told.map_or("not told".into(), |heard| heard.event["session"]["model"].to_string())
        }
        Err(error) => format!("not told: {error}"),
    };
    findings.note("its model", model);
    ends(provider, id).await
}

/// The header that stands for the person: taken with every call here; how long it may be.
pub(crate) async fn safety_identifier(provider: &Provider, findings: &mut Findings) -> Result<()> {
    for (what, person) in [
        ("OpenAI-Safety-Identifier with a call", "viva-live-check".to_owned()),
        ("the same with 65 characters", "v".repeat(TOO_LONG)),
    ] {
        let (offer, _caller) = Caller::start(Source::Lines(Vec::new()), CallerOptions::default()).await?;
        let created = provider.create_for(&offer, &person).await?;
        findings.note(what, word(&created));
        if let Some(id) = created.location.as_deref().and_then(call_id) {
            ends(provider, id).await?;
        }
    }
    Ok(())
}

/// The form with a resource's key, which Azure's own reference lists beside the two steps.
pub(crate) async fn azure_form(findings: &mut Findings) -> Result<()> {
    let question = "Azure: the form with a resource's key";
    let Some(azure) = Azure::from_env()? else {
        findings.note(question, "not asked: needs AZURE_OPENAI_BASE_URL and AZURE_OPENAI_API_KEY");
        return Ok(());
    };
    let (offer, _caller) = Caller::start(Source::Lines(Vec::new()), CallerOptions::default()).await?;
    let created = azure.create(&offer).await?;
    findings.note(question, word(&created));
    if let Some(id) = created.location.as_deref().and_then(call_id) {
        let status = azure.hang_up(id).await?;
        ensure!((200..300).contains(&status) || status == 404, "the hang-up got {status}; end {id} by hand");
    }
    Ok(())
}

fn word(created: &Created) -> String {
    let taken = if (200..300).contains(&created.status) { "taken" } else { "refused" };
    format!("{taken} with {}", created.status)
}

async fn ends(provider: &Provider, id: &str) -> Result<()> {
    let (status, body) = provider.hang_up(id).await?;
    ensure!((200..300).contains(&status) || status == 404, "the hang-up got {status}: {body}; end {id} by hand");
    Ok(())
}
