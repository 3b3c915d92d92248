//! The live dialect as it is spoken to: the object that a session is created with, and directives in its words. Pure.
//!
//! A session's instructions are immutable once it runs, and there is no reply to ask for: whatever the model is to know
//! or do later is appended to the conversation as the developer's word, which is never read out. A stage is appended
//! without the persona, which stands. Source: <https://developers.openai.com/api/docs/guides/live-conversations>.

pub mod mark;

use serde_json::{Value, json};

use super::facts::Guarded;
use super::session::SessionSpec;
use crate::call::core::{Directive, Pipe};
use crate::interview::directions;

/// The provider takes 500 tokens at once; this many bytes are fewer in every script.
const MAX_APPENDED: usize = 1_000;
/// Stands before a stage that is appended.
const FROM_NOW_ON: &str = "From now on this part of the interview applies, in place of the one before.";
/// Asks the model to speak. It may be about to.
const SPEAK_NOW: &str =
    "Speak now, unless you are speaking already: say what comes next in this part of the interview.";
const STOP: &str = "Stop speaking at once, in the middle of the sentence, and wait.";

/// What a browser's channel may hear: what its page shows and, without a socket of ours, relays. Nothing that holds a
/// session object, which has the instructions in it.
const HEARD_BY_CLIENT: [&str; 4] =
    ["session.input_transcript.delta", "session.output_transcript.delta", "session.usage.updated", "error"];
/// What it must also hear to carry out directives in our place, …
const ANSWERS_TO_CLIENT: [&str; 2] = ["session.instructions.appended", "info"];
/// … and may send then.
const SENT_BY_CLIENT: [&str; 2] = ["session.instructions.append", "session.thinking.append"];

/// What a call's model was told, as far as it is needed to tell it more. Instructions hold what people supplied: never
/// in a log.
#[derive(Default)]
pub struct Told {
    /// In force, and confirmed.
    held: String,
    /// On its way.
    sent: Option<String>,
}

impl Told {
    /// A session that was created with these instructions.
    #[must_use]
    pub fn at_creation(instructions: String) -> Self {
        Self { held: instructions, sent: None }
    }

    /// The provider confirmed what has this fingerprint.
    pub fn confirmed(&mut self, fingerprint: &str) {
        if let Some(sent) = self.sent.take_if(|sent| Guarded::fingerprint(sent) == fingerprint) {
            self.held = sent;
        }
    }

    fn is_in_force(&self, instructions: &str) -> bool {
        self.sent.is_none() && self.held == instructions
    }
}

/// The object for the `session` of a create request. `told_by` is the way by which the model will be told more: a browser
/// that need not tell it may not.
#[must_use]
pub fn create_session(spec: &SessionSpec<'_>, told_by: Pipe) -> Value {
    let (heard, sent): (Vec<_>, &[_]) = match told_by {
        Pipe::Sideband => (HEARD_BY_CLIENT.to_vec(), &[]),
        Pipe::Client => ([HEARD_BY_CLIENT.as_slice(), &ANSWERS_TO_CLIENT].concat(), &SENT_BY_CLIENT),
    };
    let heard: Vec<_> = heard.into_iter().map(|name| json!({ "type": name })).collect();
    json!({
        "model": spec.model,
        "instructions": spec.instructions,
        "audio": { "output": { "voice": spec.voice } },
        "delegation": { "type": "client" },
        "client": { "data_channel": { "allowed_client_events": sent, "allowed_server_events": heard } },
        "store": false,
    })
}

/// The client events that carry out a directive, in order.
#[must_use]
pub fn encode(told: &mut Told, directive: &Directive) -> Vec<Value> {
    match directive {
        Directive::Configure { id, instructions, .. } => {
            let marked = mark::with(id, &Guarded::fingerprint(instructions));
            // What is in force need not be said again: an update of nothing is answered all the same.
            if told.is_in_force(instructions) {
                return vec![json!({ "type": "session.update", "event_id": marked, "session": {} })];
            }
            told.sent = Some(instructions.clone());
            let text = format!("{FROM_NOW_ON}\n\n{}", directions::of_stage(instructions));
            append(id, marked, &text)
        }
        Directive::Speak { id, instructions, .. } => {
            let text = match instructions {
                None => SPEAK_NOW.to_owned(),
                Some(text) => {
                    let more = text.strip_prefix(told.held.as_str()).unwrap_or_else(|| directions::of_stage(text));
                    format!("{}\n\n{SPEAK_NOW}", more.trim())
                }
            };
            append(id, id.clone(), &text)
        }
        Directive::Stop { id } => append(id, id.clone(), STOP),
        Directive::ToolResult { id, call_id, output } => vec![json!({
            "type": "session.thinking.append", "event_id": id, "delegation_id": call_id, "content": output,
        })],
        // There are no items.
        Directive::Retrieve { .. } | Directive::Remove { .. } => Vec::new(),
    }
}

