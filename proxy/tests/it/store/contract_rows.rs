//! The contract of the rows around the journal: people, tickets, sessions and calls, against any store.

use std::sync::Arc;

use viva_proxy::identity::{Actor, TenantCtx, TicketHash};
use viva_proxy::ids::{CallId, ProviderCallId, SessionId};
use viva_proxy::store::{CallStart, Page, SessionFailure, SessionStatus, Store, StoreError, WebrtcStatus};
use viva_proxy::transcript::{CallEvent, Entry, HangUp, StageReason};

use super::fixture::{NOW, Pen, Person, call, consent, new_session, sign_in, stage, ticket};

const ALL: Page = Page { limit: 100, before: None };

pub(super) async fn a_sign_in_is_found_until_it_expires(store: Arc<dyn Store>) {
    let person = Person::sign_in(&store).await;
    let auth = sign_in(person.user, person.tenant, [7; 32]);
    store.sign_in(auth.clone()).await.unwrap();
    let found = store.auth_session([7; 32], NOW).await.unwrap().unwrap();
    assert_eq!((found.user, found.tenant, found.name.as_str(), found.issuer.as_str()), (person.user, person.tenant, "Guest", "guest"));
    assert!(store.auth_session([7; 32], auth.expires_at).await.unwrap().is_none());
    assert!(store.auth_session([8; 32], NOW).await.unwrap().is_none());

    let longer = NOW + 900_000;
    store.sign_in(viva_proxy::store::AuthSession { expires_at: longer, ..auth }).await.unwrap();
    assert_eq!(store.auth_session([7; 32], NOW + 60_000).await.unwrap().unwrap().expires_at, longer);
    // Somebody else's cookie value is not taken over.
    let other = Person::sign_in(&store).await;
    assert_eq!(store.sign_in(sign_in(other.user, other.tenant, [7; 32])).await, Err(StoreError::Conflict));
    assert_eq!(store.auth_session([7; 32], NOW).await.unwrap().unwrap().user, person.user);
}

pub(super) async fn a_session_comes_with_its_ticket_or_not_at_all(store: Arc<dyn Store>) {
    let person = Person::sign_in(&store).await;
    let new = new_session(person.user);
    let first = ticket(person.tenant, new.id);
    let made = store.create_session(person.ctx, new.clone(), first.clone(), consent()).await.unwrap();
    assert_eq!((made.status, made.webrtc_status, made.projected_n), (SessionStatus::Scheduled, WebrtcStatus::Pending, 0));
    assert_eq!(store.ticket(first.hash).await.unwrap(), Some(first.clone()));
    let read = store.session(person.ctx, new.id).await.unwrap().unwrap();
    assert_eq!(format!("{read:?}"), format!("{made:?}"));
    assert_eq!(read.new.stage_plan, new.stage_plan);

    // The second one's ticket is taken: its session must not be there either.
    let second = new_session(person.user);
    let taken = viva_proxy::identity::Ticket { session: second.id, ..first };
    assert_eq!(store.create_session(person.ctx, second.clone(), taken, consent()).await.unwrap_err(), StoreError::Conflict);
    assert!(store.session(person.ctx, second.id).await.unwrap().is_none());
    let again = ticket(person.tenant, new.id);
    assert_eq!(store.create_session(person.ctx, new, again.clone(), consent()).await.unwrap_err(), StoreError::Conflict);
    assert!(store.ticket(again.hash).await.unwrap().is_none());
}

