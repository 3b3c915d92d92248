//! What a test asks about a call that was run.

use super::dialects::said_in;
use super::reference::{Recorded, Said};
use super::world::{Setting, World};
use crate::call::core::{Directive, EndedBy, Notice};
use crate::clock::Millis;
use crate::transcript::{CallEvent, Entry, IncidentKind, StageEntry, StageReason};
use crate::upstream::facts::Gate;

impl World {
    /// A call that ran to its end.
    pub(super) fn whole(setting: Setting) -> Self {
        let mut world = Self::new(setting);
        world.run_to_end();
        world
    }

    /// What is stored.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.store.entries.clone()
    }

    /// A wall time on the monotonic clock.
    pub(super) fn mono(&self, unix_ms: i64) -> Millis {
        Millis::try_from(unix_ms - super::world::EPOCH).expect("after the origin")
    }

    /// Stage events on the record.
    pub(super) fn stage_entries(&self) -> Vec<StageEntry> {
        let stage = |entry: &Entry| if let Entry::Stage(stage) = entry { Some(stage.clone()) } else { None };
        self.store.entries.iter().filter_map(stage).collect()
    }

    /// The same, short.
    pub(super) fn stages(&self) -> Vec<(String, StageReason)> {
        self.stage_entries().into_iter().map(|entry| (entry.to, entry.reason)).collect()
    }

    /// Why it ended, as recorded.
    pub(super) fn ended_by(&self) -> Option<String> {
        self.stage_entries().pop().and_then(|entry| entry.ended_by)
    }

    /// Why it ended, as told.
    pub(super) fn told_end(&self) -> Option<EndedBy> {
        self.told()
            .find_map(|notice| if let Notice::SessionEnded { ended_by, .. } = notice { Some(*ended_by) } else { None })
    }

    pub(super) fn told(&self) -> impl Iterator<Item = &Notice> {
        self.watchman.told.iter().map(|(_, notice)| notice)
    }

    /// When the first of these was told.
    pub(super) fn told_at(&self, which: impl Fn(&Notice) -> bool) -> Option<Millis> {
        self.watchman.told.iter().find(|(_, notice)| which(notice)).map(|(at, _)| *at)
    }

    /// When a stage was told.
    pub(super) fn entered_at(&self, name: &str) -> Option<Millis> {
        self.told_at(|notice| matches!(notice, Notice::StageChange { stage, .. } if stage == name))
    }

    pub(super) fn incidents(&self) -> Vec<(IncidentKind, String)> {
        self.entries()
            .into_iter()
            .filter_map(
                |entry| if let Entry::Incident { incident, code, .. } = entry { Some((incident, code)) } else { None },
            )
            .collect()
    }

    /// The call's events on the record, as words.
    pub(super) fn call_events(&self) -> Vec<String> {
        let word = |event| match event {
            CallEvent::Answered { .. } => "answered".to_owned(),
            CallEvent::Connected => "connected".into(),
            CallEvent::Control { control, sideband } => format!("{control}/{sideband}"),
            CallEvent::Closed { hang_up } => format!("closed {hang_up:?}"),
        };
        self.entries()
            .into_iter()
            .filter_map(|entry| if let Entry::Call { event, .. } = entry { Some(word(event)) } else { None })
            .collect()
    }

    /// When the model was asked to speak, and with which instructions of its own.
    pub(super) fn asked(&self) -> Vec<(Millis, Option<String>)> {
        let speak = |directive: &Directive| {
            if let Directive::Speak { instructions, .. } = directive { Some(instructions.clone()) } else { None }
        };
        self.watchman
            .directed
            .iter()
            .filter_map(|(at, _, _, directive)| speak(directive).map(|text| (*at, text)))
            .collect()
    }

    /// When the model was configured, for which stage, with which gate.
    pub(super) fn configured(&self) -> Vec<(Millis, String, Gate)> {
        let text = |directive: &Directive| {
            if let Directive::Configure { instructions, gate, .. } = directive {
                Some((super::reference::stage_of(instructions), *gate))
            } else {
                None
            }
        };
        self.watchman
            .directed
            .iter()
            .filter_map(|(at, _, _, directive)| text(directive).map(|(stage, gate)| (*at, stage, gate)))
            .collect()
    }

    pub(super) fn stops(&self) -> Vec<Millis> {
        self.watchman
            .directed
            .iter()
            .filter(|(_, _, _, directive)| matches!(directive, Directive::Stop { .. }))
            .map(|(at, ..)| *at)
            .collect()
    }

    /// How much the parts of the core hold that could grow.
    pub(super) fn core_bytes(&self) -> usize {
        let timeline = serde_json::to_string(&self.core.timeline).expect("serialises").len();
        let machine = serde_json::to_string(&self.core.machine).expect("serialises").len();
        timeline
            + machine
            + format!(
                "{:?}{:?}{:?}{:?}",
                self.core.replies, self.core.configuration, self.core.noticed, self.core.journal
            )
            .len()
    }

    /// What was really said, as this dialect would name it.
    pub(super) fn said(&self) -> Vec<Said> {
        let (all, beginnings) = self.everything_said();
        let began = |said: &Said| beginnings.get(&said.item).map_or(said.at, |(_, at)| *at);
        let dim = |said: &Said| self.dark.touches(began(said), said.sent.unwrap_or(Millis::MAX).max(said.cut_at));
        let said: Vec<_> = all.iter().map(|said| Said { dim: dim(said), ..said.clone() }).collect();
        said_in(self.dialect, &said, &beginnings)
    }

    /// The record equals what was said; returned in order.
    pub(super) fn checked(&self) -> Vec<Recorded> {
        self.checked_as(super::reference::in_order(&self.store))
    }

    /// The same, of a record that was read already.
    pub(super) fn checked_as(&self, turns: Vec<Recorded>) -> Vec<Recorded> {
        let head = self.store.verify(self.session);
        if let Some(Notice::InterviewSaved { head: told, .. }) =
            self.told().find(|notice| matches!(notice, Notice::InterviewSaved { .. }))
        {
            assert_eq!(*told, head.to_hex(), "the head that was told is the head of the chain");
        }
        // What is sent in the last moment before the hang-up may not arrive any more.
        let until = self.hung_up_at.unwrap_or(self.now).saturating_sub(400);
        super::reference::check(&self.said(), &self.store, turns, until)
    }
}
