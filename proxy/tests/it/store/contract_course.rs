//! The contract of what a session shows of its interview's course, against any store.

use std::sync::Arc;

use viva_proxy::store::{SessionStatus, WebrtcStatus};
use viva_proxy::transcript::{CallEvent, Entry, HangUp, StageEntry, StageReason};

use super::fixture::{Ground, NOW, Pen, Person, stage};

pub(super) async fn a_session_shows_how_its_interview_went(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    let call = |event| (Entry::Call { call: 1, event, at: NOW }, None);
    let at = |seconds: i64, entry: StageEntry| (Entry::Stage(StageEntry { at: NOW + 1000 * seconds, ..entry }), None);
    let shown = async || store.session(person.ctx, session).await.unwrap().unwrap();

    let begun = [
        call(CallEvent::Answered { call_id: "rtc_viva_1".into(), drop_in: false, lacks: Vec::new() }),
        call(CallEvent::Connected),
        call(CallEvent::Control { control: "sideband".into(), sideband: "attached".into() }),
        at(1, stage(None, "welcome", StageReason::Start)),
        at(9, stage(Some("welcome"), "self_intro", StageReason::Completed)),
    ];
    store.commit(person.service(), pen.batch(begun)).await.unwrap();
    let seen = shown().await;
    assert_eq!((seen.status, seen.webrtc_status), (SessionStatus::InProgress, WebrtcStatus::Connected));
    assert_eq!((seen.stage.as_deref(), seen.stage_started_at), (Some("self_intro"), Some(NOW + 9000)));
    assert_eq!((seen.control.as_deref(), seen.sideband.as_deref()), (Some("sideband"), Some("attached")));

    let skipped = StageEntry {
        skipped: vec!["self_intro".into()],
        ..stage(Some("self_intro"), "past_experience", StageReason::Skipped)
    };
    let ended = StageEntry {
        ended_by: Some("natural_completion".into()),
        ..stage(Some("closing"), "closing", StageReason::Ended)
    };
    let rest = [
        at(20, skipped),
        at(30, stage(Some("past_experience"), "company_fit", StageReason::Forced)),
        at(40, stage(Some("company_fit"), "closing", StageReason::Closing)),
        at(50, ended),
        call(CallEvent::Closed { hang_up: HangUp::Confirmed }),
    ];
    store.commit(person.service(), pen.batch(rest)).await.unwrap();
    let seen = shown().await;
    assert_eq!((seen.status, seen.webrtc_status), (SessionStatus::Completed, WebrtcStatus::Disconnected));
    assert_eq!(
        (seen.started_at, seen.ended_at, seen.ended_by.as_deref()),
        (Some(NOW + 1000), Some(NOW + 50_000), Some("natural_completion"))
    );
    assert_eq!((seen.stage.as_deref(), seen.stage_started_at), (Some("closing"), Some(NOW + 40_000)));
    assert_eq!((seen.skipped_stages.as_slice(), seen.forced_transitions), (["self_intro".to_owned()].as_slice(), 1));
    let stages = store.transcript(person.ctx, session).await.unwrap().unwrap().stages;
    assert_eq!(
        stages.iter().map(|stage| (stage.n, stage.to.as_str())).collect::<Vec<_>>(),
        [(1, "welcome"), (2, "self_intro"), (3, "past_experience"), (4, "company_fit"), (5, "closing"), (6, "closing"),]
    );
}

pub(super) async fn an_end_without_a_beginning_is_no_interview(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    for (ended_by, status) in [("user_end", SessionStatus::Cancelled), ("upstream_error", SessionStatus::Failed)] {
        let session = person.session().await;
        let ended = StageEntry { ended_by: Some(ended_by.into()), ..stage(None, "welcome", StageReason::Ended) };
        store.commit(person.service(), Pen::new(session).batch([(Entry::Stage(ended), None)])).await.unwrap();
        let seen = store.session(person.ctx, session).await.unwrap().unwrap();
        assert_eq!((seen.status, seen.stage, seen.started_at, seen.ended_at), (status, None, None, Some(NOW)));
    }
}
