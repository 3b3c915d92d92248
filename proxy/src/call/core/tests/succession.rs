//! One interview over several calls: what is asked, when the next call takes over, and what happens when it does not.

use super::desk::{Desk, EPOCH, at};
use crate::call::core::{
    CallCore, ClientInput, CloseReason, Connection, Control, Directive, EndedBy, Input, Other, Sideband, UpstreamInput,
    Why,
};
use crate::clock::Millis;
use crate::transcript::turn::{After, End, TurnFact, TurnRef};
use crate::transcript::{Entry, Origin, Source, Speaker, StageReason};
use crate::upstream::facts::Fact;

/// From the first minute of a call to just before the provider ends it.
const NEARLY_AN_HOUR: Millis = 3_600_000 - 480_000;

#[test]
fn another_call_is_made_before_the_provider_ends_this_one() {
    let mut desk = Desk::new();
    assert_eq!(desk.speaks(), 1, "the greeting");
    desk.pass(NEARLY_AN_HOUR);
    let (id, why) = desk.renegotiate().map(|(id, why)| (id.to_owned(), why)).expect("asked");
    assert_eq!(why, Why::Cap);
    assert_eq!(desk.core.may_renegotiate(Some(&id)), Ok(()));
    assert_eq!(desk.core.may_renegotiate(Some("r0")), Err(0));
    assert!(desk.core.next_opening("Continue the interview.").0.contains("Continue the interview."));

    desk.next_answered(Some(id.clone()), 2);
    desk.upstream(UpstreamInput::NextSideband(Sideband::Attached));
    assert_eq!(desk.switch(), None, "without media it is not ready");
    desk.client(ClientInput::NextConnected);
    assert_eq!(desk.switch(), Some((id.as_str(), "rtc_viva_2")));
    let before = desk.core.control().1;
    desk.client(ClientInput::Switched { id });
    assert_eq!(desk.moves, ["promote"]);
    assert!(desk.core.control().1 > before, "what the client was told for the old call is stale");
    desk.pass(5_000);
    assert_eq!(desk.ended, [(Other::Old, 1)]);
    assert_eq!(desk.calls(), [(1, "answered"), (1, "connected"), (2, "answered"), (2, "connected"), (1, "closed")]);
    assert_eq!(desk.speaks(), 1, "nothing is said because of it");
    assert_eq!(desk.core.control().0, Control::Sideband);
    desk.pass(2_000);
    assert_eq!(desk.speaks(), 2, "after six seconds of silence the model goes on");
    let Some(Directive::Speak { instructions: Some(text), .. }) =
        desk.directed.iter().rev().find(|directive| matches!(directive, Directive::Speak { .. }))
    else {
        panic!("with words of its own")
    };
    assert!(text.contains("do not greet again"));
    // And an hour later once more.
    desk.pass(NEARLY_AN_HOUR);
    assert_ne!(desk.renegotiate().map(|(id, _)| id.to_owned()), Some("r1_1".to_owned()));
    assert_eq!(desk.renegotiate().expect("asked").1, Why::Cap);
}

#[test]
fn a_change_of_calls_waits_for_a_quiet_moment_and_not_forever() {
    let mut desk = Desk::new();
    desk.pass(NEARLY_AN_HOUR);
    desk.feed(Input::Fact(Source::Sideband, Fact::Floor { speaker: Speaker::Candidate, on: true }));
    let id = desk.asked_id();
    desk.next_answered(Some(id), 2);
    desk.upstream(UpstreamInput::NextSideband(Sideband::Attached));
    desk.client(ClientInput::NextConnected);
    desk.pass(60_000);
    assert_eq!(desk.switch(), None, "somebody speaks");
    desk.pass(480_000 - 60_000 - 60_000);
    assert!(desk.switch().is_some(), "a minute before the end nobody is waited for");
    // A client that does not answer is taken at its media.
    desk.pass(3_000);
    assert_eq!(desk.moves, ["promote"]);
}

