//! The contract of the rows around people: sessions and tickets, against any store.

use std::sync::Arc;

use viva_proxy::identity::{Actor, TenantCtx, Ticket};
use viva_proxy::ids::SessionId;
use viva_proxy::store::{Page, SessionStatus, StoreError, WebrtcStatus, Which};

use super::fixture::{Ground, Person, consent, new_session, ticket};

/// As much of a list as there can be.
pub(super) const ALL: Page = Page { limit: 100, before: None, which: Which::All };

pub(super) async fn a_session_comes_with_its_ticket_or_not_at_all(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let new = new_session(person.user);
    let first = ticket(person.tenant, new.id);
    let made = store.create_session(person.ctx, new.clone(), first.clone(), consent()).await.unwrap();
    assert_eq!(
        (made.status, made.webrtc_status, made.projected_n),
        (SessionStatus::Scheduled, WebrtcStatus::Pending, 0)
    );
    assert_eq!(store.ticket(first.hash).await.unwrap(), Some(first.clone()));
    let read = store.session(person.ctx, new.id).await.unwrap().unwrap();
    assert_eq!(format!("{read:?}"), format!("{made:?}"));
    assert_eq!(read.new.stage_plan, new.stage_plan);

    // The second one's ticket is taken: its session must not be there either.
    let second = new_session(person.user);
    let taken = Ticket { session: second.id, ..first };
    assert_eq!(
        store.create_session(person.ctx, second.clone(), taken, consent()).await.unwrap_err(),
        StoreError::Conflict
    );
    assert!(store.session(person.ctx, second.id).await.unwrap().is_none());
    let again = ticket(person.tenant, new.id);
    assert_eq!(
        store.create_session(person.ctx, new, again.clone(), consent()).await.unwrap_err(),
        StoreError::Conflict
    );
    assert!(store.ticket(again.hash).await.unwrap().is_none());
}

pub(super) async fn tickets_are_added_to_own_sessions_only(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let more = ticket(person.tenant, session);
    assert_eq!(store.add_ticket(person.ctx, more.clone(), consent()).await, Ok(true));
    assert_eq!(store.ticket(more.hash).await.unwrap(), Some(more.clone()));
    assert_eq!(store.add_ticket(person.ctx, more, consent()).await, Err(StoreError::Conflict));

    let other = Person::sign_in(&store).await;
    let stranger_in_tenant = TenantCtx { tenant: person.tenant, actor: Actor::User(other.user) };
    for (ctx, tenant) in [(other.ctx, other.tenant), (other.ctx, person.tenant), (stranger_in_tenant, person.tenant)] {
        let stolen = ticket(tenant, session);
        assert_eq!(store.add_ticket(ctx, stolen.clone(), consent()).await, Ok(false));
        assert!(store.ticket(stolen.hash).await.unwrap().is_none());
    }
    assert_eq!(store.add_ticket(person.ctx, ticket(person.tenant, SessionId::fresh()), consent()).await, Ok(false));
}

pub(super) async fn tickets_that_are_taken_back_are_not_found(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let more = ticket(person.tenant, session);
    assert_eq!(store.add_ticket(person.ctx, more.clone(), consent()).await, Ok(true));
    let other = Person::sign_in(&store).await;
    assert_eq!(store.revoke_tickets(other.ctx, session).await, Ok(false));
    assert_eq!(store.ticket(more.hash).await.unwrap(), Some(more.clone()));
    for _ in 0..2 {
        assert_eq!(store.revoke_tickets(person.ctx, session).await, Ok(true));
        assert_eq!(store.ticket(more.hash).await, Ok(None));
    }
    let fresh = ticket(person.tenant, session);
    assert_eq!(store.add_ticket(person.ctx, fresh.clone(), consent()).await, Ok(true));
    assert_eq!(store.ticket(fresh.hash).await.unwrap(), Some(fresh), "a later one is good");
}

pub(super) async fn sessions_are_created_by_and_for_known_people(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let other = Person::sign_in(&store).await;
    let own = person.session().await;
    for (ctx, user) in [
        (person.ctx, other.user),
        (person.holder(own), person.user),
        (person.service(), other.user),
        (other.ctx, person.user),
    ] {
        let new = new_session(user);
        let paid = ticket(ctx.tenant, new.id);
        assert_eq!(store.create_session(ctx, new, paid, consent()).await.unwrap_err(), StoreError::Missing, "{ctx:?}");
    }
}

pub(super) async fn lists_are_the_actors_own_newest_first(store: Arc<dyn Ground>) {
    let (person, other) = (Person::sign_in(&store).await, Person::sign_in(&store).await);
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(person.session().await);
        other.session().await;
    }
    made.reverse();
    let list = async |ctx, page| {
        store.sessions(ctx, page).await.unwrap().into_iter().map(|session| session.new.id).collect::<Vec<_>>()
    };
    assert_eq!(list(person.ctx, ALL).await, made);
    assert_eq!(list(person.service(), ALL).await, made);
    assert_eq!(list(person.ctx, Page { limit: 2, ..ALL }).await, made[..2]);
    assert_eq!(list(person.ctx, Page { limit: 2, before: Some(made[1]), ..ALL }).await, made[2..4]);
    assert_eq!(list(person.holder(made[3]), ALL).await, [made[3]]);
    let stranger = TenantCtx { tenant: person.tenant, actor: Actor::User(other.user) };
    assert_eq!(list(stranger, ALL).await, []);
}

pub(super) async fn staff_see_what_is_the_tenants_and_change_nothing_by_seeing(store: Arc<dyn Ground>) {
    let (person, other) = (Person::sign_in(&store).await, Person::sign_in(&store).await);
    let (session, foreign) = (person.session().await, other.session().await);
    let staff = TenantCtx { tenant: person.tenant, actor: Actor::Staff(other.user) };
    assert_eq!(store.session(staff, session).await.unwrap().unwrap().new.id, session);
    let list: Vec<_> = store.sessions(staff, ALL).await.unwrap().into_iter().map(|session| session.new.id).collect();
    assert_eq!(list, [session]);
    assert!(store.session(staff, foreign).await.unwrap().is_none(), "another tenant's");
    assert!(store.transcript(staff, session).await.unwrap().is_some());
    // To make one for somebody else is not to see it.
    let new = new_session(person.user);
    let paid = ticket(person.tenant, new.id);
    assert_eq!(store.create_session(staff, new, paid, consent()).await.unwrap_err(), StoreError::Missing);
}
