//! The provider as a model without sockets: takes client events in its own words, keeps a session, and produces server
//! events in the recorded shapes and order. Everything that is unsure about the provider is a quirk here. It
//! also remembers what was really said: the reference that a record is compared with.

use serde_json::{Value, json};

use super::dialects::Beginnings;
use super::reference::Said;
use crate::clock::Millis;
use crate::transcript::{Speaker, TurnState};

/// How this provider differs from the one that was recorded.
#[derive(Clone, Debug)]
pub(super) struct Quirks {
    /// From `session.update` to `session.updated`; `None`: never told.
    pub(super) echo_ms: Option<Millis>,
    /// Metadata comes back with the reply.
    pub(super) metadata: bool,
    /// From `response.create` to `response.created`; `None`: swallowed.
    pub(super) reply_ms: Option<Millis>,
    /// So many requests for a reply are swallowed first.
    pub(super) swallowed: u32,
    /// Replies begin and fail.
    pub(super) quota: bool,
    /// From the end of speech to its words, in turn; `None`: never.
    pub(super) words_ms: Vec<Option<Millis>>,
    /// Words of the candidate stream while they speak.
    pub(super) streaming: bool,
    /// Every event comes twice.
    pub(super) twice: bool,
    /// Playback events, as with media; without them a reply is silent data.
    pub(super) playback: bool,
    /// The last words of a reply come only with `response.done`.
    pub(super) no_final_words: bool,
    /// How long a reply is heard.
    pub(super) spoken_ms: Millis,
    /// The model asks on whatever stage it is told.
    pub(super) ignores_stages: bool,
    /// The end of a reply is never told.
    pub(super) no_done: bool,
    /// Does not reply by itself, whatever it is configured to do.
    pub(super) no_auto: bool,
    /// From `retrieve` to its answer; `None`: never.
    pub(super) retrieve_ms: Option<Millis>,
    /// A retrieved item has its words.
    pub(super) retrieve_words: bool,
    /// What a retrieved item says instead of its words.
    pub(super) retrieve_says: Option<&'static str>,
    /// Words come first in part, as if they were all.
    pub(super) interim: bool,
    /// The names of the beta shape.
    pub(super) beta: bool,
    /// What the client changes about the session is not told to our own socket.
    pub(super) unmirrored: bool,
    /// The item is told before the commit that made it.
    pub(super) item_first: bool,
    /// Every so-manieth turn of the candidate has no words.
    pub(super) wordless: Option<(usize, Wordless)>,
    /// What reading an item again gives.
    pub(super) retrieve: Retrieve,
}

/// Why a turn has no words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wordless {
    /// Transcription failed.
    Failed,
    /// There was nothing to write down.
    Empty,
}

/// What reading an item again gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retrieve {
    Whole,
    /// The item without what was said in it.
    WithoutWords,
    /// Nothing at all.
    Silence,
}

/// By which way a client event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    Sideband,
    Channel,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            echo_ms: Some(30),
            metadata: true,
            reply_ms: Some(100),
            swallowed: 0,
            quota: false,
            words_ms: vec![Some(900)],
            streaming: false,
            twice: false,
            playback: true,
            no_final_words: false,
            spoken_ms: 2_000,
            ignores_stages: false,
            no_done: false,
            no_auto: false,
            retrieve_ms: Some(20),
            retrieve_words: true,
            retrieve_says: None,
            interim: false,
            beta: false,
            unmirrored: false,
            item_first: false,
            wordless: None,
            retrieve: Retrieve::Whole,
        }
    }
}

/// Something of the provider's own future.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A server event is sent.
    Event(Value),
    /// A reply begins.
    Begin { metadata: Value, instructions: Option<String> },
    /// A reply gets on: 0 it is heard, 1 it is complete as data, 2 it was heard.
    Reply { id: String, part: u8 },
}

/// Steps and when they happen, relative to now.
pub(super) type Steps = Vec<(Millis, Step)>;

struct Reply {
    id: String,
    item: String,
    words: String,
    metadata: Value,
}