pub(super) async fn tickets_are_added_to_own_sessions_only(store: Arc<dyn Store>) {
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

pub(super) async fn sessions_are_created_by_and_for_known_people(store: Arc<dyn Store>) {
    let person = Person::sign_in(&store).await;
    let other = Person::sign_in(&store).await;
    let own = person.session().await;
    for (ctx, user) in [(person.ctx, other.user), (person.holder(own), person.user), (person.service(), other.user), (other.ctx, person.user)] {
        let new = new_session(user);
        let paid = ticket(ctx.tenant, new.id);
        assert_eq!(store.create_session(ctx, new, paid, consent()).await.unwrap_err(), StoreError::Missing, "{ctx:?}");
    }
}

pub(super) async fn lists_are_the_actors_own_newest_first(store: Arc<dyn Store>) {
    let (person, other) = (Person::sign_in(&store).await, Person::sign_in(&store).await);
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(person.session().await);
        other.session().await;
    }
    made.reverse();
    let list = async |ctx, page| store.sessions(ctx, page).await.unwrap().into_iter().map(|session| session.new.id).collect::<Vec<_>>();
    assert_eq!(list(person.ctx, ALL).await, made);
    assert_eq!(list(person.service(), ALL).await, made);
    assert_eq!(list(person.ctx, Page { limit: 2, before: None }).await, made[..2]);
    assert_eq!(list(person.ctx, Page { limit: 2, before: Some(made[1]) }).await, made[2..4]);
    assert_eq!(list(person.holder(made[3]), ALL).await, [made[3]]);
    let stranger = TenantCtx { tenant: person.tenant, actor: Actor::User(other.user) };
    assert_eq!(list(stranger, ALL).await, []);
}

pub(super) async fn a_call_goes_from_its_row_to_its_hang_up(store: Arc<dyn Store>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let webrtc = async || store.session(person.ctx, session).await.unwrap().unwrap().webrtc_status;
    let first = call(session, 1);
    store.start_call(person.service(), first.clone()).await.unwrap();
    assert_eq!(webrtc().await, WebrtcStatus::Negotiating);
    store.start_call(person.service(), first.clone()).await.unwrap();
    assert_eq!(store.start_call(person.service(), call(session, 1)).await, Err(StoreError::Conflict));
    let same_id = CallStart { ordinal: 2, ..first.clone() };
    assert_eq!(store.start_call(person.service(), same_id).await, Err(StoreError::Conflict));

    let provider = ProviderCallId::parse("rtc_u0_abc").unwrap();
    store.call_answered(person.service(), first.call_id.clone(), provider.clone(), NOW + 1).await.unwrap();
    store.call_answered(person.service(), first.call_id.clone(), provider.clone(), NOW + 5).await.unwrap();
    let other = ProviderCallId::parse("rtc_other").unwrap();
    assert_eq!(store.call_answered(person.service(), first.call_id.clone(), other, NOW).await, Err(StoreError::Conflict));
    assert_eq!(webrtc().await, WebrtcStatus::Answered);
    let connected = Entry::Call { call: 1, event: CallEvent::Connected, at: NOW };
    store.commit(person.service(), Pen::new(session).batch([(connected, None)])).await.unwrap();
    assert_eq!(webrtc().await, WebrtcStatus::Connected);

    store.close_call(person.service(), first.call_id.clone(), HangUp::Unconfirmed, NOW + 2).await.unwrap();
    store.close_call(person.service(), first.call_id.clone(), HangUp::Confirmed, NOW + 3).await.unwrap();
    store.close_call(person.service(), first.call_id.clone(), HangUp::Unconfirmed, NOW + 4).await.unwrap();
    assert_eq!(webrtc().await, WebrtcStatus::Disconnected);
    store.start_call(person.service(), call(session, 2)).await.unwrap();
    assert_eq!(webrtc().await, WebrtcStatus::Negotiating);

    let calls = store.calls(person.ctx, session).await.unwrap();
    assert_eq!(calls.iter().map(|call| call.ordinal).collect::<Vec<_>>(), [1, 2]);
    let row = &calls[0];
    assert_eq!((row.answered_at, row.closed_at, row.hang_up), (Some(NOW + 1), Some(NOW + 2), Some(HangUp::Confirmed)));
    assert_eq!((row.provider.as_ref(), &row.call_id, row.opened_at), (Some(&provider), &first.call_id, NOW));
}

