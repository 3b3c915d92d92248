//! What `viva call` prints: lines for people, or one JSON object a line whose last is the summary.
#![expect(clippy::print_stdout, reason = "this is the command's output")]

use std::process::ExitCode;

use serde_json::{Value, json};

use super::server::{Server, ServerError};
use super::talk::Story;
use crate::interview::SessionKind;

/// For whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// People.
    Text,
    /// Programs.
    Json,
}

/// The output.
pub(super) struct Report {
    form: Form,
    kind: SessionKind,
}

impl Report {
    pub(super) fn new(form: Form, kind: SessionKind) -> Self {
        Self { form, kind }
    }

    /// Who the model is.
    fn model(&self) -> &'static str {
        if self.kind == SessionKind::Interview { "interviewer" } else { "translation" }
    }

    /// A remark.
    pub(super) fn line(&self, text: &str) {
        match self.form {
            Form::Text => println!("{text}"),
            Form::Json => println!("{}", json!({ "type": "note", "message": text })),
        }
    }

    /// Something the server said.
    pub(super) fn event(&self, kind: &str, message: &Value) {
        if self.form == Form::Json {
            println!("{message}");
            return;
        }
        let text = |name: &str| message[name].as_str().unwrap_or_default();
        match kind {
            "session" => println!(
                "session {} ({}{})",
                text("sessionId"),
                text("plan"),
                if message["simulation"] == true { ", simulated model" } else { "" }
            ),
            "stage_change" => println!("── {} ({})", text("stage"), text("reason")),
            "agent_caption" => println!("  {}: {}", self.model(), text("text")),
            "user_caption" => println!("  caller:      {}", text("text")),
            "control" => println!("  [recorded by {}, sideband {}]", text("control"), text("sideband")),
            "renegotiate" => println!("  [the connection is renewed: {}]", text("reason")),
            "switch" => println!("  [moved to the new connection]"),
            "session_ended" => println!("── ended: {}", text("ended_by")),
            "error" | "save_error" | "interview_ending" | "session_warning" => {
                println!("  [{kind}] {}{}", text("code"), text("message"))
            }
            _ => {}
        }
    }

    /// There was no call.
    pub(super) fn could_not_begin(&self, why: &str) -> ExitCode {
        match self.form {
            Form::Text => println!("The call could not begin: {why}"),
            Form::Json => println!("{}", json!({ "type": "summary", "ok": false, "error": why })),
        }
        ExitCode::from(2)
    }

    /// The end of the output, and what it means.
    pub(super) fn summary(&self, story: &Story, stored: Result<Value, ServerError>, server: &Server) -> ExitCode {
        let (turns, unreadable) = match stored {
            Ok(transcript) => (transcript["turns"].clone(), None),
            Err(error) => (Value::Array(Vec::new()), Some(error.to_string())),
        };
        let ok = story.is_success() && unreadable.is_none();
        let url = server.transcript_url(&story.session_id);
        match self.form {
            Form::Json => println!(
                "{}",
                json!({ "type": "summary", "ok": ok, "session_id": story.session_id, "turns": turns, "stages": story.seen.stages,
                    "setup_ms": story.setup, "ended_by": story.seen.ended_by, "calls": story.calls, "saved": story.saved, "transcript_url": url, "error": unreadable })
            ),
            Form::Text => {
                let count = |speaker: &str| {
                    turns.as_array().map_or(0, |turns| turns.iter().filter(|turn| turn["speaker"] == speaker).count())
                };
                let (setup, media) = (story.setup, story.setup.media);
                println!();
                println!("stages:  {}", story.seen.stages.join(" → "));
                println!("calls:   {} to the model", story.calls);
                println!(
                    "turns:   {} stored ({} {}, {} caller)",
                    count("ai") + count("candidate"),
                    count("ai"),
                    self.model(),
                    count("candidate")
                );
                let first_audio = setup.first_audio.map_or_else(|| "none".to_owned(), |ms| format!("{ms} ms"));
                println!(
                    "set-up:  answer {} ms, ICE {} ms, DTLS {} ms, data channel {} ms, first audio {first_audio}",
                    setup.answer, media.ice_ms, media.dtls_ms, media.channel_ms
                );
                println!("stored:  {url}{}", if story.saved { "" } else { " (NOT confirmed as saved)" });
                if let Some(error) = &unreadable {
                    println!("problem: {error}");
                }
                println!("{}", if ok { "The call did what it should." } else { "The call did NOT do what it should." });
            }
        }
        if ok { ExitCode::SUCCESS } else { ExitCode::from(1) }
    }
}