/// One call at the provider.
pub(super) struct Provider {
    /// Which one, in the order in which they were made.
    pub(super) call: u32,
    pub(super) quirks: Quirks,
    pub(super) session: Value,
    /// What was said, in the order of the conversation.
    pub(super) said: Vec<Said>,
    pub(super) open: bool,
    /// So many updates came while a reply was spoken.
    pub(super) disturbed: u32,
    generating: Option<Reply>,
    playing: Option<(String, String)>,
    last: Option<String>,
    asked: u32,
    /// What was asked for and had not begun was cancelled.
    cancelled: bool,
    /// When each item began, on the session's audio clock.
    pub(super) beginnings: Beginnings,
    /// The present moment; the world sets it.
    pub(super) now: Millis,
    ids: u32,
    events: u32,
    turns: usize,
}

impl Provider {
    pub(super) fn new(quirks: Quirks, session: Value) -> Self {
        Self {
            call: 1,
            quirks,
            session,
            said: Vec::new(),
            open: true,
            disturbed: 0,
            generating: None,
            playing: None,
            last: None,
            asked: 0,
            cancelled: false,
            beginnings: Beginnings::new(),
            now: 0,
            ids: 0,
            events: 0,
            turns: 0,
        }
    }

    /// Another call of the same provider, with names of its own.
    pub(super) fn another(&self, call: u32, session: Value) -> Self {
        let names = 1_000 * call.saturating_sub(1);
        Self { call, ids: names, events: names * 100, now: self.now, ..Self::new(self.quirks.clone(), session) }
    }

    /// It says when it will end the call: Unix milliseconds.
    pub(super) fn ends_at(&mut self, unix_ms: i64) {
        self.session["expires_at"] = json!(unix_ms / 1_000);
    }

    /// A client event, by whichever way it came.
    pub(super) fn order(&mut self, via: Via, event: &Value) -> Steps {
        match event["type"].as_str().unwrap_or_default() {
            "session.update" => {
                self.disturbed += u32::from(self.generating.is_some() || self.playing.is_some());
                merge(&mut self.session, &event["session"]);
                let mut echo = self.event(json!({"type": "session.updated", "session": null}));
                if let Step::Event(event) = &mut echo {
                    event["session"] = self.session.clone();
                    if via == Via::Channel && self.quirks.unmirrored {
                        event["only"] = "channel".into();
                    }
                }
                self.quirks.echo_ms.map(|ms| (ms, echo)).into_iter().collect()
            }
            "response.create" => self.create(event),
            "response.cancel" => {
                self.cancelled = self.asked > 0;
                self.cancel("client_cancelled")
            }
            "output_audio_buffer.clear" => self.clear(),
            "conversation.item.create" => self.place(&event["item"]),
            "conversation.item.retrieve" => self.retrieve(event),
            "conversation.item.delete" => {
                vec![(5, self.event(json!({"type": "conversation.item.deleted", "item_id": event["item_id"]})))]
            }
            other => panic!("the core sends {other}"),
        }
    }

    fn create(&mut self, event: &Value) -> Steps {
        if self.quirks.swallowed > 0 {
            self.quirks.swallowed -= 1;
            return Vec::new();
        }
        let Some(ms) = self.quirks.reply_ms else { return Vec::new() };
        if self.generating.is_some() || self.asked > 0 {
            let error = json!({"type": "error", "error": {"type": "invalid_request_error", "code": "conversation_already_has_active_response",
                "message": "…", "param": null, "event_id": event["event_id"]}});
            return vec![(10, self.event(error))];
        }
        self.asked += 1;
        let response = &event["response"];
        let metadata = if self.quirks.metadata { response["metadata"].clone() } else { Value::Null };
        vec![(ms, Step::Begin { metadata, instructions: response["instructions"].as_str().map(str::to_owned) })]
    }

    /// What an item holds, or that there is none of this name.
    fn retrieve(&mut self, event: &Value) -> Steps {
        let Some(ms) = self.quirks.retrieve_ms.filter(|_| self.quirks.retrieve != Retrieve::Silence) else {
            return Vec::new();
        };
        let Some(said) = self.said.iter().find(|said| event["item_id"] == said.item) else {
            let error = json!({"type": "error", "error": {"type": "invalid_request_error", "code": "item_retrieve_invalid_item_id",
                "message": "…", "param": "item_id", "event_id": event["event_id"]}});
            return vec![(ms, self.event(error))];
        };
        let (role, kind) =
            if said.speaker == Speaker::Ai { ("assistant", "output_audio") } else { ("user", "input_audio") };
        let mut part = json!({"type": kind, "audio": "AAAA"});
        // What was cut off has lost its words.
        let has_words = self.quirks.retrieve_words && self.quirks.retrieve == Retrieve::Whole;
        if has_words && !said.interrupted {
            part["transcript"] = json!(self.quirks.retrieve_says.unwrap_or(&said.words));
        }
        let item = json!({"id": said.item, "type": "message", "status": "completed", "role": role, "content": [part]});
        vec![(ms, self.event(json!({"type": "conversation.item.retrieved", "item": item})))]
    }

