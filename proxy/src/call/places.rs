//! How many calls there may be: on this machine, and of one person. A [`Place`] is taken before anything is done for a
//! call and given back by dropping it, exactly once. It must not know what a call is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use crate::ids::UserId;

/// The limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// At once on this machine; 0 means that new calls are switched off.
    pub total: usize,
    /// At once of one person, at least 1.
    pub per_person: usize,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// New calls are switched off.
    Closed,
    /// All places of the machine are taken.
    Machine,
    /// The person has all they may have.
    Person,
}

/// The count. Cheap to clone.
#[derive(Clone)]
pub(super) struct Places(Arc<Inner>);

struct Inner {
    caps: Caps,
    taken: AtomicUsize,
    /// Only people with a place; so it is no larger than the machine's limit.
    people: DashMap<UserId, usize>,
}

impl Places {
    pub(super) fn new(caps: Caps) -> Self {
        Self(Arc::new(Inner { caps, taken: AtomicUsize::new(0), people: DashMap::new() }))
    }

    pub(super) fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }

    pub(super) fn total(&self) -> usize {
        self.0.caps.total
    }

    /// Takes a place for a person, or changes nothing.
    pub(super) fn take(&self, person: UserId) -> Result<Place, Full> {
        let Inner { caps, taken, people } = &*self.0;
        let free = |now: usize| (now < caps.total).then_some(now + 1);
        taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).map_err(|_| match caps.total {
            0 => Full::Closed,
            _ => Full::Machine,
        })?;
        let mut theirs = people.entry(person).or_default();
        if *theirs >= caps.per_person {
            drop(theirs);
            taken.fetch_sub(1, Ordering::AcqRel);
            return Err(Full::Person);
        }
        *theirs += 1;
        drop(theirs);
        Ok(self.place(person))
    }

    /// A place for a call that runs already: it has one whatever the limits are by now.
    pub(super) fn keep(&self, person: UserId) -> Place {
        self.0.taken.fetch_add(1, Ordering::AcqRel);
        *self.0.people.entry(person).or_default() += 1;
        self.place(person)
    }

    fn place(&self, person: UserId) -> Place {
        metrics::gauge!("viva_sessions_active").increment(1.0);
        Place { places: self.clone(), person }
    }
}

/// One call's place.
pub(super) struct Place {
    places: Places,
    person: UserId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Inner { taken, people, .. } = &*self.places.0;
        if let Entry::Occupied(mut theirs) = people.entry(self.person) {
            *theirs.get_mut() -= 1;
            if *theirs.get() == 0 {
                theirs.remove();
            }
        }
        taken.fetch_sub(1, Ordering::AcqRel);
        metrics::gauge!("viva_sessions_active").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_runs_keeps_its_place_when_new_ones_are_switched_off() {
        let places = Places::new(Caps { total: 0, per_person: 1 });
        let person = UserId::fresh();
        assert_eq!(places.take(person).err(), Some(Full::Closed));
        let kept = places.keep(person);
        assert_eq!(places.taken(), 1);
        drop(kept);
        assert_eq!((places.taken(), places.0.people.len()), (0, 0));
    }

    #[test]
    fn a_place_is_given_back_by_dropping_it() {
        let places = Places::new(Caps { total: 2, per_person: 1 });
        let (one, two, three) = (UserId::fresh(), UserId::fresh(), UserId::fresh());
        let first = places.take(one).expect("free");
        assert_eq!(places.take(one).err(), Some(Full::Person));
        assert_eq!(places.taken(), 1, "a refusal takes nothing");
        let second = places.take(two).expect("free");
        assert_eq!(places.take(three).err(), Some(Full::Machine));
        drop(first);
        let third = places.take(three).expect("free again");
        drop((second, third));
        assert_eq!((places.taken(), places.0.people.len()), (0, 0));
    }

    #[test]
    fn no_place_at_all_means_switched_off() {
        assert_eq!(Places::new(Caps { total: 0, per_person: 1 }).take(UserId::fresh()).err(), Some(Full::Closed));
    }

    #[test]
    fn places_taken_by_many_at_once_are_counted_right() {
        let places = Places::new(Caps { total: 50, per_person: 20 });
        let people: Vec<_> = (0..4).map(|_| UserId::fresh()).collect();
        std::thread::scope(|scope| {
            for person in &people {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let held: Vec<_> = (0..25).filter_map(|_| places.take(*person).ok()).collect();
                        assert!(held.len() <= 20 && places.taken() <= 50);
                    }
                });
            }
        });
        assert_eq!((places.taken(), places.0.people.len()), (0, 0));
    }
}
