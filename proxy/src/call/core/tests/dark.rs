//! When nobody could hear the conversation, and what a dying process took with it: the only excuse for a turn that is not
//! on the record, or for somebody who waits.

use crate::clock::Millis;

/// What is on its way when a way closes gets lost; longer than the slowest way takes.
const UNDER_WAY_MS: Millis = 400;

/// Stretches of time in which nobody heard anything.
#[derive(Default)]
pub(super) struct Dark {
    over: Vec<(Millis, Millis)>,
    since: Option<Millis>,
}

impl Dark {
    /// Whether somebody hears and can be told something now.
    pub(super) fn watch(&mut self, now: Millis, light: bool) {
        match (self.since, light) {
            (None, false) => self.since = Some(now),
            (Some(since), true) => {
                self.over.push((since, now));
                self.since = None;
            }
            (None, true) | (Some(_), false) => {}
        }
    }

    /// What was heard from then on was lost with the process that heard it.
    pub(super) fn lost_since(&mut self, at: Millis) {
        self.since = Some(self.since.map_or(at, |since| since.min(at)));
    }

    fn all(&self) -> impl Iterator<Item = (Millis, Millis)> {
        self.over.iter().copied().chain(self.since.map(|since| (since, Millis::MAX)))
    }

    /// Whether something of what lasted from then to then may have gone unheard.
    pub(super) fn touches(&self, from: Millis, to: Millis) -> bool {
        self.all()
            .any(|(dark, light)| dark.saturating_sub(UNDER_WAY_MS) <= to && from <= light.saturating_add(UNDER_WAY_MS))
    }

    /// How much of a stretch was dark, and in how many pieces.
    pub(super) fn of(&self, from: Millis, to: Millis) -> (Millis, u64) {
        let (mut sum, mut pieces, mut up_to) = (0, 0, from);
        for (dark, light) in self.all().filter(|(dark, light)| *dark < to && from < *light) {
            // What a dying process took with it may reach back into what was dark before.
            sum += light.min(to).saturating_sub(dark.max(up_to));
            up_to = up_to.max(light.min(to));
            pieces += 1;
        }
        (sum, pieces)
    }
}