#[test]
fn a_successor_that_is_not_ready_is_hung_up_and_tried_again() {
    let mut desk = Desk::new();
    desk.pass(NEARLY_AN_HOUR);
    let first = desk.asked_id();
    desk.next_answered(Some(first.clone()), 2);
    desk.client(ClientInput::NextConnected);
    desk.pass(10_000);
    assert_eq!(desk.ended, [(Other::Next, 2)], "nobody watches it");
    desk.pass(180_000);
    let second = desk.asked_id();
    assert_ne!(first, second);
    desk.pass(120_000);
    assert_ne!(second, desk.asked_id(), "three minutes before the end");
    // Nobody makes an offer: the interview says goodbye and ends before the provider cuts it off.
    desk.pass(120_000);
    assert!(
        desk.entries().iter().any(|entry| matches!(entry, Entry::Stage(stage) if stage.reason == StageReason::Closing))
    );
    desk.pass(60_000);
    assert_eq!(desk.ended_by().as_deref(), Some("session_cap"));
    assert_eq!((desk.closed, desk.hung_up), (Some(CloseReason::Done), 1));
}

#[test]
fn a_client_that_knows_nothing_of_it_gets_closing_words() {
    let mut desk = Desk::with(false);
    desk.pass(3_600_000);
    assert_eq!(desk.renegotiate(), None);
    assert_eq!(desk.ended_by().as_deref(), Some("session_cap"));
    assert_eq!(desk.core.may_renegotiate(None), Err(0));
}

#[test]
fn the_provider_may_end_calls_earlier_than_documented() {
    let mut desk = Desk::new();
    desk.feed(Input::Fact(Source::Sideband, Fact::Opened { expires_at: Some(EPOCH / 1_000 + 61) }));
    desk.pass(39_000);
    assert_eq!(desk.renegotiate(), None);
    desk.pass(2_000);
    assert_eq!(desk.renegotiate().map(|(_, why)| why), Some(Why::Cap), "a third of it before the end");
}

#[test]
fn a_call_that_is_gone_is_followed_by_another() {
    let mut desk = Desk::new();
    desk.upstream(UpstreamInput::Sideband(Sideband::Retrying));
    desk.upstream(UpstreamInput::Gone);
    assert_eq!(desk.renegotiate().map(|(_, why)| why), Some(Why::Lost));
    assert_eq!((desk.moves.clone(), desk.ended.clone()), (vec!["retire"], vec![(Other::Old, 1)]));
    assert!(desk.core.is_severed() && desk.closed.is_none());
    let id = desk.asked_id();
    desk.pass(5_000);
    desk.next_answered(Some(id), 2);
    assert_eq!(desk.moves, ["retire", "promote"]);
    desk.upstream(UpstreamInput::Sideband(Sideband::Attached));
    desk.client(ClientInput::Connection(Connection::Connected));
    desk.pass(1_000);
    assert_eq!(desk.speaks(), 2, "the model goes on by itself");
    assert!(!desk.core.is_severed());
    assert_eq!(desk.calls(), [(1, "answered"), (1, "connected"), (1, "closed"), (2, "answered"), (2, "connected")]);
    assert!(
        desk.entries().iter().any(|entry| matches!(entry, Entry::Gap { to: Some(_), .. })),
        "nobody heard meanwhile"
    );
    let stages = desk.entries().iter().filter(|entry| matches!(entry, Entry::Stage(_))).count();
    assert_eq!(stages, 2, "welcome and the first questions: a call more changes no stage");
}

#[test]
fn a_client_that_makes_no_other_call_ends_the_interview() {
    for (there, by) in [(true, "upstream_error"), (false, "user_disconnect")] {
        let mut desk = Desk::new();
        desk.upstream(UpstreamInput::Gone);
        if !there {
            desk.client(ClientInput::Detached);
        }
        desk.pass(70_000);
        assert_eq!(desk.ended_by().as_deref(), Some(by));
        assert_eq!(desk.closed, Some(CloseReason::Done));
    }
}

#[test]
fn a_page_loaded_anew_goes_on_and_greets_nobody() {
    let mut desk = Desk::new();
    desk.client(ClientInput::Detached);
    desk.client(ClientInput::Attached);
    assert_eq!(desk.core.may_renegotiate(None), Ok(()));
    desk.client(ClientInput::Reloaded);
    assert_eq!(desk.ended, [(Other::Old, 1)], "the old call first");
    desk.next_answered(None, 2);
    desk.client(ClientInput::Connection(Connection::Connected));
    desk.upstream(UpstreamInput::Sideband(Sideband::Attached));
    desk.pass(2_000);
    assert_eq!(desk.speaks(), 2);
    assert!(matches!(desk.directed.iter().rev().find(|d| matches!(d, Directive::Speak { .. })),
        Some(Directive::Speak { instructions: Some(text), .. }) if text.contains("do not greet again")));
    assert_eq!(desk.renegotiate(), None, "it was not asked for");
}

