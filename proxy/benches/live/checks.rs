//! The questions, one after the other, and what the answers mean for Viva. A question that was not answered in time says
//! so; none is answered by guessing.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::call::{Call, From, Heard};
use crate::provider::Provider;

/// An event that follows from another comes within this, or not at all.
pub(crate) const SOON: Duration = Duration::from_secs(4);
/// Somebody speaks, or a reply is made.
const A_TURN: Duration = Duration::from_secs(20);

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<(&'static str, String)>);

impl Findings {
    pub(crate) fn note(&mut self, question: &'static str, answer: impl Into<String>) {
        let answer = answer.into();
        println!("  {question}: {answer}");
        self.0.push((question, answer));
    }
}

impl Findings {
    /// Question and answer, as they are kept.
    pub(crate) fn to_value(&self) -> Value {
        self.0.iter().map(|(question, answer)| ((*question).to_owned(), json!(answer))).collect()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} questions:", self.0.len())?;
        self.0.iter().try_for_each(|(question, answer)| writeln!(f, "  {question:<64} {answer}"))
    }
}

pub(crate) fn is(from: From, kind: &'static str) -> impl Fn(&Heard) -> bool {
    move |heard| heard.from == from && heard.event["type"] == kind
}

fn yes(found: bool) -> &'static str {
    if found { "yes" } else { "no" }
}

/// A call in which somebody talks.
pub(crate) async fn talk(call: &mut Call, provider: &Provider, findings: &mut Findings) -> Result<()> {
    let first =
        call.heard.iter().find(|heard| heard.from == From::Sideband).map(|heard| heard.event["type"].to_string());
    findings.note("first frame of a sideband before anything was sent", first.unwrap_or_else(|| "none".into()));
    findings.note("content type of the answer", call.content_type.clone());

    call.by_sideband(
        json!({ "type": "session.update", "event_id": "live_minimal", "session": { "type": "realtime" } }),
    )
    .await?;
    let minimal = call.wait(SOON, is(From::Sideband, "session.updated")).await;
    let is_whole = minimal.as_ref().is_some_and(|heard| heard.event["session"]["audio"].is_object());
    findings.note("a minimal session.update is answered with the whole session", yes(is_whole));

    let partial = json!({ "type": "realtime", "audio": { "input": { "turn_detection": { "type": "server_vad", "threshold": 0.6 } } } });
    call.by_channel(json!({ "type": "session.update", "session": partial })).await?;
    let is_it = |from| {
        move |heard: &Heard| {
            let threshold = heard.event["session"]["audio"]["input"]["turn_detection"]["threshold"].as_f64();
            is(from, "session.updated")(heard) && threshold.is_some_and(|value| (value - 0.6).abs() < 0.01)
        }
    };
    let channel = call.wait(SOON, is_it(From::Channel)).await;
    let kept =
        channel.map(|heard| heard.event["session"]["audio"]["input"]["turn_detection"]["create_response"] == false);
    findings.note("a partial turn_detection is merged, not replaced", kept.map_or("no answer", yes));
    let mirrored = is_it(From::Sideband);
    let is_mirrored = call.heard.iter().any(&mirrored) || call.wait(SOON, mirrored).await.is_some();
    findings.note("session.updated caused by the browser reaches the sideband", yes(is_mirrored));
    let whole = provider.session()["audio"]["input"]["turn_detection"].clone();
    call.by_sideband(json!({ "type": "session.update", "session": { "type": "realtime", "audio": { "input": { "turn_detection": whole } } } })).await?;
    call.wait(SOON, is(From::Sideband, "session.updated")).await;

    call.by_sideband(json!({ "type": "session.update", "event_id": "live_model", "session": { "type": "realtime", "model": "gpt-realtime-mini" } })).await?;
    let model = call
        .wait(SOON, |heard| {
            heard.from == From::Sideband && matches!(heard.event["type"].as_str(), Some("session.updated" | "error"))
        })
        .await;
    findings.note(
        "session.update with another model",
        model.map_or("no answer".into(), |heard| match heard.event["type"].as_str() {
            Some("error") => format!("refused ({})", heard.event["error"]["code"]),
            _ => format!("answered; model is now {}", heard.event["session"]["model"]),
        }),
    );

    call.by_channel(json!({ "type": "response.cancel", "event_id": "live_idle" })).await?;
    let refused = call.wait(SOON, is(From::Channel, "error")).await;
    let names_it = refused.is_some_and(|heard| heard.event["error"]["event_id"] == "live_idle");
    findings.note("an error names the client event that caused it", yes(names_it));
    let is_error =
        |heard: &Heard| is(From::Sideband, "error")(heard) && heard.event["error"]["event_id"] == "live_idle";
    let is_mirrored = call.heard.iter().any(is_error) || call.wait(SOON, is_error).await.is_some();
    findings.note("an error caused by the browser reaches the sideband", yes(is_mirrored));

    let refused = call.watch_too(provider).await?;
    findings.note("a second sideband", refused.map_or("taken".into(), |status| format!("refused with {status}")));

    // The first line of the caller.
    let committed = call.wait(A_TURN, is(From::Sideband, "input_audio_buffer.committed")).await;
    findings.note("committed is heard on the sideband", yes(committed.is_some()));
    let nonce = json!({ "type": "response.create", "event_id": "live_reply", "response": { "metadata": { "viva": "live-1" } } });
    call.by_sideband(nonce).await?;
    let created = call.wait(SOON, is(From::Sideband, "response.created")).await;
    let echoed = created.is_some_and(|heard| heard.event["response"]["metadata"]["viva"] == "live-1");
    findings.note("metadata of response.create is echoed", yes(echoed));
    let item = call.wait(A_TURN, is(From::Sideband, "response.done")).await;
    let item = item.and_then(|heard| heard.event["response"]["output"][0]["id"].as_str().map(str::to_owned));
    call.listen(Duration::from_millis(500)).await;
    same_ids(call, findings);

    if let Some(item) = item {
        call.by_sideband(json!({ "type": "conversation.item.retrieve", "item_id": item })).await?;
        let retrieved = call.wait(SOON, is(From::Sideband, "conversation.item.retrieved")).await;
        let words = retrieved.as_ref().map(|heard| heard.event["item"]["content"][0]["transcript"].is_string());
        findings.note("a retrieved reply carries its words", words.map_or("no answer", yes));
        let bytes = retrieved.map_or(0, |heard| heard.event.to_string().len());
        findings.note("bytes of a retrieved reply", bytes.to_string());
        call.by_channel(json!({ "type": "conversation.item.retrieve", "item_id": item })).await?;
        call.wait(SOON, is(From::Channel, "conversation.item.retrieved")).await;
        let before = call.heard.iter().filter(|heard| is(From::Sideband, "conversation.item.retrieved")(heard)).count();
        let again = before > 1 || call.wait(SOON, is(From::Sideband, "conversation.item.retrieved")).await.is_some();
        findings.note("an item retrieved by the browser reaches the sideband", yes(again));
    }
    let words = call.heard.iter().position(|heard| {
        heard.from == From::Sideband
            && heard.event["type"].as_str().is_some_and(|kind| kind.contains("input_audio_transcription."))
    });
    let commit = call.heard.iter().position(is(From::Sideband, "input_audio_buffer.committed"));
    findings.note(
        "words of the caller come before their commit",
        match (words, commit) {
            (Some(words), Some(commit)) => yes(words < commit),
            _ => "no words came",
        },
    );

    update_while_it_speaks(call, findings).await
}

