//! How often somebody may knock: an address, a person, a tenant, and all of them together. One set of limiters a door, so
//! that a busy list does not keep a candidate from starting. Only doors that cost something are limited: sign-in, new
//! sessions, offers, keys to ask about.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::address::Address;
use super::ctx::{Actor, TenantCtx};
use crate::ids::{TenantId, UserId};

/// Addresses counted apart. Beyond this many strangers share one allowance, which bounds memory and keeps callers who
/// are known already unaffected. People and tenants are those of the store, counted apart up to the same number.
const COUNTED: usize = 65_536;
/// A tenant is several people, and a machine serves several tenants: so many times what one caller may.
const OF_TENANT: u32 = 10;
const OF_MACHINE: u32 = 100;

/// What is being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A new sign-in.
    SignIn,
    /// A new session or ticket.
    Sessions,
    /// An offer for the model.
    Offers,
    /// A key that the provider is asked about.
    Keys,
    /// Turns that a client tells of.
    Reports,
}

impl Door {
    const ALL: [Self; 5] = [Self::SignIn, Self::Sessions, Self::Offers, Self::Keys, Self::Reports];
}

/// The limiters of one door.
#[derive(Debug)]
struct Limiters {
    addresses: DefaultKeyedRateLimiter<Address>,
    people: DefaultKeyedRateLimiter<Option<UserId>>,
    tenants: DefaultKeyedRateLimiter<Option<TenantId>>,
    machine: DefaultDirectRateLimiter,
}

/// The limiters.
#[derive(Debug)]
pub struct Rates([Limiters; Door::ALL.len()]);

impl Rates {
    /// `per_minute` of an address and of a person at each door, all of them at once if need be; ten times that of a
    /// tenant, a hundred times that of everybody.
    #[must_use]
    pub fn new(per_minute: NonZeroU32) -> Self {
        let times = |factor| per_minute.saturating_mul(NonZeroU32::new(factor).unwrap_or(NonZeroU32::MIN));
        Self(Door::ALL.map(|_| Limiters {
            addresses: RateLimiter::dashmap(Quota::per_minute(per_minute)),
            people: RateLimiter::dashmap(Quota::per_minute(per_minute)),
            tenants: RateLimiter::dashmap(Quota::per_minute(times(OF_TENANT))),
            machine: RateLimiter::direct(Quota::per_minute(times(OF_MACHINE))),
        }))
    }

    /// Counts one knock of somebody who is not known yet.
    ///
    /// # Errors
    /// How long to wait before the next one can succeed.
    pub fn knock(&self, door: Door, from: IpAddr) -> Result<(), Duration> {
        let Limiters { addresses, machine, .. } = self.of(door);
        let address = if addresses.len() < COUNTED { from.into() } else { Address::TooMany };
        let now = DefaultClock::default().now();
        addresses.check_key(&address).map_err(|refused| refused.wait_time_from(now))?;
        machine.check().map_err(|refused| refused.wait_time_from(now))
    }

    /// Counts one knock of somebody who is known: by address, and as a person and a tenant wherever they come from.
    ///
    /// # Errors
    /// How long to wait before the next one can succeed.
    pub fn knock_as(&self, door: Door, from: IpAddr, who: TenantCtx) -> Result<(), Duration> {
        let Limiters { people, tenants, .. } = self.of(door);
        let now = DefaultClock::default().now();
        if let Actor::User(person) | Actor::Staff(person) = who.actor {
            let person = (people.len() < COUNTED).then_some(person);
            people.check_key(&person).map_err(|refused| refused.wait_time_from(now))?;
        }
        let tenant = (tenants.len() < COUNTED).then_some(who.tenant);
        tenants.check_key(&tenant).map_err(|refused| refused.wait_time_from(now))?;
        self.knock(door, from)
    }

    /// Forgets those whose allowance is whole again.
    pub(super) fn sweep(&self) {
        for Limiters { addresses, people, tenants, .. } in &self.0 {
            addresses.retain_recent();
            addresses.shrink_to_fit();
            people.retain_recent();
            people.shrink_to_fit();
            tenants.retain_recent();
            tenants.shrink_to_fit();
        }
    }

    fn of(&self, door: Door) -> &Limiters {
        &self.0[door as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn rates(per_minute: u32) -> Rates {
        Rates::new(NonZeroU32::new(per_minute).expect("not zero"))
    }

    #[test]
    fn an_address_that_knocks_too_often_is_told_when_to_come_back() {
        let rates = rates(2);
        let knock = |from| rates.knock(Door::Offers, ip(from));
        assert_eq!((knock("192.0.2.1"), knock("192.0.2.1")), (Ok(()), Ok(())));
        let wait = knock("192.0.2.1").expect_err("the third within a moment");
        assert!(wait > Duration::from_secs(20) && wait <= Duration::from_secs(30), "{wait:?}");
        assert_eq!(knock("192.0.2.2"), Ok(()), "another address");
        assert_eq!(rates.knock(Door::SignIn, ip("192.0.2.1")), Ok(()), "another door");
    }

    #[test]
    fn a_person_and_a_tenant_are_counted_wherever_they_come_from() {
        let rates = rates(1);
        let tenant = TenantId::fresh();
        let mut addresses = (1..=255_u8).map(|last| IpAddr::from([192, 0, 2, last]));
        let mut knock = |person| {
            let who = TenantCtx { tenant, actor: Actor::User(person) };
            rates.knock_as(Door::Sessions, addresses.next().expect("another address"), who)
        };
        let busy = UserId::fresh();
        assert!(knock(busy).is_ok() && knock(busy).is_err(), "from another address as well");
        let let_in = (0..20).filter(|_| knock(UserId::fresh()).is_ok()).count();
        assert_eq!(let_in, 9, "the tenant has ten times what a person has");
    }

    #[test]
    fn all_together_are_counted() {
        let rates = rates(1);
        let let_in = (0..200_u8).filter(|last| rates.knock(Door::Offers, [192, 0, 2, *last].into()).is_ok()).count();
        assert_eq!(let_in, 100);
    }
}
