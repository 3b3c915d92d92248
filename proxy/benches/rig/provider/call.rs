//! One conversation at the provider: its items in order, who speaks, and who listens. Everything is done under one lock
//! that is never held over an await, so events leave in the order in which things happened.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use super::weather::{Course, Quirks, Transcription};
use super::{events, pause, reply};

/// Events that wait for a listener. Full: the listener is cut off, as the provider does with who does not read.
const LISTENING: usize = 1_024;
/// What an utterance lasts on the provider's audio clock, whatever it takes here: long enough to count as an answer.
const SPEECH_MS: u64 = 2_600;
const GAP_MS: u64 = 900;

/// How long the provider keeps a call.
pub(super) const USUAL_LIFE: Duration = Duration::from_secs(3_600);

/// How fast a conversation goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// An utterance.
    pub(crate) speech: Duration,
    /// From its end to its words.
    pub(crate) transcription: Duration,
    /// A reply.
    pub(crate) reply: Duration,
}

/// What the candidate says.
#[derive(Debug)]
pub(crate) struct Utterance {
    pub(crate) words: String,
    /// Also while the model speaks.
    pub(crate) interrupts: bool,
}

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Candidate,
    Model,
}

/// What was really said.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) origin: Origin,
    /// All that will ever be known of it; `None` until then.
    pub(crate) words: Option<String>,
    /// When the event that completes the turn went out.
    pub(crate) completed_at: Option<Instant>,
}

/// What became of a wish to hang up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HangUp {
    Done,
    FailsThisTime,
    WasOver,
}

/// What a call's life was, for the count at the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) posted: Instant,
    pub(crate) answered: Option<Instant>,
    pub(crate) hung_up: Option<Instant>,
    /// The provider ended it by itself.
    pub(crate) gone: Option<Instant>,
    pub(crate) had_peer: bool,
}

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) number: u64,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) number: u64,
    pub(super) session: Value,
    pub(super) quirks: Quirks,
    pub(super) pace: Pace,
    pub(super) items: Vec<Item>,
    pub(super) active: Option<Active>,
    /// A reply is still being played.
    pub(super) audible: bool,
    life: Life,
    unknown_until: Instant,
    /// Updates are carried out in their order, however long each takes.
    updated_until: Instant,
    failing_hang_ups: u32,
    audio_ms: u64,
    events: u64,
    named: u64,
    places: u64,
    sideband: Option<(u64, mpsc::Sender<Utf8Bytes>)>,
    channel: Option<mpsc::Sender<Arc<Value>>>,
}

/// The reply that is being made.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) reply: String,
    pub(super) item: Option<String>,
    pub(super) metadata: Value,
    pub(super) said: String,
}

impl Call {
    pub(super) fn new(number: u64, session: Value, mut quirks: Quirks, posted: Instant) -> Arc<Self> {
        let life = Life { posted, answered: None, hung_up: None, gone: None, had_peer: false };
        let mut session = session;
        session["object"] = "realtime.session".into();
        session["id"] = format!("sess_rig{number}").into();
        let (lasts, drops) = (quirks.lasts(), quirks.drops_after());
        session["expires_at"] = (unix_seconds() + lasts.as_secs()).into();
        let state = State {
            number,
            session,
            pace: Pace { speech: Duration::ZERO, transcription: Duration::ZERO, reply: Duration::ZERO },
            items: Vec::new(),
            active: None,
            audible: false,
            life,
            unknown_until: Instant::now() + quirks.unknown_for(),
            updated_until: Instant::now(),
            failing_hang_ups: quirks.failing_hang_ups(),
            quirks,
            audio_ms: 0,
            events: 0,
            named: 0,
            places: 0,
            sideband: None,
            channel: None,
        };
        let call = Arc::new(Self { number, state: Mutex::new(state), changed: Notify::new() });
        let ends = drops.map_or(lasts, |drops| drops.min(lasts));
        if ends < USUAL_LIFE {
            let call = Arc::clone(&call);
            tokio::spawn(async move {
                pause(ends).await;
                call.end_by_itself();
            });
        }
        call
    }

