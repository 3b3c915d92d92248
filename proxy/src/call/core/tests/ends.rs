//! How a call ends: every limit, in order, and always.

use std::sync::Arc;

use super::candidate::Candidate;
use super::provider::Quirks;
use super::store::Moods;
use super::world::{Happening, Setting, World};
use crate::call::core::{ClientInput, CloseReason, Connection, EndedBy, Input, Limits, Notice, UpstreamInput};
use crate::interview::Plan;
use crate::transcript::{Entry, StageReason, TurnState};

const LIMITS: Limits = Limits { session_ms: 600_000, grace_ms: 60_000, inactivity_ms: 120_000 };

fn silent() -> World {
    World::new(Setting { plan: long(), candidate: Candidate::silent(), limits: LIMITS, ..Setting::default() })
}

fn end(by: EndedBy) -> Happening {
    Happening::Input(Input::Client(ClientInput::End { by }))
}

/// The last entries: how the call closed, why the interview ended, the seal.
fn is_sealed(world: &World, by: &str) {
    let entries = world.entries();
    let tail = &entries[entries.len() - 3..];
    assert!(matches!(&tail[0], Entry::Call { .. }), "{tail:?}");
    assert!(
        matches!(&tail[1], Entry::Stage(stage) if stage.reason == StageReason::Ended && stage.ended_by.as_deref() == Some(by)),
        "{tail:?}"
    );
    assert!(matches!(&tail[2], Entry::Seal { n, .. } if *n + 1 == entries.len() as u64), "{tail:?}");
    assert_eq!(world.watchman.closed, Some(CloseReason::Done));
    world.checked();
}

#[test]
fn whoever_may_end_it_ends_it_at_once() {
    for (by, name) in [(EndedBy::UserEnd, "user_end"), (EndedBy::AdminEnd, "admin_end")] {
        let mut world = silent();
        world.at(8_000, end(by));
        world.at(8_010, end(EndedBy::AdminEnd));
        world.run_to_end();
        is_sealed(&world, name);
        assert!(world.now < 8_200, "{}", world.now);
        assert_eq!(world.told().filter(|notice| matches!(notice, Notice::SessionEnded { .. })).count(), 1);
    }
}

/// With a word before it, and whoever speaks: every second costs what is not there.
#[test]
fn a_budget_that_is_used_up_ends_the_call_within_two_seconds() {
    for speech in [None, Some(9_000)] {
        let mut world = silent();
        if let Some(ms) = speech {
            world.at(7_000, Happening::Speech(ms));
        }
        world.at(8_000, end(EndedBy::Budget));
        world.run_to_end();
        is_sealed(&world, "budget");
        let at = |is: fn(&Notice) -> bool| world.watchman.told.iter().find(|(_, notice)| is(notice)).map(|(at, _)| *at);
        let word = at(|notice| matches!(notice, Notice::InterviewEnding { .. })).expect("a word before the end");
        let ended = at(|notice| matches!(notice, Notice::SessionEnded { .. })).expect("the end");
        let hung_up = world.watchman.hung_up[0];
        assert!((8_000..8_050).contains(&word) && word < hung_up && hung_up <= ended, "{word}, {hung_up}, {ended}");
        assert!(hung_up <= 9_600, "{hung_up}: a second for the word, half a one for what is still to come");
        world.checked();
    }
}

#[test]
fn words_that_are_still_to_come_are_waited_for_and_not_forever() {
    for (delay, state, until) in [(2_000, TurnState::Final, 11_000), (9_000, TurnState::TimedOut, 11_100)] {
        let mut world = World::new(Setting {
            candidate: Candidate::silent(),
            quirks: Quirks { words_ms: vec![Some(delay)], ..Quirks::default() },
            ..Setting::default()
        });
        world.at(6_000, Happening::Speech(2_000));
        world.at(8_010, end(EndedBy::UserEnd));
        world.run_to_end();
        is_sealed(&world, "user_end");
        let answer = world.checked().into_iter().find(|turn| turn.entry.item == "item_U1").expect("recorded");
        assert_eq!(answer.entry.state, state);
        assert!(world.now <= until + 100, "{}", world.now);
        assert_eq!(
            world.provider.said.iter().filter(|said| !said.interrupted && said.stage.is_some()).count(),
            1,
            "no more replies"
        );
    }
}