#[test]
fn calls_that_keep_breaking_off_are_not_replaced_forever() {
    let mut desk = Desk::new();
    for n in 2..5 {
        desk.upstream(UpstreamInput::Gone);
        let id = desk.asked_id();
        desk.next_answered(Some(id), n);
        desk.upstream(UpstreamInput::Sideband(Sideband::Attached));
        desk.client(ClientInput::Connection(Connection::Connected));
        desk.pass(10_000);
    }
    assert!(matches!(desk.core.may_renegotiate(None), Err(wait) if wait > 200_000), "nor by loading the page anew");
    desk.upstream(UpstreamInput::Gone);
    assert_eq!(desk.ended_by().as_deref(), Some("upstream_error"));
}

#[test]
fn whatever_else_runs_ends_with_the_interview() {
    let mut desk = Desk::new();
    desk.pass(NEARLY_AN_HOUR);
    let id = desk.asked_id();
    desk.next_answered(Some(id), 2);
    desk.client(ClientInput::End { by: EndedBy::UserEnd });
    assert_eq!(desk.ended, [(Other::Next, 2)]);
    desk.pass(5_000);
    assert_eq!(desk.closed, Some(CloseReason::Done));
    assert!(desk.calls().iter().all(|(call, _)| *call == 1));
}

#[test]
fn words_of_the_call_before_still_belong_to_it() {
    let mut desk = Desk::new();
    let turn = TurnRef::Item("item_U1".into(), 0);
    let began =
        TurnFact::Began { speaker: Speaker::Candidate, after: After::First, origin: Origin::Speech, reply: None };
    desk.pass(NEARLY_AN_HOUR);
    desk.feed(Input::Fact(Source::Sideband, Fact::Turn(turn.clone(), began)));
    let id = desk.asked_id();
    desk.next_answered(Some(id.clone()), 2);
    desk.upstream(UpstreamInput::NextSideband(Sideband::Attached));
    desk.client(ClientInput::NextConnected);
    desk.client(ClientInput::Switched { id });
    desk.feed(Input::OldFact(Source::Sideband, Fact::Turn(turn.clone(), TurnFact::Replace("Late words.".into()))));
    desk.feed(Input::OldFact(Source::Sideband, Fact::Turn(turn, TurnFact::Ended(End::Complete))));
    desk.pass(6_000);
    let late = desk.entries().into_iter().find_map(|entry| match entry {
        Entry::Turn(turn) if turn.item == "item_U1" => Some(turn),
        _ => None,
    });
    assert_eq!(late.expect("recorded").call, 1);
}

#[test]
fn a_restart_goes_on_with_the_call_in_force() {
    let mut desk = Desk::new();
    desk.upstream(UpstreamInput::Gone);
    let id = desk.asked_id();
    let resumed = CallCore::resume(desk.setup.clone(), &desk.journal, at(desk.now)).expect("goes on");
    assert!(resumed.is_severed(), "between two calls");
    desk.next_answered(Some(id), 2);
    desk.upstream(UpstreamInput::Sideband(Sideband::Attached));
    desk.client(ClientInput::Connection(Connection::Connected));
    desk.pass(2_000);
    let resumed = CallCore::resume(desk.setup.clone(), &desk.journal, at(desk.now)).expect("goes on");
    assert!(!resumed.is_severed());
    assert_eq!(resumed.call, 2);
    assert!(resumed.instructions().contains("Continue the interview"), "its model is told what the last one was");
}

#[test]
fn a_lost_call_that_is_told_of_twice_is_lost_once() {
    let mut desk = Desk::new();
    desk.upstream(UpstreamInput::Gone);
    let id = desk.asked_id();
    desk.client(ClientInput::Connection(Connection::Failed));
    assert_eq!((desk.hung_up, desk.closed), (0, None));
    assert_eq!(desk.core.may_renegotiate(Some(&id)), Ok(()));
}

#[test]
fn a_page_that_is_loaded_anew_before_its_call_has_media_leaves_no_call_behind() {
    let mut desk = Desk::new();
    desk.upstream(UpstreamInput::Gone);
    desk.next_answered(Some(desk.asked_id()), 2);
    desk.client(ClientInput::Reloaded);
    assert_eq!(desk.ended, [(Other::Old, 1), (Other::Old, 2)]);
    desk.next_answered(None, 3);
    desk.client(ClientInput::Connection(Connection::Connected));
    assert_eq!((desk.lines.now, desk.lines.ended), (Some(3), vec![1, 2]));
}
