//! How many of one address may be in at the same time. Whoever counts bounds the whole as well: this only keeps one
//! address from taking all of it.

use std::net::IpAddr;
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::address::Address;

/// The count. Cheap to clone.
#[derive(Clone)]
pub struct Crowd(Arc<Inner>);

struct Inner {
    most: usize,
    /// Only addresses that are in; so it is no larger than the whole that its user bounds.
    present: DashMap<Address, usize>,
}

impl Crowd {
    /// At most so many of each address.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Inner { most, present: DashMap::new() }))
    }

    /// Lets one in, or changes nothing.
    #[must_use]
    pub fn enter(&self, from: IpAddr) -> Option<Presence> {
        let address = from.into();
        match self.0.present.entry(address) {
            Entry::Occupied(present) if *present.get() >= self.0.most => None,
            Entry::Occupied(mut present) => {
                *present.get_mut() += 1;
                Some(Presence { crowd: self.clone(), address })
            }
            Entry::Vacant(_) if self.0.most == 0 => None,
            Entry::Vacant(first) => {
                first.insert(1);
                Some(Presence { crowd: self.clone(), address })
            }
        }
    }
}

/// One that is in, until it is dropped.
pub struct Presence {
    crowd: Crowd,
    address: Address,
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Entry::Occupied(mut present) = self.crowd.0.present.entry(self.address) {
            *present.get_mut() -= 1;
            if *present.get() == 0 {
                present.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_has_its_share_waits_until_one_leaves_and_others_do_not() {
        let crowd = Crowd::new(2);
        let (one, other): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let first = crowd.enter(one).expect("room");
        let second = crowd.enter(one).expect("room");
        assert!(crowd.enter(one).is_none() && crowd.enter(other).is_some());
        drop(first);
        let third = crowd.enter(one).expect("room again");
        drop((second, third));
        assert!(crowd.0.present.is_empty(), "nobody is remembered who left");
    }
}
