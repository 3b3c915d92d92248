//! Watches every step of every test: what the client is told is a prefix of what is stored, stages never go back, one
//! event a change, nothing after the end. Keeps a log that tests ask afterwards.

use crate::call::core::{CloseReason, Directive, Effect, Notice, Pipe};
use crate::clock::Millis;
use crate::transcript::Entry;

/// Everything that the core did, with its time.
#[derive(Default)]
pub(super) struct Watchman {
    pub(super) told: Vec<(Millis, Notice)>,
    pub(super) directed: Vec<(Millis, Pipe, u32, Directive)>,
    pub(super) hung_up: Vec<Millis>,
    pub(super) closed: Option<CloseReason>,
    /// All effects as text, if they are to be compared.
    pub(super) trace: Option<Vec<String>>,
    /// When everything made so far was last durable.
    pub(super) all_durable_at: Millis,
    stages: usize,
    saved: u64,
    ended: bool,
}

impl Watchman {
    pub(super) fn check(&mut self, now: Millis, effects: &[Effect], stored: &[Entry]) {
        assert!(effects.is_empty() || self.closed.is_none(), "nothing happens after the end");
        for effect in effects {
            match effect {
                Effect::ToClient(notice) => {
                    self.notice(notice, stored);
                    self.note(|| format!("{now} {}", serde_json::to_string(notice).expect("serialises")));
                    self.told.push((now, notice.clone()));
                }
                Effect::ToModel { pipe, epoch, directive } => {
                    self.note(|| format!("{now} {pipe:?} {epoch} {directive:?}"));
                    self.directed.push((now, *pipe, *epoch, directive.clone()));
                }
                Effect::Commit { expected_n, records, .. } => {
                    self.note(|| format!("{now} commit {expected_n} {:?}", records.last().expect("records").hash));
                }
                Effect::HangUp => {
                    assert!(self.hung_up.is_empty(), "a call is hung up once");
                    self.hung_up.push(now);
                }
                Effect::Retire | Effect::Promote => self.note(|| format!("{now} {effect:?}")),
                Effect::HangUpOther { which, call } => self.note(|| format!("{now} hang up {which:?} {call}")),
                Effect::Close(reason) => self.closed = Some(*reason),
            }
        }
    }

    fn note(&mut self, effect: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(effect());
        }
    }

    /// Another core goes on: it tells again what a client should know.
    pub(super) fn restarted(&mut self) {
        self.saved = 0;
        self.hung_up.clear();
    }

    fn notice(&mut self, notice: &Notice, stored: &[Entry]) {
        let record = |n: u64| usize::try_from(n - 1).ok().and_then(|place| stored.get(place));
        match notice {
            Notice::StageChange { n, stage, .. } => {
                let Some(Entry::Stage(entry)) = record(*n) else {
                    panic!("stage {stage} was told before record {n} was durable")
                };
                assert_eq!(entry.to, *stage);
                let events = stored[..usize::try_from(*n).expect("small")]
                    .iter()
                    .filter(|entry| matches!(entry, Entry::Stage(_)))
                    .count();
                assert!(events > self.stages, "one notice for each stage event");
                self.stages = events;
            }
            Notice::AgentCaption(caption) | Notice::UserCaption(caption) if caption.r#final => {
                let n = caption.n.expect("a final caption has a number");
                match record(n) {
                    Some(Entry::Turn(turn) | Entry::Revised(turn)) => assert_eq!(turn.item, caption.item_id),
                    _ => panic!("the words of {} were told before record {n} was durable", caption.item_id),
                }
            }
            Notice::TranscriptAcknowledged { n, .. } => {
                assert!(*n <= stored.len() as u64, "acknowledged before it was durable")
            }
            Notice::Saved { up_to, .. } => {
                assert!(*up_to <= stored.len() as u64, "saved says more than is stored");
                assert!(*up_to >= self.saved, "saved never goes back");
                self.saved = *up_to;
            }
            Notice::SessionEnded { .. } => {
                assert!(matches!(stored.last(), Some(Entry::Seal { .. })), "the end is told when the seal is durable");
                self.ended = true;
            }
            Notice::InterviewSaved { .. } => assert!(self.ended, "saved is told after ended"),
            _ => {}
        }
    }
}
