//! The sidebands of one call: who gets the events, what befalls each, and how they are left.
//!
//! Only their queues are here; the sockets are read and written where they are served.

use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;

use super::{Frame, SidebandId};
use crate::faults::{Faults, Trouble};
use crate::model::millis;

/// Sidebands of one call at once; more are turned away.
const SIDEBANDS: usize = 32;

#[derive(Debug)]
struct Sideband {
    id: SidebandId,
    frames: mpsc::Sender<Frame>,
    since: u64,
    /// Which of the call's sidebands it is, from 1.
    nth: u64,
}

/// Those that are attached. Times are milliseconds since the call was created.
#[derive(Debug, Default)]
pub(super) struct Sidebands {
    open: Vec<Sideband>,
    attached: u64,
}

impl Sidebands {
    pub(super) fn attach(&mut self, now: u64, id: SidebandId, frames: mpsc::Sender<Frame>) {
        if self.open.len() >= SIDEBANDS {
            let _ = frames.try_send(Frame::Close(1013, "too many sidebands", Duration::ZERO));
            return;
        }
        self.attached += 1;
        self.open.push(Sideband { id, frames, since: now, nth: self.attached });
    }

    pub(super) fn detach(&mut self, id: SidebandId) {
        self.open.retain(|sideband| sideband.id != id);
    }

    pub(super) fn are_none(&self) -> bool {
        self.open.is_empty()
    }

    /// Give each an event; one that does not read it is dropped.
    pub(super) fn send(&mut self, event: impl Fn(SidebandId) -> Utf8Bytes) {
        self.open.retain(|sideband| {
            let kept = sideband.frames.try_send(Frame::Event(event(sideband.id))).is_ok();
            if !kept {
                tracing::debug!("a sideband does not read and is dropped");
            }
            kept
        });
    }

    /// What the faults say befalls those that have been attached for long enough.
    pub(super) fn age(&mut self, now: u64, faults: &Faults) {
        let due = |sideband: &Sideband| {
            let old = |limit: Option<Duration>| limit.is_some_and(|limit| now >= sideband.since + millis(limit));
            if faults.sideband_once && sideband.nth > 1 {
                None
            } else if old(faults.sideband_drops) {
                Some(Trouble::Drop)
            } else if old(faults.sideband_rotates) {
                Some(Trouble::Rotate)
            } else if old(faults.sideband_silent) {
                Some(Trouble::Silence)
            } else {
                None
            }
        };
        self.open.retain(|sideband| match due(sideband) {
            Some(trouble) => {
                sideband.suffer(trouble);
                false
            }
            None => true,
        });
    }

    /// This befalls all of them now.
    pub(super) fn suffer(&mut self, trouble: Trouble) {
        for sideband in self.open.drain(..) {
            sideband.suffer(trouble);
        }
    }

    /// The call is over.
    pub(super) fn leave(&mut self, code: u16, reason: &'static str, faults: &Faults) {
        let code = faults.quirks.close_code.unwrap_or(code);
        let last = if faults.no_close { Frame::Linger } else { Frame::Close(code, reason, faults.quirks.close_late) };
        for sideband in self.open.drain(..) {
            let _ = sideband.frames.try_send(last.clone());
        }
    }
}

impl Sideband {
    /// One whose queue is full is closed as one that does not read, when its sender is gone.
    fn suffer(&self, trouble: Trouble) {
        let frame = match trouble {
            Trouble::Drop => Frame::Drop,
            Trouble::Rotate => Frame::Close(1001, "", Duration::ZERO),
            Trouble::Silence => Frame::Silence,
        };
        let _ = self.frames.try_send(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attach(sidebands: &mut Sidebands, now: u64, id: u64) -> mpsc::Receiver<Frame> {
        let (frames, queue) = mpsc::channel(4);
        sidebands.attach(now, SidebandId(id), frames);
        queue
    }

    #[test]
    fn each_is_counted_from_when_it_attached() {
        let faults = Faults::parse("sideband_drops=100").unwrap();
        let mut sidebands = Sidebands::default();
        let mut first = attach(&mut sidebands, 0, 1);
        let mut second = attach(&mut sidebands, 60, 2);
        sidebands.age(99, &faults);
        assert!(first.try_recv().is_err());
        sidebands.age(120, &faults);
        assert!(matches!(first.try_recv(), Ok(Frame::Drop)));
        assert!(second.try_recv().is_err());
        sidebands.age(160, &faults);
        assert!(matches!(second.try_recv(), Ok(Frame::Drop)));
        assert!(sidebands.are_none());
    }

    #[test]
    fn it_can_befall_the_first_alone() {
        let faults = Faults::parse("sideband_silent=0,sideband_once").unwrap();
        let mut sidebands = Sidebands::default();
        let mut first = attach(&mut sidebands, 0, 1);
        sidebands.age(0, &faults);
        assert!(matches!(first.try_recv(), Ok(Frame::Silence)));
        let mut second = attach(&mut sidebands, 10, 2);
        sidebands.age(5_000, &faults);
        assert!(second.try_recv().is_err());
        sidebands.leave(1000, "", &Faults::parse("close_late=70,close_code=1011").unwrap());
        assert!(matches!(second.try_recv(), Ok(Frame::Close(1011, "", late)) if late.as_millis() == 70));
    }
}
