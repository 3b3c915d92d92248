//! The contract of invitations, against any store.

use std::sync::Arc;

use viva_proxy::identity::{Actor, Role, TenantCtx};
use viva_proxy::ids::{InvitationId, SessionId, TenantId, UserId};
use viva_proxy::store::StoreError;
use viva_proxy::store::audit::Action;
use viva_proxy::store::invitations::{
    Acceptance, Claim, Claimed, INVITATION_ISSUER, InvitationPage, NewInvitation, Settled, Status,
};

use super::contract_accounts::House;
use super::fixture::{NOW, consent, new_session, ticket};

const ALL: InvitationPage = InvitationPage { limit: 100, before: None };

fn invitation(created_by: UserId, token: u8) -> NewInvitation {
    NewInvitation {
        id: InvitationId::fresh(),
        token: [token; 32],
        email: Some("robin@example.org".into()),
        contact: Some("Sam, +49 30 1234".into()),
        request: new_session(UserId(uuid::Uuid::nil())),
        expires_at: NOW + 60_000,
        created_by,
        created_at: NOW,
    }
}

fn acceptance(tenant: TenantId, session: SessionId) -> Box<Acceptance> {
    let user = UserId::fresh();
    let mut new = new_session(user);
    new.id = session;
    Box::new(Acceptance {
        user,
        name: "Robin".into(),
        session: new,
        ticket: ticket(tenant, session),
        consent: consent(),
        sign_in: rand::random(),
        signed_in_until: NOW + 3_600_000,
    })
}

/// An organisation, an admin of it who acts, and an open invitation with its token.
async fn invited(house: &House) -> (TenantCtx, NewInvitation) {
    let (tenant, admin) = house.organisation().await;
    let ctx = TenantCtx { tenant, actor: Actor::Staff(admin) };
    let new = invitation(admin, rand::random());
    house.store.invite(ctx, new.clone()).await.unwrap();
    (ctx, new)
}

pub(super) async fn an_invitation_becomes_a_session_once(house: House) {
    let store = &house.store;
    let (ctx, new) = invited(&house).await;
    let found = store.invited(new.token).await.unwrap().unwrap();
    assert_eq!((found.retention_days, found.invitation.status), (180, Status::Pending));
    assert_eq!(found.organisation, store.tenant(ctx.tenant).await.unwrap().unwrap().name);
    assert_eq!(format!("{:?}", found.invitation.request.unwrap()), format!("{:?}", new.request));
    assert!(store.invited([0; 32]).await.unwrap().is_none());

    let tries = (0..4).map(|_| {
        let (store, coming) = (Arc::clone(store), acceptance(ctx.tenant, new.request.id));
        tokio::spawn(async move { (coming.clone(), store.accept(new.token, coming).await.unwrap()) })
    });
    let mut accepted = Vec::new();
    for attempt in tries.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            (coming, Settled::Done) => accepted.push(coming),
            (_, settled) => assert_eq!(settled, Settled::Gone),
        }
    }
    let [won] = <[_; 1]>::try_from(accepted).unwrap_or_else(|all| panic!("{} accepted", all.len()));
    let standing = store.standing(won.user).await.unwrap().unwrap();
    assert_eq!((standing.user.issuer.as_str(), standing.user.name.as_str()), (INVITATION_ISSUER, "Robin"));
    assert_eq!(standing.user.email, None, "nobody vouched for the address");
    let place = &standing.memberships[..];
    assert!(matches!(place, [place] if place.tenant == ctx.tenant && place.role == Role::Candidate), "{place:?}");
    assert_eq!(standing.default_tenant, Some(ctx.tenant));
    let candidate = TenantCtx { tenant: ctx.tenant, actor: Actor::User(won.user) };
    assert!(store.session(candidate, new.request.id).await.unwrap().is_some());
    assert_eq!(store.ticket(won.ticket.hash).await.unwrap(), Some(won.ticket.clone()));
    assert_eq!(store.consents(candidate, new.request.id).await.unwrap().len(), 1);
    assert_eq!(store.signed_in(won.sign_in, NOW).await.unwrap().unwrap().user, won.user);
    let now = store.invited(new.token).await.unwrap().unwrap().invitation;
    assert_eq!((now.status, now.accepted_by, now.settled_at), (Status::Accepted, Some(won.user), Some(NOW)));
    let deeds = [Action::MemberGranted, Action::InvitationMade, Action::InvitationAccepted];
    assert_eq!(house.deeds(ctx.tenant).await, deeds);
}

