//! A reply, from its `response.created` to the end of its sound. Whoever interrupts it takes it out of the call's state;
//! it notices that and says no more.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::call::{Active, Call, Item, Origin, State};
use super::{events, pause};

/// Into how many deltas the words of a reply are cut.
const DELTAS: u32 = 10;

pub(super) fn start(call: &Arc<Call>, state: &mut State, metadata: Value) {
    let reply = state.name("resp");
    state.emit(events::response("created", &reply, "in_progress", &metadata, &[]));
    if state.quirks.reply_fails() {
        state.emit(events::response("done", &reply, "failed", &metadata, &[]));
        return;
    }
    state.active = Some(Active { reply: reply.clone(), item: None, metadata, said: String::new() });
    let pace = state.pace.reply;
    if pace.is_zero() {
        // A benchmark's reply is made at once, by whoever asked for it.
        let words = begin(state, &reply);
        words.split_inclusive(' ').collect::<Vec<_>>().chunks(2).for_each(|delta| say(state, &reply, &delta.concat()));
        finish(state, &reply);
        stop(state, &reply);
    } else {
        let call = Arc::clone(call);
        tokio::spawn(async move { speak(&call, &reply, pace).await });
    }
}

async fn speak(call: &Call, reply: &str, takes: Duration) {
    let step = takes / (DELTAS + 1);
    pause(step).await;
    let words = begin(&mut call.lock(), reply);
    let pieces: Vec<&str> = words.split_inclusive(' ').collect();
    for piece in pieces.chunks(pieces.len().div_ceil(DELTAS as usize).max(1)) {
        say(&mut call.lock(), reply, &piece.concat());
        pause(step).await;
    }
    finish(&mut call.lock(), reply);
    call.touched();
    // What was made fast is played longer.
    pause(step).await;
    stop(&mut call.lock(), reply);
    call.touched();
}

fn is_on(state: &State, reply: &str) -> bool {
    !state.is_over() && state.active.as_ref().is_some_and(|active| active.reply == reply)
}

/// The item comes into being. Returns what will be said in it.
fn begin(state: &mut State, reply: &str) -> String {
    if !is_on(state, reply) {
        return String::new();
    }
    let item = state.name("item");
    let words = format!("{item} is noted. What was the hardest part of that, and what did you do about it yourself?");
    let after = state.items.last().map(|item| item.id.clone());
    let empty = events::model_item(&item, "in_progress", None);
    state.items.push(Item { id: item.clone(), origin: Origin::Model, words: None, completed_at: None });
    state.emit(events::output_item("added", reply, &empty));
    state.emit(events::item("added", &empty, after.as_deref()));
    state.emit(events::content("content_part.added", reply, &item, None));
    state.emit(events::playback("started", reply));
    state.audible = true;
    if let Some(active) = &mut state.active {
        active.item = Some(item);
    }
    words
}

fn say(state: &mut State, reply: &str, piece: &str) {
    if !is_on(state, reply) {
        return;
    }
    let Some(active) = &mut state.active else { return };
    active.said.push_str(piece);
    let item = active.item.clone().unwrap_or_default();
    state.emit(events::content("output_audio_transcript.delta", reply, &item, Some(("delta", piece))));
}

fn finish(state: &mut State, reply: &str) {
    if !is_on(state, reply) {
        return;
    }
    let Some(Active { item: Some(item), metadata, said, .. }) = state.active.take() else { return };
    state.emit(events::content("output_audio_transcript.done", reply, &item, Some(("transcript", &said))));
    state.emit(events::content("output_audio.done", reply, &item, None));
    let whole = events::model_item(&item, "completed", Some(&said));
    state.emit(events::item("done", &whole, None));
    state.emit(events::output_item("done", reply, &whole));
    state.completed(&item, &said);
    state.emit(events::response("done", reply, "completed", &metadata, &[whole]));
}

fn stop(state: &mut State, reply: &str) {
    if !state.is_over() && state.active.is_none() && std::mem::take(&mut state.audible) {
        state.emit(events::playback("stopped", reply));
    }
}
