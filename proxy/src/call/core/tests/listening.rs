//! Sessions in which nobody is asked anything: the record, the clocks and the end are those of any call, and the model is
//! never asked to speak, whatever happens.

use std::sync::Arc;

use super::candidate::Candidate;
use super::dialects::Dialect;
use super::provider::Quirks;
use super::world::{Happening, Setting, World};
use crate::call::core::{ClientInput, CloseReason, Directive, EndedBy, Input, Notice, Sideband};
use crate::clock::Millis;
use crate::interview::{Listening, Plan};
use crate::transcript::turn::{After, End, TurnFact, TurnRef};
use crate::transcript::{Entry, Origin, Source, Speaker, StageReason};
use crate::upstream::facts::{Fact, Gate};

fn transcription() -> Plan {
    Plan::of_listening(Listening::Transcription { languages: vec!["en".into()] })
}

fn setting(plan: Plan) -> Setting {
    let usual = Setting::default();
    Setting {
        limits: usual.limits.of(&plan),
        plan: Arc::new(plan),
        candidate: Candidate::silent(),
        quirks: Quirks { streaming: true, ..Quirks::default() },
        ..usual
    }
}

/// Somebody speaks three times, with a pause that would have an interviewer speak.
fn speaks(world: &mut World) {
    for at in [2_000, 8_000, 20_000] {
        world.at(at, Happening::Speech(3_000));
    }
}

fn ends(world: &mut World, at: Millis) {
    world.at(at, Happening::Input(Input::Client(ClientInput::End { by: EndedBy::UserEnd })));
}

/// No directive but the configuration, and none that asks for a gate that nobody holds.
fn nobody_was_asked(world: &World) {
    for (at, _, _, directive) in &world.watchman.directed {
        let Directive::Configure { instructions, gate, .. } = directive else { panic!("{directive:?} at {at}") };
        assert_eq!((instructions.as_str(), *gate), ("", Gate::Provider), "at {at}");
    }
    assert!(world.incidents().is_empty(), "{:?}", world.incidents());
}