/// Appends a text in as many pieces as it takes; the last one has the id whose answer counts.
fn append(id: &str, last_id: String, text: &str) -> Vec<Value> {
    let pieces = pieces(text);
    let last = pieces.len().saturating_sub(1);
    let event = |(n, piece): (usize, &str)| {
        let event_id = if n == last { last_id.clone() } else { format!("{id}_{n}") };
        json!({ "type": "session.instructions.append", "event_id": event_id, "content": piece, "delegation_id": null })
    };
    pieces.into_iter().enumerate().map(event).collect()
}

/// Cuts at the end of a line where there is one, else at a character.
fn pieces(mut text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while text.len() > MAX_APPENDED {
        let most = text.floor_char_boundary(MAX_APPENDED);
        let cut = text[..most].rfind('\n').map_or(most, |line| line + 1);
        let (piece, rest) = text.split_at(cut);
        pieces.push(piece);
        text = rest;
    }
    pieces.push(text);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::facts::Gate;

    const PERSONA: &str = "You are kind.";

    fn instructions(stage: &str) -> String {
        format!("{PERSONA}\n\nStage: {stage}\nAsk about it.")
    }

    fn configure(instructions: &str) -> Directive {
        Directive::Configure { id: "viva_1_1".into(), instructions: instructions.into(), gate: Gate::Provider }
    }

    fn speak(instructions: Option<String>) -> Directive {
        Directive::Speak { id: "viva_1_2".into(), nonce: "n".into(), instructions }
    }

    #[test]
    fn a_browser_hears_and_says_no_more_than_it_must() {
        let spec = SessionSpec {
            model: "gpt-live-1",
            voice: "marin",
            instructions: PERSONA,
            transcription_model: "t",
            language: None,
            gate: Gate::Provider,
            own: None,
            listening: None,
        };
        let session = create_session(&spec, Pipe::Sideband);
        insta::assert_json_snapshot!(session);
        let relayed = create_session(&spec, Pipe::Client);
        for session in [session, relayed] {
            let heard = session["client"]["data_channel"]["allowed_server_events"].to_string();
            let holding = ["session.started", "session.updated", "session.closed", "all"];
            assert!(holding.iter().all(|name| !heard.contains(&format!("\"{name}\""))), "they hold the instructions");
        }
    }

    #[test]
    fn what_is_in_force_is_only_confirmed_and_a_stage_comes_without_the_persona() {
        let mut told = Told::at_creation(instructions("welcome"));
        let events = encode(&mut told, &configure(&instructions("welcome")));
        assert_eq!((&events[0]["type"], &events[0]["session"]), (&json!("session.update"), &json!({})));
        let next = instructions("closing");
        for _ in 0..2 {
            let events = encode(&mut told, &configure(&next));
            let content = events[0]["content"].as_str().expect("a text");
            assert!(content.ends_with("\n\nStage: closing\nAsk about it.") && !content.contains(PERSONA), "{content}");
            assert_eq!(mark::of(events[0]["event_id"].as_str().expect("an id")), Some(&*Guarded::fingerprint(&next)));
        }
        assert_eq!(encode(&mut told, &configure(&instructions("welcome"))).len(), 1, "nobody knows what holds now");
        told.sent = Some(next.clone());
        told.confirmed("0000000000000000");
        assert!(!told.is_in_force(&next));
        told.confirmed(&Guarded::fingerprint(&next));
        assert_eq!(encode(&mut told, &configure(&next))[0]["type"], "session.update");
    }

    #[test]
    fn a_request_to_speak_repeats_nothing_that_is_in_force() {
        let held = instructions("welcome");
        let mut told = Told::at_creation(held.clone());
        assert_eq!(encode(&mut told, &speak(None))[0]["content"], SPEAK_NOW);
        let more = encode(&mut told, &speak(Some(format!("{held}\n\nAsk whether they are there."))));
        assert_eq!(more[0]["content"], format!("Ask whether they are there.\n\n{SPEAK_NOW}"));
        assert_eq!(more[0]["event_id"], "viva_1_2");
    }

    #[test]
    fn long_texts_come_in_pieces_that_lose_nothing() {
        for text in ["short".to_owned(), "ä".repeat(3_000), "a line of words\n".repeat(400)] {
            let events = append("viva_1_3", "viva_1_3.x".into(), &text);
            let contents: Vec<_> = events.iter().map(|event| event["content"].as_str().expect("a text")).collect();
            assert_eq!(contents.concat(), text);
            assert!(contents.iter().all(|piece| !piece.is_empty() && piece.len() <= MAX_APPENDED));
            assert_eq!(events.last().expect("one at least")["event_id"], "viva_1_3.x");
        }
    }

    #[test]
    fn what_there_is_not_is_not_asked_for() {
        let mut told = Told::default();
        assert!(encode(&mut told, &Directive::Retrieve { id: "d".into(), item: "i".into() }).is_empty());
        assert!(encode(&mut told, &Directive::Remove { id: "d".into(), item: "i".into() }).is_empty());
    }
}