#[test]
fn who_speaks_when_it_ends_is_heard_out_for_a_moment() {
    let mut world = silent();
    world.at(6_000, Happening::Speech(2_500));
    world.at(8_000, end(EndedBy::UserEnd));
    world.run_to_end();
    assert!(world.checked().iter().any(|turn| turn.entry.item == "item_U1"));
    let mut world = silent();
    world.at(6_000, Happening::Speech(50_000));
    world.at(8_000, end(EndedBy::UserEnd));
    world.run_to_end();
    assert_eq!(world.watchman.hung_up, [11_000]);
}

#[test]
fn a_client_that_does_not_come_back_ends_the_call_after_the_grace() {
    let mut world = silent();
    world.at(10_000, Happening::Leaves);
    world.run_until(200_000, |world| !world.watchman.hung_up.is_empty());
    assert!((70_000..73_100).contains(&world.now), "{}", world.now);
    world.run_to_end();
    is_sealed(&world, "user_disconnect");
}

#[test]
fn a_client_that_comes_back_in_time_goes_on() {
    let mut world = silent();
    for (away, back) in [(10_000, 69_000), (70_000, 100_000)] {
        world.at(away, Happening::Leaves);
        world.at(back, Happening::Returns);
    }
    world.run(119_000);
    assert!(world.watchman.hung_up.is_empty());
}

#[test]
fn media_that_failed_for_good_ends_the_call_after_the_grace() {
    let state = |state| Happening::Input(Input::Client(ClientInput::Connection(state)));
    let mut world = silent();
    world.at(10_000, state(Connection::Disconnected));
    world.at(11_000, state(Connection::Failed));
    world.at(50_000, state(Connection::Connected));
    world.at(51_000, state(Connection::Closed));
    world.run_until(200_000, |world| !world.watchman.hung_up.is_empty());
    assert!((111_000..114_100).contains(&world.now), "{}", world.now);
    world.run_to_end();
    is_sealed(&world, "user_disconnect");
}

#[test]
fn a_call_that_is_never_connected_is_a_no_show() {
    let mut world = World::new(Setting { candidate: Candidate::silent(), attach_ms: None, ..Setting::default() });
    world.run(299);
    // The browser never reports anything.
    world.forget(300);
    world.run_to_end();
    is_sealed(&world, "no_show");
    assert!((60_000..60_200).contains(&world.now));
    assert_eq!(world.stages(), [("welcome".into(), StageReason::Ended)]);
}

#[test]
fn nothing_remains_of_a_call_that_was_never_answered() {
    let mut world = silent();
    let setup = world.setup();
    world.core = crate::call::core::CallCore::new(setup, crate::clock::At { mono_ms: 0, unix_ms: 0 });
    world.watchman = super::watchman::Watchman::default();
    world.feed(Input::Client(ClientInput::Attached));
    world.feed(Input::Client(ClientInput::Detached));
    assert_eq!(world.watchman.closed, Some(CloseReason::Done));
    assert!(world.core.is_over() && world.store.in_flight == 0);
}

