//! How often one address may knock. One limiter a meaning, so that a busy list does not keep a candidate from starting.
//! Only doors that cost something are limited: sign-in, new sessions, offers, keys to ask about.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Addresses counted apart. Beyond this many strangers share one allowance, which bounds memory and keeps callers who
/// are known already unaffected.
const ADDRESSES: usize = 65_536;

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
}

/// A caller as far as rates are concerned. An IPv6 customer has a whole /64, so that is what counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Address {
    V4(Ipv4Addr),
    V6Network(u64),
    TooMany,
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => Self::V6Network(network(v6)),
        }
    }
}

/// The upper half of an address.
fn network(v6: Ipv6Addr) -> u64 {
    u64::try_from(v6.to_bits() >> 64).expect("64 bits remain")
}

/// The limiters.
#[derive(Debug)]
pub struct Rates {
    sign_in: DefaultKeyedRateLimiter<Address>,
    sessions: DefaultKeyedRateLimiter<Address>,
    offers: DefaultKeyedRateLimiter<Address>,
    keys: DefaultKeyedRateLimiter<Address>,
}

impl Rates {
    /// `per_minute` at each door, all of them at once if need be.
    #[must_use]
    pub fn new(per_minute: NonZeroU32) -> Self {
        let limiter = || RateLimiter::dashmap(Quota::per_minute(per_minute));
        Self { sign_in: limiter(), sessions: limiter(), offers: limiter(), keys: limiter() }
    }

    /// Counts one knock.
    ///
    /// # Errors
    /// How long to wait before the next one can succeed.
    pub fn knock(&self, door: Door, from: IpAddr) -> Result<(), Duration> {
        let limiter = self.limiter(door);
        let address = if limiter.len() < ADDRESSES { from.into() } else { Address::TooMany };
        limiter.check_key(&address).map_err(|refused| refused.wait_time_from(DefaultClock::default().now()))
    }

    /// Forgets addresses whose allowance is whole again.
    pub(super) fn sweep(&self) {
        for door in [Door::SignIn, Door::Sessions, Door::Offers, Door::Keys] {
            self.limiter(door).retain_recent();
            self.limiter(door).shrink_to_fit();
        }
    }

    fn limiter(&self, door: Door) -> &DefaultKeyedRateLimiter<Address> {
        match door {
            Door::SignIn => &self.sign_in,
            Door::Sessions => &self.sessions,
            Door::Offers => &self.offers,
            Door::Keys => &self.keys,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_that_knocks_too_often_is_told_when_to_come_back() {
        let rates = Rates::new(NonZeroU32::new(2).expect("not zero"));
        let knock = |from| rates.knock(Door::Offers, ip(from));
        assert_eq!((knock("192.0.2.1"), knock("192.0.2.1")), (Ok(()), Ok(())));
        let wait = knock("192.0.2.1").expect_err("the third within a moment");
        assert!(wait > Duration::from_secs(20) && wait <= Duration::from_secs(30), "{wait:?}");
        assert_eq!(knock("192.0.2.2"), Ok(()), "another address");
        assert_eq!(rates.knock(Door::SignIn, ip("192.0.2.1")), Ok(()), "another door");
    }

    #[test]
    fn an_ipv6_network_is_one_caller() {
        assert_eq!(Address::from(ip("2001:db8:1:2::1")), Address::from(ip("2001:db8:1:2:ffff::9")));
        assert_ne!(Address::from(ip("2001:db8:1:2::1")), Address::from(ip("2001:db8:1:3::1")));
        assert_eq!(Address::from(ip("::ffff:192.0.2.1")), Address::from(ip("192.0.2.1")));
    }
}