pub(super) async fn what_an_invitation_says_of_a_person_goes_when_it_is_settled(house: House) {
    let store = &house.store;
    let (tenant, admin) = house.organisation().await;
    let ctx = TenantCtx { tenant, actor: Actor::Staff(admin) };
    let (declined, revoked, late) = (invitation(admin, 1), invitation(admin, 2), invitation(admin, 3));
    for new in [&declined, &revoked, &late] {
        store.invite(ctx, new.clone()).await.unwrap();
    }
    assert_eq!(store.decline(declined.token).await, Ok(Settled::Done));
    assert_eq!(store.decline(declined.token).await, Ok(Settled::Gone));
    assert_eq!(store.decline([0; 32]).await, Ok(Settled::Missing));
    for _ in 0..2 {
        assert_eq!(store.revoke(ctx, revoked.id).await, Ok(Settled::Done), "taken back twice is taken back");
    }
    assert_eq!(store.revoke(ctx, declined.id).await, Ok(Settled::Gone));
    for (new, status) in [(&declined, Status::Declined), (&revoked, Status::Revoked)] {
        let now = store.invited(new.token).await.unwrap().unwrap().invitation;
        assert_eq!((now.status, now.email, now.request.is_none()), (status, None, true));
        assert_eq!(store.accept(new.token, acceptance(tenant, new.request.id)).await, Ok(Settled::Gone));
    }

    house.clock.advance(60_000);
    assert_eq!(store.accept(late.token, acceptance(tenant, late.request.id)).await, Ok(Settled::Gone));
    assert_eq!(store.decline(late.token).await, Ok(Settled::Gone));
    let expired = store.invited(late.token).await.unwrap().unwrap().invitation;
    assert!(expired.status == Status::Pending && expired.email.is_some(), "that it expired is derived");
    assert_eq!(store.expire(10).await.unwrap().invitations, 1);
    let emptied = store.invited(late.token).await.unwrap().unwrap().invitation;
    assert!(emptied.status == Status::Pending && emptied.email.is_none() && emptied.request.is_none());
    let deeds = [Action::InvitationDeclined, Action::InvitationRevoked];
    assert_eq!(house.deeds(tenant).await[4..], deeds);
}

pub(super) async fn an_invitation_is_its_organisations(house: House) {
    let store = &house.store;
    let (ctx, first) = invited(&house).await;
    let Actor::Staff(admin) = ctx.actor else { panic!("an admin") };
    let second = invitation(admin, 9);
    store.invite(ctx, second.clone()).await.unwrap();
    let list = async |ctx, page| {
        store.invitations(ctx, page).await.unwrap().into_iter().map(|found| found.id).collect::<Vec<_>>()
    };
    assert_eq!(list(ctx, ALL).await, [second.id, first.id]);
    assert_eq!(list(ctx, InvitationPage { limit: 1, before: None }).await, [second.id]);
    assert_eq!(list(ctx, InvitationPage { limit: 5, before: Some(second.id) }).await, [first.id]);

    let (other, _) = house.organisation().await;
    assert_eq!(list(TenantCtx::service(other), ALL).await, []);
    assert_eq!(store.revoke(TenantCtx::service(other), first.id).await, Ok(Settled::Missing));
    // The same link twice, somebody's own tenant, a ticket.
    let again = NewInvitation { token: first.token, ..invitation(admin, 0) };
    assert_eq!(store.invite(ctx, again).await.err(), Some(StoreError::Conflict));
    let (user, own) = house.person().await;
    assert_eq!(store.invite(own, invitation(user, 7)).await.err(), Some(StoreError::Missing));
    let holder = TenantCtx { tenant: ctx.tenant, actor: Actor::Ticket(SessionId::fresh()) };
    assert_eq!(store.invite(holder, invitation(admin, 8)).await.err(), Some(StoreError::Missing));
}