#[test]
fn a_silence_is_asked_about_once_and_then_ends_the_call() {
    let mut world = World::new(Setting { plan: long(), candidate: Candidate::silent(), ..Setting::default() });
    world.run_to_end();
    is_sealed(&world, "inactivity");
    let asked = world.asked();
    let prompts: Vec<_> = asked
        .iter()
        .filter(|(_, text)| text.as_deref().is_some_and(|text| text.contains("whether they are still there")))
        .collect();
    assert_eq!((prompts.len(), asked.len()), (1, 2));
    let quiet = 300 + 100 + 10 + 80 + 2_000;
    assert!((quiet + 60_000..quiet + 60_100).contains(&prompts[0].0), "{}", prompts[0].0);
    let ended = world.told_at(|notice| matches!(notice, Notice::InterviewEnding { .. })).expect("announced");
    assert!((quiet + 122_000..quiet + 122_600).contains(&ended), "{ended}");
}

#[test]
fn a_long_answer_is_no_silence() {
    let mut world = World::new(Setting { plan: long(), candidate: Candidate::silent(), ..Setting::default() });
    world.at(6_000, Happening::Speech(400_000));
    world.run(405_000);
    assert!(world.watchman.hung_up.is_empty());
    assert_eq!(world.asked().len(), 1, "and nobody asks whether they are there");
}

#[test]
fn who_answers_the_question_whether_they_are_there_may_be_silent_again() {
    let mut world = World::new(Setting { plan: long(), candidate: Candidate::silent(), ..Setting::default() });
    world.at(100_000, Happening::Speech(1_000));
    world.run_to_end();
    assert_eq!(world.asked().iter().filter(|(_, text)| text.is_some()).count(), 2);
    assert!(world.now > 220_000);
}

/// Stages so long that only other limits end the call.
const LONG: &str = r#"
name = "long"
label = "Long"
persona = "p"
[words]
forced = "forced"
skipped = "skipped"
prompt = "Ask whether they are still there."
wrap_up = "wrap up"
wrap_up_now = "now"
[[stages]]
name = "welcome"
label = "w"
kind = "opening"
limit_s = 3600
guidance = "g"
[[stages]]
name = "talk"
label = "t"
limit_s = 3600
min_questions = 100000
guidance = "g"
[[stages]]
name = "closing"
label = "c"
kind = "closing"
limit_s = 3600
guidance = "g"
"#;

fn long() -> Arc<Plan> {
    Arc::new(Plan::parse(LONG).expect("sound"))
}

#[test]
fn the_session_s_own_limit_is_announced_and_kept() {
    let limits = Limits { session_ms: 300_000, ..LIMITS };
    // With a model that does not say goodbye when it is told to.
    let quirks = Quirks { ignores_stages: true, ..Quirks::default() };
    let mut world = World::new(Setting { plan: long(), limits, quirks, ..Setting::default() });
    world.run_to_end();
    is_sealed(&world, "time_limit");
    let warned = world.watchman.told.iter().find_map(|(at, notice)| {
        if let Notice::SessionWarning { code, seconds_left } = notice {
            Some((*at, code.as_ref(), *seconds_left))
        } else {
            None
        }
    });
    assert_eq!(warned, Some((180_000, "TIME_LOW", 120)));
    assert!(world.watchman.hung_up[0] < 308_200, "{:?}", world.watchman.hung_up);
    assert!(world.stages().iter().any(|(stage, _)| stage == "closing"));
}

#[test]
fn a_goodbye_is_said_before_the_session_s_limit() {
    let limits = Limits { session_ms: 480_000, ..LIMITS };
    let mut world = World::new(Setting { plan: long(), limits, ..Setting::default() });
    world.run_to_end();
    is_sealed(&world, "time_limit");
    let ending = world.told_at(|notice| matches!(notice, Notice::InterviewEnding { .. })).expect("announced");
    assert!((420_000..440_000).contains(&ending), "{ending}");
    let closing = world.stage_entries().into_iter().find(|entry| entry.to == "closing").expect("entered");
    assert_eq!(closing.reason, StageReason::Closing);
}