#[test]
fn whoever_speaks_is_written_down_and_nobody_answers() {
    let mut world = World::new(setting(transcription()));
    speaks(&mut world);
    ends(&mut world, 40_000);
    assert_eq!(world.run_to_end(), CloseReason::Done);
    let turns = world.checked();
    assert_eq!(turns.len(), 3);
    assert!(turns.iter().all(|turn| turn.source == Source::Sideband && turn.entry.speaker == Speaker::Candidate));
    assert!(turns.iter().all(|turn| turn.entry.stage == "live" && !turn.entry.question));
    assert_eq!(world.stages(), [("live".into(), StageReason::Start), ("live".into(), StageReason::Ended)]);
    assert_eq!(world.call_events(), ["answered", "sideband/attached", "connected", "closed Confirmed"]);
    assert_eq!(world.ended_by().as_deref(), Some("user_end"));
    let partial = world
        .told()
        .any(|notice| matches!(notice, Notice::UserCaption(caption) if !caption.r#final && caption.n.is_none()));
    assert!(partial, "words are shown while they are spoken");
    nobody_was_asked(&world);
    let used = world.entries().into_iter().filter(|entry| matches!(entry, Entry::Usage { .. })).count();
    assert_eq!(used, 3, "what was written down is charged");
}

#[test]
fn a_long_pause_is_no_end_and_a_very_long_one_is() {
    let mut world = World::new(setting(transcription()));
    speaks(&mut world);
    world.at(400_000, Happening::Speech(2_000));
    assert_eq!(world.run_to_end(), CloseReason::Done);
    assert_eq!(world.ended_by().as_deref(), Some("inactivity"));
    assert_eq!(world.checked().len(), 4, "who spoke after six minutes was still heard");
    assert!(world.now > 1_000_000, "{}", world.now);
    nobody_was_asked(&world);
    let told = world.told().find_map(|notice| match notice {
        Notice::InterviewEnding { message, .. } => Some(message.clone()),
        _ => None,
    });
    assert_eq!(told.as_deref(), Some("Nobody has spoken for a while. The transcript ends and is being saved."));
}

#[test]
fn the_session_s_own_limit_ends_it_without_a_goodbye() {
    let mut limited = setting(transcription());
    limited.limits.session_ms = 60_000;
    let mut world = World::new(limited);
    speaks(&mut world);
    assert_eq!(world.run_to_end(), CloseReason::Done);
    assert_eq!(world.ended_by().as_deref(), Some("time_limit"));
    assert!((60_000..75_000).contains(&world.now), "{}", world.now);
    nobody_was_asked(&world);
}

#[test]
fn nobody_who_connects_is_no_show_and_whoever_leaves_ends_it() {
    let mut world = World::new(setting(transcription()));
    world.forget(300);
    assert_eq!(world.run_to_end(), CloseReason::Done);
    assert_eq!(world.ended_by().as_deref(), Some("no_show"));

    let mut world = World::new(setting(transcription()));
    speaks(&mut world);
    world.at(30_000, Happening::Leaves);
    assert_eq!(world.run_to_end(), CloseReason::Done);
    assert_eq!(world.ended_by().as_deref(), Some("user_disconnect"));
    assert_eq!(world.checked().len(), 3);
}

#[test]
fn without_a_socket_of_ours_the_client_reports_from_the_first_word() {
    for (sideband, attach_ms) in [(true, None), (false, None)] {
        let mut world = World::new(Setting { sideband, attach_ms, ..setting(transcription()) });
        speaks(&mut world);
        ends(&mut world, 40_000);
        assert_eq!(world.run_to_end(), CloseReason::Done);
        let turns = world.checked();
        assert_eq!(turns.len(), 3, "sideband {sideband}");
        assert!(turns.iter().all(|turn| turn.source == Source::Client));
        nobody_was_asked(&world);
    }
}

#[test]
fn a_socket_that_is_lost_and_found_changes_who_records_and_nothing_else() {
    let mut world = World::new(setting(transcription()));
    speaks(&mut world);
    world.at(6_000, Happening::Socket(Sideband::Retrying));
    world.at(15_000, Happening::Socket(Sideband::Attached));
    ends(&mut world, 40_000);
    assert_eq!(world.run_to_end(), CloseReason::Done);
    let turns = world.checked();
    assert_eq!(turns.len(), 3);
    assert!(turns.iter().any(|turn| turn.source == Source::Sideband));
    assert!(world.watchman.directed.iter().all(|(.., directive)| !matches!(directive, Directive::Speak { .. })));
}

#[test]
fn a_process_that_dies_is_followed_by_one_that_goes_on_listening() {
    let mut world = World::new(setting(transcription()));
    speaks(&mut world);
    world.at(13_500, Happening::Killed(2_000));
    ends(&mut world, 40_000);
    assert_eq!(world.run_to_end(), CloseReason::Done);
    assert_eq!(world.checked().len(), 3);
    assert_eq!(world.ended_by().as_deref(), Some("user_end"));
    assert!(world.watchman.directed.iter().all(|(.., directive)| !matches!(directive, Directive::Speak { .. })));
    assert_eq!(world.stages().len(), 2, "{:?}", world.stages());
}

#[test]
fn it_goes_on_in_another_call_when_the_provider_ends_one() {
    let cap_ms = Some(120_000);
    let mut world = World::new(Setting { cap_ms, ..setting(transcription()) });
    for at in (2_000..300_000).step_by(9_000) {
        world.at(at, Happening::Speech(3_000));
    }
    ends(&mut world, 290_000);
    assert_eq!(world.run_to_end(), CloseReason::Done);
    assert_eq!(world.ended_by().as_deref(), Some("user_end"));
    assert!(world.call_events().iter().filter(|event| *event == "answered").count() >= 2, "{:?}", world.call_events());
    assert!(world.watchman.directed.iter().all(|(.., directive)| !matches!(directive, Directive::Speak { .. })));
}

#[test]
fn no_stage_can_be_skipped() {
    let mut world = World::new(setting(transcription()));
    speaks(&mut world);
    let skip = ClientInput::Skip { target: "live".into() };
    world.at(10_000, Happening::Input(Input::Client(skip)));
    ends(&mut world, 30_000);
    assert_eq!(world.run_to_end(), CloseReason::Done);
    assert!(world.told().any(|notice| matches!(notice, Notice::Error { code, .. } if code == "SKIP_NOT_ALLOWED")));
    nobody_was_asked(&world);
}

/// What a provider tells of a span: its words in two pieces, and its end.
fn span(world: &mut World, speaker: Speaker, at: Millis, words: [&str; 2]) {
    let turn = TurnRef::Span(speaker, at);
    let origin = if speaker == Speaker::Ai { Origin::Reply } else { Origin::Speech };
    let told = |fact| Fact::Turn(turn.clone(), fact);
    let facts = [
        (0, Fact::Floor { speaker, on: true }),
        (0, told(TurnFact::Began { speaker, after: After::Unknown, origin, reply: None })),
        (0, told(TurnFact::Append(words[0].into()))),
        (800, told(TurnFact::Append(words[1].into()))),
        (2_000, Fact::Floor { speaker, on: false }),
        (2_000, told(TurnFact::Ended(End::Complete))),
    ];
    for (after, fact) in facts {
        world.at(at + after, Happening::Input(Input::Fact(Source::Sideband, fact)));
    }
}

#[test]
fn a_translation_is_on_the_record_beside_what_was_said() {
    let plan = Plan::of_listening(Listening::Translation { target: "de".into() });
    let mut world = World::new(Setting { dialect: Dialect::Spans, ..setting(plan) });
    for (at, said, translated) in
        [(2_000, ["Good", " morning."], ["Guten", " Morgen."]), (9_000, ["How are", " you?"], ["Wie geht", " es?"])]
    {
        span(&mut world, Speaker::Candidate, at, said);
        // The interpreter follows, and speaks at the same time.
        span(&mut world, Speaker::Ai, at + 700, translated);
    }
    ends(&mut world, 30_000);
    assert_eq!(world.run_to_end(), CloseReason::Done);
    world.store.verify(world.session);
    let turns: Vec<_> = super::reference::in_order(&world.store);
    let said: Vec<_> = turns.iter().map(|turn| (turn.entry.speaker, turn.words.as_str())).collect();
    assert_eq!(
        said,
        [
            (Speaker::Candidate, "Good morning."),
            (Speaker::Ai, "Guten Morgen."),
            (Speaker::Candidate, "How are you?"),
            (Speaker::Ai, "Wie geht es?"),
        ]
    );
    assert!(turns.iter().all(|turn| !turn.entry.question && turn.entry.stage == "live"));
    assert!(world.watchman.directed.iter().all(|(.., directive)| !matches!(directive, Directive::Speak { .. })));
    assert_eq!(world.ended_by().as_deref(), Some("user_end"));
}