    /// An item placed by a client.
    fn place(&mut self, item: &Value) -> Steps {
        let id = item["id"].as_str().map_or_else(|| self.id("item"), str::to_owned);
        let mut item = item.clone();
        item["id"] = json!(id);
        let added = self.added(&id, &item);
        if let (Some(role), Some(words)) = (item["role"].as_str(), item["content"][0]["text"].as_str()) {
            let speaker = match role {
                "user" => Speaker::Candidate,
                "assistant" => Speaker::Ai,
                _ => Speaker::System,
            };
            self.said.push(Said::placed(&id, speaker, words));
        }
        vec![
            (5, added),
            (6, self.event(json!({"type": "conversation.item.done", "previous_item_id": null, "item": item}))),
        ]
    }

    /// The candidate begins to speak: whatever the model says is cut off.
    pub(super) fn speech_begins(&mut self, item: &str, clock_ms: Millis, words: &str) -> Steps {
        self.beginnings.insert(item.to_owned(), (Speaker::Candidate, clock_ms));
        let mut steps = vec![(0, self.event(json!({"type": "input_audio_buffer.speech_started", "audio_start_ms": clock_ms.saturating_sub(300), "item_id": item})))];
        if self.quirks.streaming
            && let Some(first) = words.split(' ').next()
        {
            let delta = json!({"type": "conversation.item.input_audio_transcription.delta", "item_id": item, "content_index": 0, "delta": format!(" {first}")});
            steps.push((100, self.event(delta)));
        }
        steps.extend(self.cancel("turn_detected"));
        steps.extend(self.clear());
        steps
    }