#[test]
fn two_hours_of_talk_take_no_more_memory_than_one() {
    let limits = Limits { session_ms: 7_200_000, ..LIMITS };
    let mut world = World::new(Setting { plan: long(), limits, ..Setting::default() });
    let expires_at = Some(super::world::EPOCH / 1_000 + 3 * 3_600);
    let longer_than_usual = crate::upstream::facts::Fact::Opened { expires_at };
    world.feed(Input::Fact(crate::transcript::Source::Sideband, longer_than_usual));
    world.run(1_800_000);
    let (early, turns) = (world.core_bytes(), world.provider.said.len());
    world.run_to_end();
    let late = world.core_bytes();
    assert!(world.provider.said.len() > turns * 2 && turns > 400, "{turns}");
    // What grows is eight bytes for each turn that is past revising, and for each question asked.
    assert!(late < early + 16 * 2 * world.provider.said.len() && late < 100_000, "{early} {late}");
    world.checked();
}

#[test]
fn a_call_that_the_provider_ended_is_over() {
    for (client, by) in [(true, "upstream_error"), (false, "user_disconnect")] {
        let mut world = silent();
        if !client {
            world.at(9_000, Happening::Leaves);
        }
        world.at(10_000, Happening::Input(Input::Upstream(UpstreamInput::Gone)));
        world.run_to_end();
        is_sealed(&world, by);
        assert!(world.now < 14_000);
    }
}

#[test]
fn a_hang_up_that_nobody_confirms_is_recorded_as_such() {
    let mut world = World::new(Setting { candidate: Candidate::silent(), hang_up_ms: None, ..Setting::default() });
    world.at(8_000, end(EndedBy::UserEnd));
    world.run_to_end();
    is_sealed(&world, "user_end");
    assert_eq!(world.call_events().last().map(String::as_str), Some("closed Unconfirmed"));
    assert!((20_000..20_200).contains(&world.now), "{}", world.now);
}

#[test]
fn what_comes_after_the_seal_is_not_recorded() {
    let mut world = World::new(Setting { candidate: Candidate::silent(), ..Setting::default() });
    world.run(6_500);
    world.store.moods.delay_ms = vec![4_000];
    world.at(6_600, end(EndedBy::UserEnd));
    world.run(6_900);
    let words = crate::transcript::turn::TurnFact::Replace("Late.".into());
    let turn = crate::transcript::turn::TurnRef::Item("item_late".into(), 0);
    world.feed(Input::Fact(crate::transcript::Source::Sideband, crate::upstream::facts::Fact::Turn(turn, words)));
    world.feed(Input::Client(ClientInput::Relayed { seq: 9 }));
    world.feed(Input::Client(ClientInput::Skip { target: "closing".into() }));
    world.run_to_end();
    is_sealed(&world, "user_end");
}

#[test]
fn a_stage_that_was_not_entered_when_it_ends_never_is() {
    let mut world =
        World::new(Setting { quirks: Quirks { echo_ms: Some(250), ..Quirks::default() }, ..Setting::default() });
    assert!(world.run_until(60_000, |world| world.configured().iter().any(|(_, stage, _)| stage == "past_experience")));
    world.later(10, end(EndedBy::UserEnd));
    world.run_to_end();
    assert!(world.stages().iter().all(|(stage, _)| stage != "past_experience"));
    is_sealed(&world, "user_end");
}

#[test]
fn media_that_comes_up_after_the_seal_is_not_on_the_record() {
    let mut world = World::new(Setting {
        candidate: Candidate::silent(),
        cap_ms: Some(3_600_000),
        moods: Moods { delay_ms: vec![500], ..Moods::default() },
        ..Setting::default()
    });
    world.at(6_000, Happening::Lost(None));
    assert!(world.run_until(10_000, |world| world.core.call == 2), "another call is answered");
    let answered = world.now;
    world.at(answered + 10, Happening::Input(Input::Client(ClientInput::End { by: EndedBy::UserEnd })));
    world.run_to_end();
    assert!(world.hung_up_at.is_some_and(|at| at < answered + 100), "before its media is up");
    is_sealed(&world, "user_end");
    super::laws::one_interview(&world);
}
