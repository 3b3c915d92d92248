//! The contract of what people may ask for, of retention, and of the audit, against any store.

use viva_proxy::identity::{Actor, Role, TenantCtx};
use viva_proxy::ids::{SessionId, UserId};
use viva_proxy::store::StoreError;
use viva_proxy::store::audit::{Action, ActorKind, AuditPage, Note};
use viva_proxy::store::people::{SetUp, SignIn};
use viva_proxy::store::rights::{Deletion, Erasure, Expired};

use super::contract_accounts::House;
use super::contract_people::ALL;
use super::fixture::{NOW, Pen, call, consent, ticket};

const DAY: i64 = 86_400_000;

pub(super) async fn a_consent_is_taken_back_by_whose_it_is(house: House) {
    let store = &house.store;
    let (user, ctx) = house.person().await;
    let session = house.session(ctx.tenant, user).await;
    assert_eq!(store.add_ticket(ctx, ticket(ctx.tenant, session), consent()).await, Ok(true));
    let (other, foreign) = house.person().await;
    for stranger in [foreign, TenantCtx { tenant: ctx.tenant, actor: Actor::User(other) }] {
        assert_eq!(store.withdraw_consent(stranger, session).await, Ok(false));
        assert_eq!(store.consents(stranger, session).await, Ok(Vec::new()));
    }
    assert!(store.consents(ctx, session).await.unwrap().iter().all(|given| given.withdrawn_at.is_none()));
    house.clock.advance(5);
    for _ in 0..2 {
        assert_eq!(store.withdraw_consent(ctx, session).await, Ok(true));
        house.clock.advance(5);
    }
    let consents = store.consents(ctx, session).await.unwrap();
    assert_eq!(consents.len(), 2);
    assert!(consents.iter().all(|given| given.withdrawn_at == Some(NOW + 5) && given.version == consent().version));
    assert_eq!(house.deeds(ctx.tenant).await, [Action::ConsentWithdrawn], "once");
}

pub(super) async fn a_deleted_interview_is_gone_with_all_that_hung_on_it(house: House) {
    let store = &house.store;
    let (user, ctx) = house.person().await;
    let (session, kept) = (house.session(ctx.tenant, user).await, house.session(ctx.tenant, user).await);
    let paid = ticket(ctx.tenant, session);
    assert_eq!(store.add_ticket(ctx, paid.clone(), consent()).await, Ok(true));
    let mut pen = Pen::new(session);
    store.commit(TenantCtx::service(ctx.tenant), pen.turns(3)).await.unwrap();
    store.start_call(ctx, call(session, 1)).await.unwrap();

    let (other, foreign) = house.person().await;
    for stranger in [
        foreign,
        TenantCtx { tenant: ctx.tenant, actor: Actor::User(other) },
        TenantCtx { tenant: ctx.tenant, actor: Actor::Ticket(kept) },
    ] {
        assert_eq!(store.delete_session(stranger, session).await, Ok(Deletion::Missing), "{stranger:?}");
    }
    assert_eq!(store.delete_session(ctx, session).await, Ok(Deletion::Done));
    assert_eq!(store.delete_session(ctx, session).await, Ok(Deletion::Missing));
    let service = TenantCtx::service(ctx.tenant);
    assert!(store.session(service, session).await.unwrap().is_none());
    assert!(store.transcript(service, session).await.unwrap().is_none());
    assert_eq!(store.journal(service, session, 0).await, Ok(Vec::new()));
    assert!(store.calls(service, session).await.unwrap().is_empty());
    assert_eq!(store.ticket(paid.hash).await, Ok(None));
    assert!(store.unfinished().await.unwrap().is_empty());
    // A journal that is not there is not written on from memory.
    assert_eq!(store.commit(service, pen.turns(1)).await, Err(StoreError::Missing));
    assert!(store.session(service, kept).await.unwrap().is_some());
    assert_eq!(house.deeds(ctx.tenant).await, [Action::SessionDeleted]);
}

pub(super) async fn a_legal_hold_keeps_everything(house: House) {
    let store = &house.store;
    let (tenant, admin) = house.organisation().await;
    let member = house.member(tenant, Role::Member).await;
    let session = house.session(tenant, member).await;
    let ctx = TenantCtx { tenant, actor: Actor::Staff(admin) };
    let kept = |days, hold| SetUp { retention_days: Some(days), legal_hold: Some(hold), ..SetUp::default() };
    store.set_up(ctx, kept(0, false)).await.expect_err("an organisation keeps nothing for ever");
    let held = store.set_up(ctx, kept(1, true)).await.unwrap().unwrap();
    assert_eq!((held.retention_days, held.legal_hold), (1, true));
    let own = TenantCtx { tenant, actor: Actor::User(member) };
    assert_eq!(store.delete_session(own, session).await, Ok(Deletion::Held));
    assert_eq!(store.erase(member).await, Ok(Erasure::Held));
    house.clock.advance(30 * DAY);
    assert_eq!(store.expire(100).await.unwrap().sessions, 0);
    assert!(store.session(ctx, session).await.unwrap().is_some());

    let page = AuditPage { limit: 1, before: None };
    let row = store.audit(ctx, page).await.unwrap().remove(0);
    assert_eq!((row.action, row.detail.as_deref()), (Action::RetentionChanged, Some("legal_hold")));
    store.set_up(ctx, kept(1, false)).await.unwrap();
    assert_eq!(store.delete_session(own, session).await, Ok(Deletion::Done));
    let (_, personal) = house.person().await;
    assert_eq!(store.set_up(personal, kept(0, false)).await.unwrap().unwrap().retention_days, 0, "a person may");
}