    /// The candidate has finished.
    pub(super) fn speech_ends(&mut self, item: &str, clock_ms: Millis, words: &str) -> Steps {
        let previous = self.last.replace(item.to_owned());
        self.said.push(Said::heard(item, words));
        let user = json!({"id": item, "type": "message", "status": "completed", "role": "user", "content": [{"type": "input_audio", "transcript": null}]});
        let mut steps = vec![
            (
                0,
                self.event(
                    json!({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": clock_ms, "item_id": item}),
                ),
            ),
            (
                0,
                self.event(
                    json!({"type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": item}),
                ),
            ),
            (0, self.event(json!({"type": "conversation.item.added", "previous_item_id": previous, "item": user}))),
            (0, self.event(json!({"type": "conversation.item.done", "previous_item_id": previous, "item": user}))),
        ];
        if self.quirks.item_first {
            steps.swap(1, 2);
        }
        let wordless = self.quirks.wordless.filter(|(every, _)| self.turns % every == every - 1).map(|(_, why)| why);
        let delay = self.quirks.words_ms[self.turns % self.quirks.words_ms.len()];
        self.turns += 1;
        if let Some(why) = wordless {
            let said = self.said.last_mut().expect("just said");
            // What had streamed in by then stays.
            let first = if self.quirks.streaming { words.split(' ').next().unwrap_or_default() } else { "" };
            first.clone_into(&mut said.words);
            said.settles = Some(match why {
                Wordless::Failed => TurnState::Failed,
                Wordless::Empty if first.is_empty() => TurnState::Empty,
                Wordless::Empty => TurnState::Final,
            });
            let event = match why {
                Wordless::Failed => {
                    json!({"type": "conversation.item.input_audio_transcription.failed", "item_id": item, "content_index": 0,
                    "error": {"type": "transcription_error", "code": "audio_unintelligible", "message": "…", "param": null}})
                }
                Wordless::Empty => {
                    json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": item, "content_index": 0, "transcript": "",
                    "usage": {"type": "duration", "seconds": 1}})
                }
            };
            steps.push((delay.unwrap_or(1_000), self.event(event)));
        } else if let Some(delay) = delay {
            let completed = json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": item, "content_index": 0,
                "transcript": words, "usage": {"type": "duration", "seconds": 3}});
            if self.quirks.interim {
                let mut part = completed.clone();
                part["transcript"] = json!(&words[..words.len() / 2]);
                steps.push((delay / 2, self.event(part)));
            }
            steps.push((delay, self.event(completed)));
        }
        let auto = self.session["audio"]["input"]["turn_detection"]["create_response"] == true && !self.quirks.no_auto;
        if let Some(ms) = self.quirks.reply_ms.filter(|_| auto && self.generating.is_none() && self.asked == 0) {
            self.asked += 1;
            steps.push((ms, Step::Begin { metadata: Value::Null, instructions: None }));
        }
        steps
    }

    /// A step whose time has come.
    pub(super) fn step(&mut self, step: Step) -> Steps {
        match step {
            Step::Event(_) => panic!("events go out by themselves"),
            Step::Begin { metadata, instructions } => self.begin(metadata, instructions),
            Step::Reply { id, part } if self.generating.as_ref().is_some_and(|reply| reply.id == id) => match part {
                0 => self.heard(&id),
                _ => self.complete(),
            },
            Step::Reply { id, part: 2 } if self.playing.as_ref().is_some_and(|(playing, _)| *playing == id) => {
                self.playing = None;
                vec![(0, self.event(json!({"type": "output_audio_buffer.stopped", "response_id": id})))]
            }
            Step::Reply { .. } => Vec::new(),
        }
    }

    fn begin(&mut self, metadata: Value, instructions: Option<String>) -> Steps {
        self.asked = self.asked.saturating_sub(1);
        let (id, item) = (self.id("resp"), self.id("item_A"));
        self.beginnings.insert(item.clone(), (Speaker::Ai, self.now));
        let told = instructions.unwrap_or_else(|| self.session["instructions"].as_str().unwrap_or_default().to_owned());
        // Whoever tampers with the session also overwrites what it says of the calls before.
        let goes_on = told.contains("Continue the interview") || told.starts_with("Stage: closing\nSay");
        assert!(self.call == 1 || goes_on, "the model of a later call knows that it is one");
        let words = self.words(&told);
        let mut steps = vec![(0, self.event(json!({"type": "response.created", "response": {"id": id, "status": "in_progress", "conversation_id": "conv_1", "metadata": metadata}})))];
        let reply = Reply { id: id.clone(), item: item.clone(), words: words.clone(), metadata };
        if self.quirks.quota || std::mem::take(&mut self.cancelled) {
            let status = if self.quirks.quota { "failed" } else { "cancelled" };
            steps.push((20, self.done(&reply, status)));
            return steps;
        }
        let assistant =
            json!({"id": item, "type": "message", "status": "in_progress", "role": "assistant", "content": []});
        steps.push((
            0,
            self.event(
                json!({"type": "response.output_item.added", "response_id": id, "output_index": 0, "item": assistant}),
            ),
        ));
        steps.push((0, self.added(&item, &assistant)));
        self.said.push(Said::spoken(&item, &words, &told));
        for (at, part) in [(20, &words[..words.len() / 2]), (60, &words[words.len() / 2..])] {
            steps.push((at, self.event(json!({"type": "response.output_audio_transcript.delta", "response_id": id, "item_id": item, "content_index": 0, "delta": part}))));
        }
        steps.push((80, Step::Reply { id: id.clone(), part: 0 }));
        steps.push((200, Step::Reply { id, part: 1 }));
        self.generating = Some(reply);
        steps
    }

    fn heard(&mut self, id: &str) -> Steps {
        let Some(reply) = self.generating.as_ref().filter(|_| self.quirks.playback) else { return Vec::new() };
        self.playing = Some((reply.id.clone(), reply.item.clone()));
        let steps = vec![(self.quirks.spoken_ms, Step::Reply { id: id.to_owned(), part: 2 })];
        let started = json!({"type": "output_audio_buffer.started", "response_id": id});
        std::iter::once((0, self.event(started))).chain(steps).collect()
    }

    fn complete(&mut self) -> Steps {
        let Some(reply) = self.generating.take() else { return Vec::new() };
        let mut steps = Vec::new();
        if !self.quirks.no_final_words {
            steps.push((0, self.event(json!({"type": "response.output_audio_transcript.done", "response_id": reply.id, "item_id": reply.item, "content_index": 0, "transcript": reply.words}))));
            let item = finished(&reply);
            // The predecessor is missing here although `added` had it: recorded so.
            steps.push((
                0,
                self.event(json!({"type": "conversation.item.done", "previous_item_id": null, "item": item})),
            ));
        }
        if !self.quirks.no_done {
            steps.push((0, self.done(&reply, "completed")));
        }
        steps
    }

    /// The reply stops; what is being heard is cut off by [`Provider::clear`].
    fn cancel(&mut self, reason: &str) -> Steps {
        let Some(reply) = self.generating.take() else { return Vec::new() };
        if let Some(said) = self.said.iter_mut().find(|said| said.item == reply.item) {
            said.interrupted = true;
            said.cut_at = self.now;
        }
        let mut done = self.done(&reply, "cancelled");
        if let Step::Event(event) = &mut done {
            event["response"]["status_details"] = json!({"type": "cancelled", "reason": reason});
        }
        vec![(1, done)]
    }

    fn clear(&mut self) -> Steps {
        let Some((id, item)) = self.playing.take() else { return Vec::new() };
        if let Some(said) = self.said.iter_mut().find(|said| said.item == item) {
            said.interrupted = true;
            said.cut_at = self.now;
        }
        vec![
            (2, self.event(json!({"type": "output_audio_buffer.cleared", "response_id": id}))),
            (3, self.event(json!({"type": "conversation.item.truncated", "item_id": item, "content_index": 0, "audio_end_ms": 700}))),
        ]
    }

    fn done(&mut self, reply: &Reply, status: &str) -> Step {
        let usage = json!({"total_tokens": 82, "input_tokens": 12, "output_tokens": 70});
        let begun = self.said.iter().any(|said| said.item == reply.item);
        let output = if !begun { json!([]) } else { json!([finished(reply)]) };
        self.event(
            json!({"type": "response.done", "response": {"id": reply.id, "status": status, "conversation_id": "conv_1",
            "output": output, "usage": usage, "metadata": reply.metadata}}),
        )
    }

    fn added(&mut self, id: &str, item: &Value) -> Step {
        let previous = self.last.replace(id.to_owned());
        self.event(json!({"type": "conversation.item.added", "previous_item_id": previous, "item": item}))
    }

    /// What was said just now was said at this time.
    pub(super) fn note(&mut self) {
        for said in self.said.iter_mut().rev().take_while(|said| said.at == 0) {
            said.at = self.now;
        }
    }

    /// An event goes out to whoever listens; words that do are known to be sent.
    pub(super) fn sends(&mut self, now: Millis, event: &Value) {
        let words = match event["type"].as_str() {
            Some("conversation.item.input_audio_transcription.completed" | "response.output_audio_transcript.done") => {
                Some((&event["item_id"], &event["transcript"]))
            }
            Some("conversation.item.input_audio_transcription.failed") => {
                Some((&event["item_id"], &event["transcript"]))
            }
            Some("response.done") => Some((
                &event["response"]["output"][0]["id"],
                &event["response"]["output"][0]["content"][0]["transcript"],
            )),
            _ => None,
        };
        if let Some((item, words)) = words
            && let Some(said) = self.said.iter_mut().find(|said| *item == said.item)
            && (*words == said.words || said.settles.is_some())
        {
            said.sent = said.sent.or(Some(now));
        }
    }

    fn event(&mut self, mut event: Value) -> Step {
        self.events += 1;
        event["event_id"] = json!(format!("event_{}", self.events));
        Step::Event(event)
    }

    fn id(&mut self, kind: &str) -> String {
        self.ids += 1;
        format!("{kind}_{}", self.ids)
    }

    /// An interviewer that follows its instructions: a question of the stage, or a goodbye.
    fn words(&self, told: &str) -> String {
        let stage = super::reference::stage_of(told);
        match stage.as_str() {
            "closing" if !self.quirks.ignores_stages => "Thank you, that was all. Goodbye.".into(),
            _ if self.quirks.ignores_stages => format!("Let us go on. What about number {}?", self.ids),
            _ => format!("I see. What about {stage} number {}?", self.ids),
        }
    }
}

fn finished(reply: &Reply) -> Value {
    json!({"id": reply.item, "type": "message", "status": "completed", "role": "assistant", "content": [{"type": "output_audio", "transcript": reply.words}]})
}

/// As far as the provider merges: whole `transcription` and `turn_detection`, other objects by key.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(key) {
                    Some(known) if value.is_object() && !matches!(key.as_str(), "transcription" | "turn_detection") => {
                        merge(known, value)
                    }
                    _ => {
                        into.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (into, from) => *into = from.clone(),
    }
}
