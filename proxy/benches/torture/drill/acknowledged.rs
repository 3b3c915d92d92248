//! Who acknowledged what while somebody else had the session: a server that lost one must not go on as if it had it.

use std::time::{Duration, Instant};

use super::leases::Tenure;
use crate::outcome::Outcome;

/// A server that has lost a session, and runs, must know by then: it renews every two seconds.
const KNOWS_WITHIN: Duration = Duration::from_secs(3);

/// A server's place behind its door, and when it did not run.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) machine: String,
    /// Ends of times in which it stood still.
    pub(crate) woke: Vec<Instant>,
}

/// Acknowledgements of a server that had lost the session for longer than it takes to learn that.
pub(crate) fn by_former_owners(outcome: &Outcome, tenures: &[Tenure], posts: &[Post]) -> Vec<String> {
    let mut found = Vec::new();
    for saved in &outcome.told.saves {
        let Some(post) = posts.get(saved.door) else { continue };
        let Some(at) = tenures.iter().rposition(|tenure| tenure.seen <= saved.at) else { continue };
        let (owner, next) = (&tenures[at], tenures.get(at + 1));
        // Whoever takes it is seen a moment after.
        let is_theirs = |tenure: &Tenure| tenure.owner == post.machine;
        if is_theirs(owner) || next.is_some_and(is_theirs) {
            continue;
        }
        let woke = post.woke.iter().filter(|woke| **woke <= saved.at).max().copied();
        let could_know = owner.seen.max(woke.unwrap_or(owner.seen));
        let late = saved.at.saturating_duration_since(could_know);
        if late > KNOWS_WITHIN {
            found.push(format!(
                "candidate {}: acknowledged {:.1} s after another server had taken session {}",
                outcome.number,
                late.as_secs_f64(),
                outcome.booked.session
            ));
        }
    }
    found
}