async fn update_while_it_speaks(call: &mut Call, findings: &mut Findings) -> Result<()> {
    let ask = json!({ "instructions": "Count aloud from one to thirty.", "metadata": { "viva": "live-2" } });
    call.by_sideband(json!({ "type": "response.create", "response": ask })).await?;
    call.wait(A_TURN, is(From::Sideband, "output_audio_buffer.started")).await;
    let before = call.heard.len();
    let update = json!({ "type": "realtime", "instructions": "You are a test that was updated." });
    call.by_sideband(json!({ "type": "session.update", "session": update })).await?;
    call.listen(Duration::from_secs(2)).await;
    let cut = call.heard[before..].iter().find(|heard| {
        heard.from == From::Sideband
            && matches!(
                heard.event["type"].as_str(),
                Some("output_audio_buffer.cleared" | "conversation.item.truncated")
            )
    });
    findings.note("session.update cuts the model's speech", yes(cut.is_some()));
    call.by_sideband(json!({ "type": "response.cancel" })).await?;
    call.by_sideband(json!({ "type": "output_audio_buffer.clear" })).await?;
    call.wait(Duration::from_secs(2), is(From::Sideband, "response.done")).await;
    let done = call.heard[before..].iter().rfind(|heard| is(From::Sideband, "response.done")(heard));
    let status = done.map_or("none: it was made before".into(), |heard| heard.event["response"]["status"].to_string());
    findings.note("response.done of the reply that was cancelled", status);
    Ok(())
}

/// Whether the same event has the same id on both sidebands.
fn same_ids(call: &Call, findings: &mut Findings) {
    let ids = |from| -> Vec<&Value> {
        let done = call.heard.iter().filter(move |heard| is(from, "response.done")(heard));
        done.map(|heard| &heard.event["event_id"]).collect()
    };
    let (first, second) = (ids(From::Sideband), ids(From::Second));
    let answer = if second.is_empty() { "not heard" } else { yes(first.iter().any(|id| second.contains(id))) };
    findings.note("an event has the same id on two sidebands", answer);
}

/// A call whose model is told that it said something already.
pub(crate) async fn seeded(call: &mut Call, findings: &mut Findings) -> Result<()> {
    let said = json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Tell me about your last project." }] });
    call.by_sideband(json!({ "type": "conversation.item.create", "item": said })).await?;
    call.wait(SOON, is(From::Sideband, "conversation.item.added")).await;
    call.by_sideband(json!({ "type": "response.create", "response": {} })).await?;
    let done = call.wait(A_TURN, is(From::Sideband, "response.done")).await;
    let kind =
        done.map_or("no reply".into(), |heard| heard.event["response"]["output"][0]["content"][0]["type"].to_string());
    findings.note("after seeded assistant text the model answers in", kind);
    Ok(())
}

/// The end, which every call has.
pub(crate) async fn hang_up(call: &mut Call, provider: &Provider, findings: &mut Findings) -> Result<()> {
    let asked = call.age();
    let (status, body) = provider.hang_up(&call.id).await?;
    ensure!((200..300).contains(&status) || status == 404, "the hang-up got {status}: {body}; end the call by hand");
    let closed = call.wait(Duration::from_secs(10), is(From::Sideband, "live.closed")).await;
    findings.note(
        "a hang-up closes the sideband",
        closed.map_or("not within 10 s".into(), |heard| {
            format!("code {} after {} ms", heard.event["code"], (heard.after.saturating_sub(asked)).as_millis())
        }),
    );
    let (status, body) = provider.hang_up(&call.id).await?;
    findings.note("a second hang-up", format!("{status}, {} bytes of body", body.len()));
    if let Err((status, body)) = provider.watch(&call.id).await? {
        findings.note("a sideband to a call that is over", format!("{status}, {} bytes of body", body.len()));
    }
    call.listen(Duration::from_millis(500)).await;
    Ok(())
}
