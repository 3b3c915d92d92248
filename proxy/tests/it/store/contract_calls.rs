//! The contract of the rows of upstream calls, against any store.

use std::sync::Arc;

use viva_proxy::identity::{Actor, TenantCtx, TicketHash};
use viva_proxy::ids::{CallId, ProviderCallId, SessionId};
use viva_proxy::store::{
    CallStart, Changed, Level, Page, Profile, SessionChange, SessionFailure, SessionStatus, StoreError, WebrtcStatus,
    Which,
};
use viva_proxy::transcript::{CallEvent, Entry, HangUp, StageReason};

use super::contract_people::ALL;
use super::fixture::{Ground, NOW, Pen, Person, call, stage};

pub(super) async fn a_call_goes_from_its_row_to_its_hang_up(store: Arc<dyn Ground>) {
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
    assert_eq!(
        store.call_answered(person.service(), first.call_id.clone(), other, NOW).await,
        Err(StoreError::Conflict)
    );
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
    assert_eq!((row.upstream.as_deref(), row.key), (Some("openai"), first.key));
}

pub(super) async fn a_refused_call_fails_the_session_until_the_next_try(store: Arc<dyn Ground>) {
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
    store.fail_session(person.service(), refused.clone()).await.unwrap();
    assert_eq!(standing().await.0, SessionStatus::Scheduled);
    // The row of a call may never have been written.
    let unwritten = SessionFailure { session, call_id: Some(CallId::fresh()), code: "UPSTREAM_ERROR", at: NOW };
    store.fail_session(person.service(), unwritten).await.unwrap();
    assert_eq!(standing().await.0, SessionStatus::Failed);
    store.fail_session(person.service(), refused).await.unwrap();
    assert_eq!(standing().await.2.as_deref(), Some("UPSTREAM_ERROR"));

    let mut pen = Pen::new(session);
    store.start_call(person.service(), call(session, 3)).await.unwrap();
    store
        .commit(person.service(), pen.batch([(Entry::Stage(stage(None, "welcome", StageReason::Start)), None)]))
        .await
        .unwrap();
    assert_eq!(standing().await.0, SessionStatus::InProgress);
}

pub(super) async fn an_interview_between_two_calls_is_left_to_the_next_process(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let first = CallStart { ticket: person.ticket_of(session).await, ..call(session, 1) };
    store.start_call(person.service(), first.clone()).await.unwrap();
    let left = async || -> Vec<_> {
        store.unfinished().await.unwrap().into_iter().map(|left| (left.call.call_id, left.call.closed_at)).collect()
    };
    assert_eq!(left().await, [(first.call_id.clone(), None)]);
    let mut pen = Pen::new(session);
    let begun = pen.batch([(Entry::Stage(stage(None, "welcome", StageReason::Start)), None)]);
    store.commit(person.service(), begun).await.unwrap();
    store.close_call(person.service(), first.call_id.clone(), HangUp::Confirmed, NOW + 2).await.unwrap();
    assert_eq!(left().await, [(first.call_id, Some(NOW + 2))], "nobody else would end it");
}

pub(super) async fn strangers_see_and_change_no_rows(store: Arc<dyn Ground>) {
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
        assert_eq!(
            store.close_call(stranger, first.call_id.clone(), HangUp::Confirmed, NOW).await,
            missing,
            "{stranger:?}"
        );
        assert_eq!(store.fail_session(stranger, failure).await, missing, "{stranger:?}");
    }
    assert_eq!(format!("{:?}", store.session(person.ctx, session).await.unwrap()), before);
    let calls = store.calls(person.ctx, session).await.unwrap();
    assert_eq!((calls.len(), calls[0].provider.is_none(), calls[0].closed_at), (1, true, None));
    // A ticket of nobody is nobody's.
    assert!(store.ticket(TicketHash([1; 32])).await.unwrap().is_none());
}

pub(super) async fn those_under_way_are_told_from_the_rest(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let list = async |ctx| -> Vec<SessionId> {
        let page = Page { which: Which::UnderWay, ..ALL };
        store.sessions(ctx, page).await.unwrap().into_iter().map(|session| session.new.id).collect()
    };
    let (_idle, between, calling, over) =
        (person.session().await, person.session().await, person.session().await, person.session().await);
    for session in [calling, over] {
        store.start_call(person.service(), call(session, 1)).await.unwrap();
    }
    for call in store.calls(person.ctx, over).await.unwrap() {
        store.close_call(person.service(), call.call_id, HangUp::Confirmed, NOW).await.unwrap();
    }
    assert_eq!(list(person.ctx).await, [calling]);

    // What the journal says of an interview is in its row a moment later.
    let began = stage(None, "welcome", StageReason::Start);
    store.commit(person.service(), Pen::new(between).batch([(Entry::Stage(began), None)])).await.unwrap();
    let projected = async {
        while list(person.ctx).await != [calling, between] {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), projected).await.expect("it is on");
    assert_eq!(list(Person::sign_in(&store).await.ctx).await, []);
    let first = Page { which: Which::UnderWay, limit: 1, before: None };
    assert_eq!(store.sessions(person.ctx, first).await.unwrap()[0].new.id, calling);
}

pub(super) async fn a_session_is_changed_until_it_has_a_call_or_a_record(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let before = store.session(person.ctx, session).await.unwrap().unwrap().new;
    let wish = SessionChange {
        plan: Some(("other".to_owned(), "{\"stages\":[]}".into())),
        title: Some(Some("Second round".to_owned())),
        experience_level: Some(Some(Level::Senior)),
        profile: Some(Profile::Withheld),
        voice: Some("cedar".to_owned()),
        ..SessionChange::default()
    };
    let change = async |ctx, wish: &SessionChange| store.change_session(ctx, session, wish.clone()).await.unwrap();
    let stranger = Person::sign_in(&store).await;
    assert!(matches!(change(stranger.ctx, &wish).await, Changed::Missing));
    assert!(matches!(change(person.ctx, &SessionChange::default()).await, Changed::Done(_)), "nothing is a change too");
    let Changed::Done(told) = change(person.ctx, &wish).await else { panic!("it can be changed") };
    let after = store.session(person.ctx, session).await.unwrap().unwrap().new;
    for new in [&told.new, &after] {
        assert_eq!((new.plan.as_str(), &*new.stage_plan, new.voice.as_str()), ("other", "{\"stages\":[]}", "cedar"));
        assert_eq!(new.details.title.as_deref(), Some("Second round"));
        assert_eq!((new.details.experience_level, new.details.profile), (Some(Level::Senior), Profile::Withheld));
        assert_eq!(new.job_role, before.job_role, "what is not named stays");
        assert_eq!((new.user, new.created_at), (before.user, before.created_at));
    }
    let gone = SessionChange { title: Some(None), ..SessionChange::default() };
    let Changed::Done(told) = change(person.ctx, &gone).await else { panic!("it can be taken away") };
    assert_eq!(told.new.details.title, None);

    let first = call(session, 1);
    store.start_call(person.service(), first.clone()).await.unwrap();
    assert!(matches!(change(person.ctx, &wish).await, Changed::Begun));
    store.close_call(person.service(), first.call_id, HangUp::Confirmed, NOW).await.unwrap();
    assert!(matches!(change(person.ctx, &gone).await, Changed::Done(_)), "a call that came to nothing");
    let began = Entry::Stage(stage(None, "welcome", StageReason::Start));
    store.commit(person.service(), Pen::new(session).batch([(began, None)])).await.unwrap();
    assert!(matches!(change(person.ctx, &wish).await, Changed::Begun));
}
