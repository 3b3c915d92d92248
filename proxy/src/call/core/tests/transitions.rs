//! A change of stage does not race the model.

use super::candidate::Candidate;
use super::course::is_as_planned;
use super::provider::Quirks;
use super::reference::stage_of;
use super::world::{Happening, Setting, World, plan};
use crate::call::core::{ClientInput, Input};
use crate::transcript::StageReason;
use crate::upstream::facts::Gate;

const QUESTIONS: [&str; 3] = ["past_experience", "company_fit", "closing"];

/// When the model was told of a stage, when it was first asked to speak in it, and with what text of its own.
fn told_and_asked(world: &World, stage: &str) -> (u64, u64, Option<String>) {
    let told = world.configured().iter().find(|(_, name, _)| name == stage).map(|(at, ..)| *at).expect("told");
    let (asked, text) = world.asked().into_iter().find(|(at, _)| *at >= told).expect("asked");
    (told, asked, text)
}

#[test]
fn the_model_is_told_first_speaks_after_the_echo_and_then_it_is_announced() {
    let world = World::whole(Setting::default());
    for stage in QUESTIONS {
        let (told, asked, text) = told_and_asked(&world, stage);
        assert_eq!((asked - told, text), (5 + 30 + 5, None), "the echo took its way");
        let entered = world.entered_at(stage).expect("announced");
        assert!(entered > asked && entered < asked + 20, "announced when it is durable");
    }
}

#[test]
fn after_the_greeting_the_next_stage_begins_in_silence() {
    let mut world = World::new(Setting { candidate: Candidate::silent(), ..Setting::default() });
    world.run(15_000);
    assert_eq!(world.stages(), [("welcome".into(), StageReason::Start), ("self_intro".into(), StageReason::Completed)]);
    assert_eq!(world.asked().len(), 1, "only the greeting");
    let (told, ..) = (world.configured().into_iter().find(|(_, stage, _)| stage == "self_intro").expect("told").0, ());
    assert!(told > 300 + 2_000, "after the greeting was heard: {told}");
}

#[test]
fn a_slow_echo_is_not_waited_for_the_reply_carries_the_stage() {
    for echo_ms in [295, 600, 1_500] {
        let world = World::whole(Setting {
            quirks: Quirks { echo_ms: Some(echo_ms), reply_ms: Some(150), ..Quirks::default() },
            ..Setting::default()
        });
        is_as_planned(&world);
        world.checked();
        for stage in QUESTIONS {
            let (told, asked, text) = told_and_asked(&world, stage);
            assert_eq!(
                (asked - told, text.as_deref().map(stage_of).as_deref()),
                (300, Some(stage)),
                "echo after {echo_ms}"
            );
            let entered = world.entered_at(stage).expect("announced");
            let expected = asked + (echo_ms + 10).saturating_sub(300).min(5 + 150 + 5);
            assert!(
                (expected..expected + 20).contains(&entered),
                "with the reply or the echo, whichever is first: {expected} {entered}"
            );
        }
    }
}

#[test]
fn an_echo_in_time_is_waited_for() {
    let world =
        World::whole(Setting { quirks: Quirks { echo_ms: Some(280), ..Quirks::default() }, ..Setting::default() });
    for stage in QUESTIONS {
        let (told, asked, text) = told_and_asked(&world, stage);
        assert_eq!((asked - told, text), (290, None));
    }
}

#[test]
fn a_provider_that_never_echoes_still_gets_through_the_plan() {
    let world = World::whole(Setting { quirks: Quirks { echo_ms: None, ..Quirks::default() }, ..Setting::default() });
    assert_eq!(world.ended_by().as_deref(), Some("natural_completion"));
    assert_eq!(
        world.stages().iter().map(|(stage, _)| stage.as_str()).collect::<Vec<_>>(),
        ["welcome", "self_intro", "past_experience", "company_fit", "closing", "closing"]
    );
    assert!(world.call_events().contains(&"sideband/attached".into()), "what is heard is trusted in the end");
    assert!(world.incidents().is_empty());
    world.checked();
}

#[test]
fn who_speaks_on_before_the_model_could_is_heard_out() {
    let mut world =
        World::new(Setting { quirks: Quirks { echo_ms: Some(200), ..Quirks::default() }, ..Setting::default() });
    assert!(world.run_until(60_000, |world| world.configured().iter().any(|(_, stage, _)| stage == "past_experience")));
    let told = world.now;
    world.later(50, Happening::Speech(4_000));
    world.run(told + 3_000);
    assert!(world.asked().iter().all(|(at, _)| *at < told), "nothing was asked for while they speak");
    assert!(world.entered_at("past_experience").is_some(), "the stage is changed all the same");
    world.run(told + 4_100);
    let (asked, text) = world.asked().pop().expect("the end of their speech drives it");
    assert_eq!((asked, text), (told + 50 + 4_000 + 5, None));
    world.run_to_end();
    is_as_planned(&world);
    world.checked();
}