pub(super) async fn what_is_stored_of_a_person_is_told_and_erased(house: House) {
    let store = &house.store;
    let (tenant, admin) = house.organisation().await;
    let (user, own) = house.person().await;
    let grant = |user| viva_proxy::store::people::Grant {
        user,
        role: Role::Member,
        default: viva_proxy::store::people::DefaultTenant::Stays,
    };
    store.grant(TenantCtx::service(tenant), grant(user)).await.unwrap();
    let (at_home, at_work) = (house.session(own.tenant, user).await, house.session(tenant, user).await);
    let others = house.session(tenant, admin).await;
    let sign_in = SignIn { hash: [7; 32], user, since: NOW, expires_at: NOW + DAY };
    store.sign_in(sign_in).await.unwrap();
    let mut held = store.holdings(user).await.unwrap().unwrap();
    held.interviews.sort();
    let mut interviews = [(own.tenant, at_home), (tenant, at_work)];
    interviews.sort();
    assert_eq!(held.interviews, interviews);
    assert_eq!((held.user.id, held.created_at, held.sign_ins), (user, NOW, vec![(NOW, NOW + DAY)]));
    assert_eq!(held.memberships.iter().map(|place| place.tenant).collect::<Vec<_>>(), [own.tenant, tenant]);
    assert!(store.holdings(UserId::fresh()).await.unwrap().is_none());

    assert_eq!(store.erase(admin).await, Ok(Erasure::LastAdmin));
    assert_eq!(store.erase(UserId::fresh()).await, Ok(Erasure::Missing));
    assert_eq!(store.erase(user).await, Ok(Erasure::Done));
    assert_eq!(store.erase(user).await, Ok(Erasure::Missing));
    assert!(store.standing(user).await.unwrap().is_none());
    assert!(store.tenant(own.tenant).await.unwrap().is_none());
    assert_eq!(store.signed_in([7; 32], NOW).await, Ok(None));
    let left: Vec<SessionId> = store
        .sessions(TenantCtx::service(tenant), ALL)
        .await
        .unwrap()
        .into_iter()
        .map(|session| session.new.id)
        .collect();
    assert_eq!(left, [others]);
    for place in [own.tenant, tenant] {
        assert_eq!(house.deeds(place).await.last(), Some(&Action::PersonErased), "what stays says that it was done");
    }
}

pub(super) async fn what_is_older_than_it_is_kept_goes(house: House) {
    let store = &house.store;
    let (user, ctx) = house.person().await;
    let (forever, for_ever) = house.person().await;
    for (whose, days) in [(ctx, 10), (for_ever, 0)] {
        store.set_up(whose, SetUp { retention_days: Some(days), ..SetUp::default() }).await.unwrap();
    }
    let (first, second) = (house.session(ctx.tenant, user).await, house.session(ctx.tenant, user).await);
    let stays = house.session(for_ever.tenant, forever).await;
    store.sign_in(SignIn { hash: [1; 32], user, since: NOW, expires_at: NOW + DAY }).await.unwrap();
    assert_eq!(store.expire(100).await, Ok(Expired::default()), "nothing is old");
    house.clock.advance(10 * DAY + 1);
    let gone = store.expire(1).await.unwrap();
    assert_eq!((gone.sessions, gone.sign_ins), (1, 1), "at most so many at once");
    assert_eq!(store.expire(100).await.unwrap().sessions, 1);
    for session in [first, second] {
        assert!(store.session(ctx, session).await.unwrap().is_none());
    }
    assert!(store.session(for_ever, stays).await.unwrap().is_some());
    let deeds = [Action::RetentionChanged, Action::RetentionApplied, Action::RetentionApplied];
    assert_eq!(house.deeds(ctx.tenant).await, deeds);
}

pub(super) async fn the_audit_is_added_to_and_read_in_parts(house: House) {
    let store = &house.store;
    let (user, ctx) = house.person().await;
    let session = SessionId::fresh();
    let holder = TenantCtx { tenant: ctx.tenant, actor: Actor::Ticket(session) };
    for by in [ctx, holder, TenantCtx::service(ctx.tenant)] {
        store.note(by, Note::of(Action::SessionEnded, session.0).with("forced")).await.unwrap();
    }
    let rows = store.audit(ctx, AuditPage { limit: 100, before: None }).await.unwrap();
    let actors: Vec<_> = rows.iter().map(|row| (row.actor, row.actor_id)).collect();
    let wanted = [(ActorKind::Service, None), (ActorKind::Ticket, Some(session.0)), (ActorKind::Person, Some(user.0))];
    assert_eq!(actors, wanted, "newest first");
    for row in &rows {
        assert_eq!((row.at, row.action, row.object), (NOW, Action::SessionEnded, Some(session.0)));
        assert_eq!(row.detail.as_deref(), Some("forced"));
    }
    let part = store.audit(ctx, AuditPage { limit: 1, before: Some(rows[0].n) }).await.unwrap();
    assert_eq!(part, rows[1..2]);
    let (_, foreign) = house.person().await;
    assert_eq!(store.audit(foreign, AuditPage { limit: 9, before: None }).await, Ok(Vec::new()));
}
