//! How many calls there may be: on this machine, of one tenant, and of one person. A [`Place`] is taken before anything is done for a
//! call and given back by dropping it, exactly once. It must not know what a call is.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::booking::Booking;
use crate::ids::{TenantId, UserId};

/// The limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// At once on this machine; 0 means that new calls are switched off.
    pub total: usize,
    /// At once of one tenant that chose no limit of its own, at least 1.
    pub per_tenant: usize,
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
    /// The tenant has all it may have.
    Tenant,
    /// The person has all they may have.
    Person,
}

/// Whose place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) tenant: TenantId,
    /// The tenant's own limit.
    pub(super) tenant_max: Option<u32>,
    pub(super) person: UserId,
}

impl From<&Booking> for Holder {
    fn from(booking: &Booking) -> Self {
        Self { tenant: booking.ctx.tenant, tenant_max: booking.tenant_max_sessions, person: booking.user }
    }
}

/// The count. Cheap to clone.
#[derive(Clone)]
pub(super) struct Places(Arc<Inner>);

struct Inner {
    caps: Caps,
    taken: AtomicUsize,
    /// Only those with a place; so neither is larger than the machine's limit.
    tenants: DashMap<TenantId, usize>,
    people: DashMap<UserId, usize>,
}

/// One more of a key, if that is not too many. The entry is held while it is counted, so two at once are counted one
/// after the other.
fn more<K: Eq + Hash>(counts: &DashMap<K, usize>, key: K, most: usize) -> bool {
    let mut count = counts.entry(key).or_default();
    let fits = *count < most;
    *count += usize::from(fits);
    fits
}

/// One less; whoever has none is forgotten.
fn less<K: Eq + Hash>(counts: &DashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() = count.get().saturating_sub(1);
        if *count.get() == 0 {
            count.remove();
        }
    }
}

impl Places {
    pub(super) fn new(caps: Caps) -> Self {
        Self(Arc::new(Inner { caps, taken: AtomicUsize::new(0), tenants: DashMap::new(), people: DashMap::new() }))
    }

    pub(super) fn caps(&self) -> Caps {
        self.0.caps
    }

    pub(super) fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }

    pub(super) fn total(&self) -> usize {
        self.0.caps.total
    }

    /// Takes a place, or changes nothing.
    pub(super) fn take(&self, holder: Holder) -> Result<Place, Full> {
        let Inner { caps, taken, tenants, people } = &*self.0;
        let free = |now: usize| (now < caps.total).then_some(now + 1);
        taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).map_err(|_| match caps.total {
            0 => Full::Closed,
            _ => Full::Machine,
        })?;
        let of_tenant = holder.tenant_max.map_or(caps.per_tenant, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let refused = if !more(tenants, holder.tenant, of_tenant) {
            // A limit of zero leaves an empty entry behind.
            tenants.remove_if(&holder.tenant, |_, count| *count == 0);
            Full::Tenant
        } else if !more(people, holder.person, caps.per_person) {
            less(tenants, holder.tenant);
            Full::Person
        } else {
            return Ok(self.place(holder));
        };
        taken.fetch_sub(1, Ordering::AcqRel);
        Err(refused)
    }

    /// A place for a call that runs already: it has one whatever the limits are by now.
    pub(super) fn keep(&self, holder: Holder) -> Place {
        self.0.taken.fetch_add(1, Ordering::AcqRel);
        more(&self.0.tenants, holder.tenant, usize::MAX);
        more(&self.0.people, holder.person, usize::MAX);
        self.place(holder)
    }

    fn place(&self, holder: Holder) -> Place {
        metrics::gauge!("viva_sessions_active").increment(1.0);
        Place { places: self.clone(), holder }
    }
}

/// One call's place.
pub(super) struct Place {
    places: Places,
    holder: Holder,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Inner { taken, tenants, people, .. } = &*self.places.0;
        less(people, self.holder.person);
        less(tenants, self.holder.tenant);
        taken.fetch_sub(1, Ordering::AcqRel);
        metrics::gauge!("viva_sessions_active").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(total: usize, per_tenant: usize, per_person: usize) -> Caps {
        Caps { total, per_tenant, per_person }
    }

    /// Somebody in a tenant of their own.
    fn alone() -> Holder {
        Holder { tenant: TenantId::fresh(), tenant_max: None, person: UserId::fresh() }
    }

    fn counted(places: &Places) -> (usize, usize, usize) {
        (places.taken(), places.0.tenants.len(), places.0.people.len())
    }

    #[test]
    fn a_call_that_runs_keeps_its_place_when_new_ones_are_switched_off() {
        let places = Places::new(caps(0, 1, 1));
        let holder = alone();
        assert_eq!(places.take(holder).err(), Some(Full::Closed));
        let kept = places.keep(holder);
        assert_eq!(places.taken(), 1);
        drop(kept);
        assert_eq!(counted(&places), (0, 0, 0));
    }

    #[test]
    fn a_place_is_given_back_by_dropping_it() {
        let places = Places::new(caps(2, 2, 1));
        let (one, two, three) = (alone(), alone(), alone());
        let first = places.take(one).expect("free");
        assert_eq!(places.take(one).err(), Some(Full::Person));
        assert_eq!(places.taken(), 1, "a refusal takes nothing");
        let second = places.take(two).expect("free");
        assert_eq!(places.take(three).err(), Some(Full::Machine));
        drop(first);
        let third = places.take(three).expect("free again");
        drop((second, third));
        assert_eq!(counted(&places), (0, 0, 0));
    }

    #[test]
    fn a_tenant_has_the_servers_limit_or_its_own() {
        let places = Places::new(caps(100, 3, 1));
        let tenant = TenantId::fresh();
        let colleague = |tenant_max| Holder { tenant, tenant_max, person: UserId::fresh() };
        let mut held: Vec<_> = (0..3).map(|_| places.take(colleague(None)).expect("free")).collect();
        assert_eq!(places.take(colleague(None)).err(), Some(Full::Tenant));
        held.push(places.take(alone()).expect("another tenant is not concerned"));
        held.push(places.take(colleague(Some(4))).expect("the tenant's own limit is what counts"));
        assert_eq!(places.take(colleague(Some(4))).err(), Some(Full::Tenant));
        assert_eq!(places.take(Holder { tenant_max: Some(0), ..alone() }).err(), Some(Full::Tenant));
        drop(held);
        assert_eq!(counted(&places), (0, 0, 0));
    }

    #[test]
    fn places_taken_by_many_at_once_are_counted_right() {
        let places = Places::new(caps(50, 30, 20));
        let tenants = [TenantId::fresh(), TenantId::fresh()];
        let people: Vec<_> =
            (0..4).map(|n| Holder { tenant: tenants[n % 2], tenant_max: None, person: UserId::fresh() }).collect();
        std::thread::scope(|scope| {
            for holder in &people {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let held: Vec<_> = (0..25).filter_map(|_| places.take(*holder).ok()).collect();
                        assert!(held.len() <= 20 && places.taken() <= 50);
                        let of_tenant = places.0.tenants.get(&holder.tenant).map_or(0, |count| *count);
                        assert!(of_tenant <= 30, "{of_tenant}");
                    }
                });
            }
        });
        assert_eq!(counted(&places), (0, 0, 0));
    }
}
