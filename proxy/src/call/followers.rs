//! Who follows interviews while they are written down. Readers elsewhere look at the store; this wakes those of this
//! process when it has written, and bounds how many there are. It must not know what they read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use tokio::sync::watch;
use uuid::Uuid;

use crate::identity::{Actor, TenantCtx};
use crate::ids::{SessionId, TenantId};

/// At once: of a person (or of the tickets of one session), of a tenant, of this process. Full: whoever comes is told to
/// try later.
const MOST_OF_PERSON: usize = 6;
const MOST_OF_TENANT: usize = 64;
const MOST: usize = 512;

/// All of them. Cheap to clone.
#[derive(Clone, Default)]
pub struct Followers(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Sessions that somebody follows.
    sessions: DashMap<SessionId, watch::Sender<()>>,
    present: Mutex<HashMap<Whose, usize>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Whose {
    Everybody,
    Tenant(TenantId),
    Person(Uuid),
}

impl Whose {
    fn most(self) -> usize {
        match self {
            Self::Everybody => MOST,
            Self::Tenant(_) => MOST_OF_TENANT,
            Self::Person(_) => MOST_OF_PERSON,
        }
    }
}

impl Followers {
    /// Lets one in, or nobody.
    #[must_use]
    pub fn follow(&self, session: SessionId, who: TenantCtx) -> Option<Following> {
        let person = match who.actor {
            Actor::User(user) | Actor::Staff(user) => Some(user.0),
            Actor::Ticket(session) => Some(session.0),
            Actor::Service => None,
        };
        let places = [Some(Whose::Everybody), Some(Whose::Tenant(who.tenant)), person.map(Whose::Person)];
        let mut present = self.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |whose: &Whose| present.get(whose).is_some_and(|count| *count >= whose.most());
        if places.iter().flatten().any(is_full) {
            return None;
        }
        for whose in places.iter().flatten() {
            *present.entry(*whose).or_default() += 1;
        }
        drop(present);
        let news = self.0.sessions.entry(session).or_default().subscribe();
        Some(Following { followers: self.clone(), session, places, news })
    }

    /// The journal of a session has become longer.
    pub(super) fn grew(&self, session: SessionId) {
        if let Some(following) = self.0.sessions.get(&session) {
            following.send_replace(());
        }
    }
}

/// One that follows, until it is dropped.
pub struct Following {
    followers: Followers,
    session: SessionId,
    places: [Option<Whose>; 3],
    news: watch::Receiver<()>,
}

impl Following {
    /// Returns when this process has written since it was asked last. Safe to drop at any await.
    pub async fn grown(&mut self) {
        if self.news.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // Its own receiver is still one of them.
        self.followers.0.sessions.remove_if(&self.session, |_, news| news.receiver_count() <= 1);
        let mut present = self.followers.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        for whose in self.places.iter().flatten() {
            if let Some(count) = present.get_mut(whose) {
                *count -= 1;
                if *count == 0 {
                    present.remove(whose);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::ids::UserId;

    #[tokio::test]
    async fn whoever_follows_is_woken_once_for_what_was_written_meanwhile() {
        let followers = Followers::default();
        let (session, who) = (SessionId::fresh(), TenantCtx::service(TenantId::fresh()));
        let mut following = followers.follow(session, who).expect("room");
        assert!(following.grown().now_or_never().is_none());
        followers.grew(SessionId::fresh());
        assert!(following.grown().now_or_never().is_none(), "another one");
        followers.grew(session);
        followers.grew(session);
        assert!(following.grown().now_or_never().is_some());
        assert!(following.grown().now_or_never().is_none());
    }

    #[test]
    fn a_person_and_a_tenant_have_their_share_and_nobody_is_remembered_who_left() {
        let followers = Followers::default();
        let (session, tenant) = (SessionId::fresh(), TenantId::fresh());
        let who = |user| TenantCtx { tenant, actor: Actor::Staff(user) };
        let one = UserId::fresh();
        let mut present: Vec<_> = (0..MOST_OF_PERSON).map(|_| followers.follow(session, who(one))).collect();
        assert!(present.iter().all(Option::is_some) && followers.follow(session, who(one)).is_none());
        let others = (MOST_OF_PERSON..MOST_OF_TENANT).map(|_| followers.follow(session, who(UserId::fresh())));
        present.extend(others);
        assert!(present.iter().all(Option::is_some) && followers.follow(session, who(UserId::fresh())).is_none());
        let elsewhere = followers.follow(session, TenantCtx::service(TenantId::fresh()));
        assert!(elsewhere.is_some(), "another tenant");
        drop((present, elsewhere));
        assert!(followers.0.sessions.is_empty());
        assert!(followers.0.present.lock().expect("nobody panicked").is_empty());
    }
}