#[test]
fn who_speaks_on_while_the_echo_is_missing_is_answered_with_the_new_stage() {
    let mut world =
        World::new(Setting { quirks: Quirks { echo_ms: Some(5_000), ..Quirks::default() }, ..Setting::default() });
    assert!(world.run_until(60_000, |world| world.configured().iter().any(|(_, stage, _)| stage == "past_experience")));
    let told = world.now;
    world.later(50, Happening::Speech(2_000));
    world.run(told + 2_200);
    let (asked, text) = world.asked().pop().expect("asked");
    assert_eq!(
        (asked, text.as_deref().map(stage_of).as_deref()),
        (told + 50 + 2_000 + 5, Some("past_experience")),
        "at once: the time for the echo is over"
    );
    world.run_to_end();
    world.checked();
}

#[test]
fn a_breath_is_no_answer() {
    let candidate = Candidate { speak_ms: vec![650], ..Candidate::default() };
    let world = World::whole(Setting { candidate, ..Setting::default() });
    let reasons: Vec<_> = world.stages().into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(reasons[2..5], [StageReason::Forced; 3], "650 ms and the padding before it end no stage");
    let candidate = Candidate { speak_ms: vec![700], ..Candidate::default() };
    is_as_planned(&World::whole(Setting { candidate, ..Setting::default() }));
}

#[test]
fn words_decide_nothing_however_late_they_are() {
    let times = |words_ms: Vec<Option<u64>>| {
        let world = World::whole(Setting { quirks: Quirks { words_ms, ..Quirks::default() }, ..Setting::default() });
        is_as_planned(&world);
        world.checked();
        world.stage_entries().iter().map(|entry| entry.at).take(5).collect::<Vec<_>>()
    };
    let prompt = times(vec![Some(300)]);
    for words in [vec![Some(14_000)], vec![Some(20_000), Some(100)], vec![None], vec![Some(2_500), None, Some(16_000)]]
    {
        assert_eq!(times(words), prompt);
    }
}

#[test]
fn two_terse_answers_end_a_stage_early_and_never_before_its_minimum() {
    let candidate = Candidate { words: "Yes.", ..Candidate::default() };
    let terse = World::whole(Setting { plan: plan("default"), candidate, ..Setting::default() });
    let talkative = World::whole(Setting { plan: plan("default"), ..Setting::default() });
    is_as_planned(&terse);
    let (short, long) = (terse.stage_entries(), talkative.stage_entries());
    for (place, minimum) in [(2, 30_000), (3, 45_000), (4, 30_000)] {
        let (short, long) = (short[place].in_stage_ms, long[place].in_stage_ms);
        assert!(short >= minimum && short + 10_000 < long, "{short} {long}");
    }
}

#[test]
fn without_marks_replies_are_known_by_their_time() {
    let world = World::whole(Setting {
        quirks: Quirks { metadata: false, echo_ms: Some(900), ..Quirks::default() },
        ..Setting::default()
    });
    is_as_planned(&world);
    world.checked();
}

#[test]
fn the_model_is_told_that_time_runs_out_and_never_while_it_speaks() {
    let candidate = Candidate { speak_ms: vec![650], ..Candidate::default() };
    let world = World::whole(Setting {
        plan: plan("default"),
        candidate,
        quirks: Quirks { spoken_ms: 3_500, ..Quirks::default() },
        ..Setting::default()
    });
    let told: Vec<_> = world.configured().into_iter().filter(|(_, stage, _)| stage == "past_experience").collect();
    assert_eq!(told.len(), 3, "at its beginning, with a quarter and with a tenth of its time left");
    assert!(told.iter().all(|(.., gate)| *gate == Gate::Server));
    assert_eq!(world.provider.disturbed, 0);
}

#[test]
fn a_reply_that_carries_another_stage_begins_none() {
    let mut world = World::new(Setting {
        candidate: Candidate::silent(),
        quirks: Quirks { echo_ms: None, reply_ms: Some(1_500), ..Quirks::default() },
        ..Setting::default()
    });
    let skip = |target: &str| Happening::Input(Input::Client(ClientInput::Skip { target: target.into() }));
    world.at(8_000, skip("past_experience"));
    let asked =
        world.run_until(20_000, |world| world.now > 8_000 && world.asked().last().is_some_and(|ask| ask.0 > 8_000));
    assert!(asked, "for a reply that carries the stage");
    world.at(world.now + 100, skip("company_fit"));
    assert!(world.run_until(60_000, |world| world.stages().iter().any(|(stage, _)| stage == "company_fit")));
    let said = world.provider.said.last().and_then(|said| said.stage.clone());
    assert_eq!(said.as_deref(), Some("company_fit"), "the stage begins with the reply that carries it");
}

#[test]
fn while_an_echo_may_still_come_the_provider_s_own_replies_begin_no_stage() {
    let mut world = World::new(Setting {
        attach_ms: None,
        candidate: Candidate { think_ms: vec![50], speak_ms: vec![300], ..Candidate::default() },
        quirks: Quirks { echo_ms: Some(1_000), ..Quirks::default() },
        ..Setting::default()
    });
    assert!(world.run_until(30_000, |world| world.entered_at("self_intro").is_some()));
    let told = world.configured().iter().find(|(_, stage, _)| stage == "self_intro").map(|(at, ..)| *at);
    let (told, entered) = (told.expect("told"), world.entered_at("self_intro").expect("just seen"));
    assert!(entered >= told + 1_000, "told at {told}, entered at {entered}");
}
