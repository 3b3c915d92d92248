//! A caller as far as counting goes. An IPv6 customer has a whole /64, so that is what counts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address, or the network it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_ipv6_network_is_one_caller() {
        assert_eq!(Address::from(ip("2001:db8:1:2::1")), Address::from(ip("2001:db8:1:2:ffff::9")));
        assert_ne!(Address::from(ip("2001:db8:1:2::1")), Address::from(ip("2001:db8:1:3::1")));
        assert_eq!(Address::from(ip("::ffff:192.0.2.1")), Address::from(ip("192.0.2.1")));
    }
}
