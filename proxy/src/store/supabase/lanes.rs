//! What is written to one session's journal is written in the order in which it was asked, one after the other; sessions
//! do not wait for each other. It must not know what it runs.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio_util::task::TaskTracker;

use crate::ids::SessionId;

/// Something to run.
type Job = BoxFuture<'static, ()>;

/// Sessions that are being written to, and what waits behind. Bounded by whoever pushes. Never held over an await.
#[derive(Clone, Default)]
pub(super) struct Lanes(Arc<Mutex<HashMap<SessionId, VecDeque<Job>>>>);

impl Lanes {
    /// Runs `job` on `tasks` after everything that was pushed for this session before.
    pub(super) fn push(&self, tasks: &TaskTracker, session: SessionId, job: Job) {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match lanes.entry(session) {
            Entry::Occupied(mut lane) => lane.get_mut().push_back(job),
            Entry::Vacant(place) => {
                place.insert(VecDeque::new());
                tasks.spawn(self.clone().run(session, job));
            }
        }
    }

    async fn run(self, session: SessionId, first: Job) {
        let mut next = Some(first);
        while let Some(job) = next {
            job.await;
            next = self.next(session);
        }
    }

    /// What waits, or the lane's end: whoever pushes after that begins a new one.
    fn next(&self, session: SessionId) -> Option<Job> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let job = lanes.get_mut(&session)?.pop_front();
        if job.is_none() {
            lanes.remove(&session);
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_session_is_in_order_and_holds_up_no_other() {
        let (lanes, tasks) = (Lanes::default(), TaskTracker::new());
        let (slow, quick) = (SessionId::fresh(), SessionId::fresh());
        let (go, held) = oneshot::channel::<()>();
        let (done, mut finished) = mpsc::unbounded_channel();
        let tell = |name: u32| {
            let done = done.clone();
            async move { done.send(name).expect("somebody listens") }
        };
        lanes.push(&tasks, slow, Box::pin(async move { held.await.expect("it is let go") }));
        for n in 1..=100 {
            lanes.push(&tasks, slow, Box::pin(tell(n)));
        }
        lanes.push(&tasks, quick, Box::pin(tell(0)));
        assert_eq!(finished.recv().await, Some(0));
        go.send(()).expect("it waits");
        for n in 1..=100 {
            assert_eq!(finished.recv().await, Some(n));
        }
        tasks.close();
        tasks.wait().await;
        assert!(lanes.0.lock().expect("unpoisoned").is_empty(), "a lane that is empty is gone");
    }
}
