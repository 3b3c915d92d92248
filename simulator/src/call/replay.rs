//! The last seconds of a call's events, for sidebands that attach later: under the same ids, so that whoever heard them
//! already can tell.

use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;

/// How far back it goes.
const KEPT_MS: u64 = 5_000;
/// Events kept; the oldest go first. A sideband's queue takes more.
const EVENTS: usize = 256;

/// Events as they were sent, oldest first.
#[derive(Debug, Default)]
pub(super) struct Replay(VecDeque<(u64, Utf8Bytes)>);

impl Replay {
    pub(super) fn keep(&mut self, now: u64, event: Utf8Bytes) {
        self.0.retain(|(at, _)| at + KEPT_MS >= now);
        if self.0.len() == EVENTS {
            self.0.pop_front();
        }
        self.0.push_back((now, event));
    }

    pub(super) fn since(&self, now: u64) -> impl Iterator<Item = &Utf8Bytes> {
        self.0.iter().filter(move |(at, _)| at + KEPT_MS >= now).map(|(_, event)| event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_seconds_are_told_again() {
        let mut replay = Replay::default();
        for at in [0, 4_000, 6_000] {
            replay.keep(at, at.to_string().into());
        }
        let told: Vec<_> = replay.since(8_000).map(Utf8Bytes::as_str).collect();
        assert_eq!(told, ["4000", "6000"]);
        for at in 0..1_000 {
            replay.keep(8_000, at.to_string().into());
        }
        assert_eq!(replay.0.len(), EVENTS);
    }
}
