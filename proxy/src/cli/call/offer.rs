//! An offer on its way: for the first call, for one that is renewed or was lost, or of a caller who joins again. It is
//! made again after a refusal that may pass, until its deadline. Pure but for what it holds.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use viva_simulator::Caller;
use viva_simulator::caller::Floor;

/// Upstream 10 s, and a little for the way.
const ANSWER_PATIENCE: Duration = Duration::from_secs(15);
/// Without a deadline of the server's.
const USUAL_DEADLINE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE_MS: u64 = 10_000;

/// What a new connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// There is none yet, or it is gone: it is in force at once.
    Instead,
    /// There is one: it waits for the switch.
    Beside,
}

/// Where it stands.
enum Stage {
    /// To be made, then.
    Waiting(Instant),
    /// Sent; given up then.
    Sent(Box<Caller>, Instant),
}

/// An offer.
pub(super) struct Offer {
    /// Of the `renegotiate` that asked for it.
    pub(super) renegotiate_id: Option<String>,
    pub(super) aim: Aim,
    stage: Stage,
    deadline: Instant,
    tries: u32,
    /// Whether the caller that waits for the answer speaks at once.
    pub(super) floor: Floor,
}

impl Offer {
    /// Of the caller's own.
    pub(super) fn own(now: Instant) -> Self {
        let deadline = now + USUAL_DEADLINE;
        Self {
            renegotiate_id: None,
            aim: Aim::Instead,
            stage: Stage::Waiting(now),
            deadline,
            tries: 0,
            floor: Floor::Waits,
        }
    }

    /// That the server asked for; `None` when the message is none.
    pub(super) fn asked(renegotiate: &Value, now: Instant) -> Option<Self> {
        let id = renegotiate["id"].as_str()?.to_owned();
        let aim = if renegotiate["reason"] == "lost" { Aim::Instead } else { Aim::Beside };
        let until = renegotiate["deadline"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let left = until.map_or(USUAL_DEADLINE, |until| {
            Duration::try_from(until.duration_since(jiff::Timestamp::now())).unwrap_or(Duration::ZERO)
        });
        Some(Self {
            renegotiate_id: Some(id),
            aim,
            stage: Stage::Waiting(now),
            deadline: now + left,
            tries: 0,
            floor: Floor::Waits,
        })
    }

    /// When something is to be done about it.
    pub(super) fn wake(&self) -> Instant {
        match &self.stage {
            Stage::Waiting(until) | Stage::Sent(_, until) => *until,
        }
    }

    /// Whether it is to be made now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.wake() <= now
    }

    /// Nothing came of it in time.
    pub(super) fn is_too_late(&self, now: Instant) -> bool {
        now >= self.deadline
    }

    /// It went out.
    pub(super) fn sent(&mut self, caller: Caller, floor: Floor, now: Instant) {
        self.floor = floor;
        self.stage = Stage::Sent(Box::new(caller), now + ANSWER_PATIENCE);
    }

    /// It was refused or got lost, and is made again later.
    pub(super) fn again(&mut self, after: Option<Duration>, now: Instant) {
        self.tries += 1;
        let usual = Duration::from_millis(LONGEST_PAUSE_MS.min(500 << self.tries.min(16)));
        self.stage = Stage::Waiting(now + after.unwrap_or(usual));
    }

    /// The connection that waits for this answer, and how long it waited.
    pub(super) fn answered(&mut self, answer: &Value, now: Instant) -> Option<(Caller, Duration)> {
        if answer["renegotiateId"].as_str() != self.renegotiate_id.as_deref() {
            return None;
        }
        match std::mem::replace(&mut self.stage, Stage::Waiting(now)) {
            Stage::Sent(caller, until) => Some((*caller, (now + ANSWER_PATIENCE).saturating_duration_since(until))),
            waiting @ Stage::Waiting(_) => {
                self.stage = waiting;
                None
            }
        }
    }

    /// Whether an error is its answer.
    pub(super) fn is_out(&self) -> bool {
        matches!(self.stage, Stage::Sent(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_lost_call_is_replaced_and_one_that_runs_is_not() {
        let now = Instant::now();
        let at = |reason: &str| json!({ "type": "renegotiate", "id": "g1", "reason": reason, "deadline": "2020-01-01T00:00:00Z" });
        let lost = Offer::asked(&at("lost"), now).unwrap();
        assert_eq!((lost.aim, lost.renegotiate_id.as_deref()), (Aim::Instead, Some("g1")));
        assert!(lost.is_due(now) && lost.is_too_late(now), "its deadline has passed");
        assert_eq!(Offer::asked(&at("cap"), now).unwrap().aim, Aim::Beside);
        assert!(Offer::asked(&json!({ "type": "renegotiate" }), now).is_none());
    }

    #[test]
    fn it_is_made_again_later_and_later() {
        let mut now = Instant::now();
        let mut offer = Offer::own(now);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            offer.again(None, now);
            pauses.push((offer.wake() - now).as_millis());
            now = offer.wake();
        }
        assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        offer.again(Some(Duration::from_millis(300)), now);
        assert!(!offer.is_due(now) && offer.is_due(now + Duration::from_millis(300)));
        assert!(offer.answered(&json!({ "type": "sdp_answer" }), now).is_none(), "nothing was sent");
    }
}
