//! Tickets that have started a call, or whose outcome is unknown: none of them starts another one. It must not know what
//! a ticket is good for otherwise.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::clock::Millis;
use crate::identity::TicketHash;

/// No ticket may start a call for longer than this after it was minted, so it need not be remembered for longer.
const KEPT_MS: Millis = 7_200_000;
/// Tickets in each of two generations. Full: no call is begun until the older one has gone.
const MAX_SPENT: usize = 1 << 19;

/// Two generations: the older one is forgotten as a whole when it is old enough, so that nothing is looked through.
#[derive(Debug, Default)]
pub(super) struct Spent(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashSet<TicketHash>,
    old: HashSet<TicketHash>,
    /// When the young one began.
    since: Millis,
}

/// Why a ticket cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It was used before.
    Spent,
    /// Nobody could remember that it was used.
    Full,
}

impl Spent {
    /// A ticket is used up from here on.
    pub(super) fn add(&self, ticket: TicketHash, now: Millis) -> Result<(), Unusable> {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.saturating_sub(spent.since);
        if age >= KEPT_MS {
            // After two of them, what was young is too old as well.
            let young = std::mem::take(&mut spent.young);
            spent.old = if age < 2 * KEPT_MS { young } else { HashSet::new() };
            spent.since = now;
        }
        if spent.old.contains(&ticket) || spent.young.contains(&ticket) {
            return Err(Unusable::Spent);
        }
        if spent.young.len() >= MAX_SPENT {
            return Err(Unusable::Full);
        }
        spent.young.insert(ticket);
        Ok(())
    }

    /// Nothing came of it: it may be used again.
    pub(super) fn remove(&self, ticket: TicketHash) {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spent.young.remove(&ticket);
        spent.old.remove(&ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(n: u8) -> TicketHash {
        TicketHash([n; 32])
    }

    #[test]
    fn a_ticket_is_used_once_unless_nothing_came_of_it() {
        let spent = Spent::default();
        assert_eq!(spent.add(ticket(1), 0), Ok(()));
        assert_eq!(spent.add(ticket(1), 1), Err(Unusable::Spent));
        spent.remove(ticket(1));
        assert_eq!(spent.add(ticket(1), 2), Ok(()));
    }

    #[test]
    fn tickets_are_remembered_for_as_long_as_they_could_be_used_and_then_forgotten() {
        let spent = Spent::default();
        assert_eq!(spent.add(ticket(1), KEPT_MS - 1), Ok(()));
        assert_eq!(spent.add(ticket(2), KEPT_MS), Ok(()));
        assert_eq!(spent.add(ticket(1), 2 * KEPT_MS - 2), Err(Unusable::Spent), "of the generation before");
        assert_eq!(spent.add(ticket(3), 2 * KEPT_MS), Ok(()));
        assert_eq!(spent.add(ticket(2), 2 * KEPT_MS), Err(Unusable::Spent));
        let held = |spent: &Spent| {
            let spent = spent.0.lock().expect("sound");
            spent.young.len() + spent.old.len()
        };
        assert_eq!(held(&spent), 2, "the first is forgotten");
        assert_eq!(spent.add(ticket(4), 9 * KEPT_MS), Ok(()));
        assert_eq!(held(&spent), 1, "after a long quiet time all of them are");
    }
}