pub(super) async fn an_acceptance_that_fails_leaves_the_invitation_open(house: House) {
    let store = &house.store;
    let (ctx, new) = invited(&house).await;
    let (elsewhere, _) = house.organisation().await;
    let good = acceptance(ctx.tenant, new.request.id);
    let foreign = Acceptance { ticket: ticket(elsewhere, new.request.id), ..(*good).clone() };
    let of_another = Acceptance { user: UserId::fresh(), ..(*good).clone() };
    let taken = Acceptance { ticket: ticket(ctx.tenant, SessionId::fresh()), ..(*good).clone() };
    for wrong in [foreign, of_another, taken] {
        let user = wrong.user;
        assert_eq!(store.accept(new.token, Box::new(wrong)).await, Err(StoreError::Missing));
        assert!(store.standing(user).await.unwrap().is_none());
    }
    // The session's id is taken: nothing of it stays.
    house.session(ctx.tenant, house.member(ctx.tenant, Role::Member).await).await;
    let session = house.session(ctx.tenant, house.member(ctx.tenant, Role::Member).await).await;
    let mut clash = acceptance(ctx.tenant, session);
    clash.session.id = session;
    assert_eq!(store.accept(new.token, clash.clone()).await, Err(StoreError::Conflict));
    assert!(store.standing(clash.user).await.unwrap().is_none());
    assert!(store.signed_in(clash.sign_in, NOW).await.unwrap().is_none());
    assert_eq!(store.accept([0; 32], good.clone()).await, Ok(Settled::Missing));
    assert_eq!(store.accept(new.token, good).await, Ok(Settled::Done));
}

pub(super) async fn a_candidates_interview_is_claimed_once(house: House) {
    let store = &house.store;
    let (ctx, new) = invited(&house).await;
    let coming = acceptance(ctx.tenant, new.request.id);
    let candidate = coming.user;
    assert_eq!(store.accept(new.token, coming).await, Ok(Settled::Done));
    let (claimant, _own) = house.person().await;
    let claim = Claim { tenant: ctx.tenant, session: new.request.id, candidate, claimant };
    let (other, _own) = house.person().await;
    for (wrong, outcome) in [
        (Claim { session: SessionId::fresh(), ..claim }, Claimed::Missing),
        (Claim { tenant: TenantId::fresh(), ..claim }, Claimed::Missing),
        (Claim { claimant: UserId::fresh(), ..claim }, Claimed::Missing),
        (Claim { candidate: other, ..claim }, Claimed::Taken),
        (Claim { claimant: candidate, ..claim }, Claimed::Taken),
    ] {
        assert_eq!(store.claim(wrong).await, Ok(outcome), "{wrong:?}");
    }
    let both = tokio::join!(store.claim(claim), store.claim(Claim { claimant: other, ..claim }));
    let winner = match (both.0.unwrap(), both.1.unwrap()) {
        (Claimed::Done, Claimed::Taken) => claimant,
        (Claimed::Taken, Claimed::Done) => other,
        neither => panic!("{neither:?}"),
    };
    let actor = TenantCtx { tenant: ctx.tenant, actor: Actor::User(winner) };
    assert!(store.session(actor, new.request.id).await.unwrap().is_some());
    let standing = store.standing(winner).await.unwrap().unwrap();
    assert!(standing.memberships.iter().any(|place| place.tenant == ctx.tenant && place.role == Role::Candidate));
    assert!(store.standing(candidate).await.unwrap().is_none());
    assert_eq!(store.invited(new.token).await.unwrap().unwrap().invitation.accepted_by, Some(winner));
    assert_eq!(house.deeds(ctx.tenant).await.last(), Some(&Action::SessionClaimed));
}