    /// The provider has had enough: its cap, or a fault of its own.
    fn end_by_itself(&self) {
        let mut state = self.lock();
        if !state.is_over() {
            state.life.gone = Some(Instant::now());
            state.fall_silent();
        }
        drop(state);
        self.touched();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn touched(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn answered(&self) {
        self.lock().life.answered = Some(Instant::now());
    }

    /// Whether a sideband may find it.
    pub(super) fn is_known(&self) -> bool {
        let state = self.lock();
        !state.is_over() && state.unknown_until <= Instant::now()
    }

    pub(super) fn attach(&self) -> (mpsc::Receiver<Utf8Bytes>, Course, u64) {
        let (sender, receiver) = mpsc::channel(LISTENING);
        let mut state = self.lock();
        state.places += 1;
        let place = state.places;
        state.sideband = Some((place, sender));
        (receiver, state.quirks.course(), place)
    }

    pub(super) fn detach(&self, place: u64) {
        let mut state = self.lock();
        if state.sideband.as_ref().is_some_and(|(present, _)| *present == place) {
            state.sideband = None;
        }
    }

    pub(super) fn hang_up(&self) -> HangUp {
        let mut state = self.lock();
        if state.is_over() {
            return HangUp::WasOver;
        }
        if state.failing_hang_ups > 0 {
            state.failing_hang_ups -= 1;
            return HangUp::FailsThisTime;
        }
        state.life.hung_up = Some(Instant::now());
        state.fall_silent();
        drop(state);
        self.touched();
        HangUp::Done
    }

    // === the peer ===

    /// Media is up; what comes on the data channel.
    pub(crate) fn connect(&self) -> mpsc::Receiver<Arc<Value>> {
        let (sender, receiver) = mpsc::channel(LISTENING);
        let mut state = self.lock();
        state.life.had_peer = true;
        if !state.is_over() {
            let mut created = events::session("created", &state.session);
            created["event_id"] = state.event_id();
            // It was just made.
            let _sent = sender.try_send(Arc::new(created));
            state.channel = Some(sender);
        }
        receiver
    }

    /// The peer has gone without a word.
    pub(crate) fn leave(&self) {
        self.lock().channel = None;
    }

    /// An event from the data channel.
    pub(crate) fn channel_says(self: &Arc<Self>, event: &Value) {
        self.take(event);
    }

    /// From now on it goes at this pace.
    pub(crate) fn set_pace(&self, pace: Pace) {
        self.lock().pace = pace;
    }

    pub(crate) fn life(&self) -> Life {
        self.lock().life
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_over()
    }

    pub(crate) fn items(&self) -> Vec<Item> {
        self.lock().items.clone()
    }

    /// When the event went out that completed this turn.
    pub(crate) fn completed_at(&self, item: &str) -> Option<Instant> {
        self.lock().items.iter().rev().find(|known| known.id == item)?.completed_at
    }

    /// Waits until nobody speaks, or the time is over. Whether it is quiet.
    pub(crate) async fn quiet(&self, limit: Duration) -> bool {
        self.until(limit, |state| state.active.is_none() && !state.audible).await
    }

    /// Waits until the last thing said is the model's and is finished. Whether it is.
    pub(crate) async fn answered_in(&self, limit: Duration) -> bool {
        self.until(limit, |state| {
            let last = state.items.last().is_some_and(|item| item.origin == Origin::Model && item.words.is_some());
            last && state.active.is_none() && !state.audible
        })
        .await
    }

    async fn until(&self, limit: Duration, is_so: impl Fn(&State) -> bool) -> bool {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                {
                    let state = self.lock();
                    if is_so(&state) {
                        return true;
                    }
                    if state.is_over() {
                        return false;
                    }
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit, waiting).await.unwrap_or(false)
    }

    /// The candidate speaks. `None` when the call is over.
    pub(crate) async fn speak(self: &Arc<Self>, utterance: Utterance) -> Option<String> {
        let (item, pace) = {
            let mut state = self.lock();
            if state.is_over() {
                return None;
            }
            let item = state.name("item");
            let at = state.audio_ms;
            state.emit(events::speech_started(&item, at));
            if utterance.interrupts && state.wants("interrupt_response") {
                state.interrupt();
            }
            (item, state.pace)
        };
        self.touched();
        pause(pace.speech).await;
        let transcription = {
            let mut state = self.lock();
            if state.is_over() {
                return None;
            }
            let after = state.items.last().map(|item| item.id.clone());
            state.audio_ms += SPEECH_MS;
            let at = state.audio_ms;
            state.emit(events::speech_stopped(&item, at));
            state.audio_ms += GAP_MS;
            state.items.push(Item { id: item.clone(), origin: Origin::Candidate, words: None, completed_at: None });
            state.emit(events::committed(&item, after.as_deref()));
            let empty = events::user_item(&item, None);
            state.emit(events::item("added", &empty, after.as_deref()));
            let after = after.filter(|_| !state.quirks.link_is_null());
            state.emit(events::item("done", &empty, after.as_deref()));
            if state.wants("create_response") && state.active.is_none() {
                reply::start(self, &mut state, Value::Null);
            }
            state.quirks.transcription(pace.transcription)
        };
        self.touched();
        let (call, spoken) = (Arc::clone(self), item.clone());
        match transcription {
            Transcription::After(wait) if wait.is_zero() => self.write_down(&item, &utterance.words),
            transcription => {
                drop(tokio::spawn(async move { call.transcribe(spoken, utterance.words, transcription).await }))
            }
        }
        Some(item)
    }

    async fn transcribe(self: Arc<Self>, item: String, words: String, transcription: Transcription) {
        match transcription {
            Transcription::After(wait) => {
                pause(wait).await;
                self.write_down(&item, &words);
            }
            Transcription::Never => {}
            Transcription::Failed(wait) => {
                pause(wait).await;
                self.lock().emit(events::words_failed(&item));
            }
            Transcription::Empty(wait) => {
                pause(wait).await;
                self.lock().emit(events::words_completed(&item, ""));
            }
        }
    }

    fn write_down(&self, item: &str, words: &str) {
        let mut state = self.lock();
        if state.is_over() {
            return;
        }
        for delta in words.split_inclusive(' ').collect::<Vec<_>>().chunks(4) {
            state.emit(events::words_delta(item, &delta.concat()));
        }
        state.completed(item, words);
        state.emit(events::words_completed(item, words));
        if state.quirks.words_are_repeated() {
            state.emit(events::words_completed(item, words));
        }
    }

    // === who controls it ===

    /// A client event, by whichever way.
    pub(super) fn told(self: &Arc<Self>, text: &str) {
        if let Ok(event) = serde_json::from_str::<Value>(text) {
            self.take(&event);
        }
    }

    fn take(self: &Arc<Self>, event: &Value) {
        let mut state = self.lock();
        if state.is_over() {
            return;
        }
        let id = &event["event_id"];
        match event["type"].as_str().unwrap_or_default() {
            "session.update" => {
                let wait = state.update_takes();
                if wait.is_zero() {
                    state.update(&event["session"]);
                } else {
                    let (call, change) = (Arc::clone(self), event["session"].clone());
                    tokio::spawn(async move {
                        pause(wait).await;
                        call.lock().update(&change);
                    });
                }
            }
            "response.create" if state.active.is_some() => {
                state.emit(events::error("conversation_already_has_active_response", id));
            }
            "response.create" => reply::start(self, &mut state, event["response"]["metadata"].clone()),
            "response.cancel" if state.active.is_none() => {
                state.emit(events::error("response_cancel_not_active", id));
            }
            "response.cancel" => state.interrupt(),
            "output_audio_buffer.clear" => state.silence(),
            "conversation.item.delete" => {
                let item = event["item_id"].clone();
                state.emit(json!({ "type": "conversation.item.deleted", "item_id": item }));
            }
            "conversation.item.retrieve" => state.retrieve(&event["item_id"], id),
            _ => {}
        }
        drop(state);
        self.touched();
    }
}

impl State {
    pub(super) fn is_over(&self) -> bool {
        self.life.hung_up.is_some() || self.life.gone.is_some()
    }

    /// Both listeners hear that there is nothing more to hear; what was being said breaks off.
    fn fall_silent(&mut self) {
        (self.sideband, self.channel) = (None, None);
        if let Some(Active { item: Some(item), said, .. }) = self.active.take() {
            self.completed(&item, &said);
        }
    }

    /// How long the next update takes, behind those that are under way.
    fn update_takes(&mut self) -> Duration {
        let now = Instant::now();
        self.updated_until = self.updated_until.max(now) + self.quirks.update_takes();
        self.updated_until - now
    }

    fn event_id(&mut self) -> Value {
        self.events += 1;
        format!("event_{}_{}", self.number, self.events).into()
    }

    /// A fresh id, unique over all calls.
    pub(super) fn name(&mut self, kind: &str) -> String {
        self.named += 1;
        format!("{kind}_{}_{}", self.number, self.named)
    }

    fn wants(&self, flag: &str) -> bool {
        self.session["audio"]["input"]["turn_detection"][flag].as_bool().unwrap_or(true)
    }

    /// Tells everybody who listens.
    pub(super) fn emit(&mut self, mut event: Value) {
        event["event_id"] = self.event_id();
        let times = if self.quirks.event_is_repeated() { 2 } else { 1 };
        for _ in 0..times {
            if let Some((_, sideband)) = &self.sideband
                && sideband.try_send(event.to_string().into()).is_err()
            {
                self.sideband = None;
            }
        }
        if let Some(channel) = &self.channel
            && channel.try_send(Arc::new(event)).is_err()
        {
            self.channel = None;
        }
    }

    /// All words of a turn are known.
    pub(super) fn completed(&mut self, item: &str, words: &str) {
        if let Some(item) = self.items.iter_mut().rev().find(|known| known.id == item) {
            item.words = Some(words.to_owned());
            item.completed_at = Some(Instant::now());
        }
    }

    /// The reply that is being made ends here.
    fn interrupt(&mut self) {
        self.silence();
        let Some(Active { reply, item, metadata, said }) = self.active.take() else { return };
        let mut output = Vec::new();
        if let Some(item) = item {
            self.emit(events::truncated(&item, 700));
            let cut = events::model_item(&item, "incomplete", Some(&said));
            self.completed(&item, &said);
            self.emit(events::item("done", &cut, None));
            output.push(cut);
        }
        self.emit(events::response("done", &reply, "cancelled", &metadata, &output));
    }

    fn silence(&mut self) {
        if std::mem::take(&mut self.audible) {
            self.emit(events::playback("cleared", ""));
        }
    }

    fn update(&mut self, change: &Value) {
        if self.is_over() {
            return;
        }
        merge(&mut self.session, change);
        let echo = events::session("updated", &self.session);
        self.emit(echo);
    }

    fn retrieve(&mut self, item: &Value, asked_by: &Value) {
        let found = self.items.iter().find(|known| item.as_str() == Some(known.id.as_str())).map(|known| {
            let words = known.words.as_deref();
            match known.origin {
                Origin::Candidate => events::user_item(&known.id, words),
                Origin::Model => events::model_item(&known.id, "completed", words),
            }
        });
        self.emit(match found {
            Some(item) => json!({ "type": "conversation.item.retrieved", "item": item }),
            None => events::error("item_retrieve_invalid_item_id", asked_by),
        });
    }
}

fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Fields that are there replace theirs; of the nested objects these two are taken whole.
fn merge(into: &mut Value, change: &Value) {
    const WHOLE: [&str; 2] = ["transcription", "turn_detection"];
    let (Some(into), Some(change)) = (into.as_object_mut(), change.as_object()) else { return };
    for (name, value) in change {
        match into.get_mut(name) {
            Some(known) if known.is_object() && value.is_object() && !WHOLE.contains(&name.as_str()) => {
                merge(known, value);
            }
            _ => drop(into.insert(name.clone(), value.clone())),
        }
    }
}