pub(super) async fn a_refused_call_fails_the_session_until_the_next_try(store: Arc<dyn Store>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let standing = async || {
        let session = store.session(person.ctx, session).await.unwrap().unwrap();
        (session.status, session.webrtc_status, session.upstream_error)
    };
    let first = call(session, 1);
    store.start_call(person.service(), first.clone()).await.unwrap();
    let refused = SessionFailure { session, call_id: Some(first.call_id), code: "UPSTREAM_TIMEOUT", at: NOW + 9 };
    store.fail_session(person.service(), refused.clone()).await.unwrap();
    assert_eq!(standing().await, (SessionStatus::Failed, WebrtcStatus::Failed, Some("UPSTREAM_TIMEOUT".to_owned())));
    let row = &store.calls(person.ctx, session).await.unwrap()[0];
    assert_eq!((row.closed_at, row.hang_up), (Some(NOW + 9), None));

    store.start_call(person.service(), call(session, 2)).await.unwrap();
    assert_eq!(standing().await, (SessionStatus::Scheduled, WebrtcStatus::Negotiating, None));
    // What the first attempt still reports does not undo the second.
    store.fail_session(person.service(), refused).await.unwrap();
    assert_eq!(standing().await.0, SessionStatus::Scheduled);
    // The row of a call may never have been written.
    let unwritten = SessionFailure { session, call_id: Some(CallId::fresh()), code: "UPSTREAM_ERROR", at: NOW };
    store.fail_session(person.service(), unwritten).await.unwrap();
    assert_eq!(standing().await.0, SessionStatus::Failed);

    let mut pen = Pen::new(session);
    store.start_call(person.service(), call(session, 3)).await.unwrap();
    store.commit(person.service(), pen.batch([(Entry::Stage(stage(None, "welcome", StageReason::Start)), None)])).await.unwrap();
    assert_eq!(standing().await.0, SessionStatus::InProgress);
}

pub(super) async fn strangers_see_and_change_no_rows(store: Arc<dyn Store>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let first = call(session, 1);
    store.start_call(person.holder(session), first.clone()).await.unwrap();
    let other = Person::sign_in(&store).await;
    let own = other.session().await;
    let before = format!("{:?}", store.session(person.ctx, session).await.unwrap());
    let strangers = [
        other.ctx,
        other.service(),
        other.holder(own),
        TenantCtx { tenant: other.tenant, actor: Actor::Ticket(session) },
        TenantCtx { tenant: person.tenant, actor: Actor::User(other.user) },
        person.holder(SessionId::fresh()),
    ];
    for stranger in strangers {
        let missing = Err(StoreError::Missing);
        let provider = ProviderCallId::parse("rtc_stolen").unwrap();
        let failure = SessionFailure { session, call_id: Some(first.call_id.clone()), code: "STOLEN", at: NOW };
        assert!(store.session(stranger, session).await.unwrap().is_none(), "{stranger:?}");
        assert!(store.sessions(stranger, ALL).await.unwrap().iter().all(|seen| seen.new.id != session), "{stranger:?}");
        assert!(store.calls(stranger, session).await.unwrap().is_empty(), "{stranger:?}");
        assert_eq!(store.start_call(stranger, call(session, 2)).await, missing, "{stranger:?}");
        assert_eq!(store.call_answered(stranger, first.call_id.clone(), provider, NOW).await, missing, "{stranger:?}");
        assert_eq!(store.close_call(stranger, first.call_id.clone(), HangUp::Confirmed, NOW).await, missing, "{stranger:?}");
        assert_eq!(store.fail_session(stranger, failure).await, missing, "{stranger:?}");
    }
    assert_eq!(format!("{:?}", store.session(person.ctx, session).await.unwrap()), before);
    let calls = store.calls(person.ctx, session).await.unwrap();
    assert_eq!((calls.len(), calls[0].provider.is_none(), calls[0].closed_at), (1, true, None));
    // A ticket of nobody is nobody's.
    assert!(store.ticket(TicketHash([1; 32])).await.unwrap().is_none());
}
