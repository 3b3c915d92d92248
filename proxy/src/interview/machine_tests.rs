//! The transition table, one test a row, and the machine's invariants.

use proptest::prelude::*;

use super::*;

fn at(s: u64) -> At {
    At { mono_ms: s * 1_000, unix_ms: i64::try_from(s * 1_000).expect("small") }
}

fn plan() -> Plan {
    Plan::parse(include_str!("../../../plans/default.toml")).expect("sound")
}

fn in_stage(plan: &Plan, name: &str) -> Machine {
    let mut machine = Machine::default();
    machine.start(plan, at(0));
    if let Ok(decision) = machine.skip(plan, name) {
        machine.enter(plan, &decision, at(0));
    }
    machine
}

fn ask(machine: &mut Machine, plan: &Plan, n: usize) {
    let of = machine.index().expect("running");
    for _ in 0..n {
        let fresh = machine.questions();
        assert!(machine.on_reply(plan, of, &format!("I see. What about thing {of} {fresh}?")));
    }
}

#[test]
fn the_opening_is_over_when_the_greeting_was_delivered() {
    let plan = plan();
    let mut machine = in_stage(&plan, "welcome");
    assert_eq!(machine.after_opening(&plan), None);
    assert!(machine.on_reply(&plan, 0, "Hello, please introduce yourself."), "an invitation counts without a mark");
    let decision = machine.after_opening(&plan).expect("delivered");
    let entry = machine.enter(&plan, &decision, at(7));
    assert_eq!(
        (entry.from.as_deref(), entry.to.as_str(), entry.reason),
        (Some("welcome"), "self_intro", StageReason::Completed)
    );
    assert_eq!((entry.questions_asked, entry.in_stage_ms), (1, 7_000));
}

#[test]
fn a_stage_is_left_when_every_minimum_is_met_and_half_its_time_is_over() {
    let plan = plan();
    let mut machine = in_stage(&plan, "self_intro");
    ask(&mut machine, &plan, 1);
    assert_eq!(machine.on_answer(&plan, at(70)), None, "one question of two");
    ask(&mut machine, &plan, 2);
    assert_eq!(machine.on_answer(&plan, at(59)), None, "not half the time");
    assert_eq!(machine.on_answer(&plan, at(60)).map(|d| (d.to, d.reason)), Some((2, StageReason::Completed)));
}

#[test]
fn a_hint_replaces_half_the_time_but_no_minimum() {
    let plan = plan();
    let mut machine = in_stage(&plan, "self_intro");
    machine.on_hint();
    assert_eq!(machine.on_answer(&plan, at(40)), None, "no question yet");
    ask(&mut machine, &plan, 2);
    assert_eq!(machine.on_answer(&plan, at(29)), None, "dwell");
    assert!(machine.on_answer(&plan, at(30)).is_some());
}

#[test]
fn a_run_of_terse_answers_ends_a_stage_before_its_questions_but_not_before_its_dwell() {
    let plan = plan();
    let mut machine = in_stage(&plan, "past_experience");
    ask(&mut machine, &plan, 1);
    machine.on_words("Yes.");
    machine.on_words("I grew up on a farm and like machines.");
    machine.on_words("No idea.");
    assert_eq!(machine.on_answer(&plan, at(46)), None, "the run was broken");
    machine.on_words("");
    assert_eq!(machine.on_answer(&plan, at(44)), None, "dwell");
    assert_eq!(machine.on_answer(&plan, at(45)).map(|d| (d.to, d.reason)), Some((3, StageReason::Completed)));
    machine.on_words("Well, there was this one project.");
    assert_eq!(machine.on_answer(&plan, at(47)), None, "the run was broken before it took effect");
}

#[test]
fn the_last_change_is_called_closing() {
    let plan = plan();
    let mut machine = in_stage(&plan, "company_fit");
    ask(&mut machine, &plan, 3);
    assert_eq!(machine.on_answer(&plan, at(120)).map(|d| d.reason), Some(StageReason::Closing));
}

#[test]
fn the_clock_forces_a_change_and_closing_ends_by_its_own_clock() {
    let plan = plan();
    let mut machine = in_stage(&plan, "self_intro");
    assert_eq!(machine.overdue(&plan, at(119)), None);
    assert_eq!(machine.overdue(&plan, at(120)).map(|d| d.reason), Some(StageReason::Forced));
    let mut closing = in_stage(&plan, "closing");
    assert_eq!(closing.overdue(&plan, at(500)), None);
    assert!(!closing.closing_overdue(&plan, at(59)) && closing.closing_overdue(&plan, at(60)));
    assert!(!closing.said_goodbye(&plan));
    closing.on_reply(&plan, 4, "Goodbye.");
    assert!(closing.said_goodbye(&plan));
    machine.end(&plan, "user_end", at(121));
    assert_eq!(machine.overdue(&plan, at(500)), None);
}

#[test]
fn skipping_marks_what_was_left_unfinished_and_what_was_jumped() {
    let plan = plan();
    let mut machine = in_stage(&plan, "self_intro");
    assert_eq!(machine.skip(&plan, "welcome"), Err(SkipRefused::NotLater));
    assert_eq!(machine.skip(&plan, "self_intro"), Err(SkipRefused::NotLater));
    assert_eq!(machine.skip(&plan, "lunch"), Err(SkipRefused::Unknown));
    assert_eq!(Machine::default().skip(&plan, "closing"), Err(SkipRefused::NotRunning));
    let decision = machine.skip(&plan, "company_fit").expect("later");
    assert_eq!(decision.skipped, ["self_intro", "past_experience"]);
    ask(&mut machine, &plan, 2);
    assert_eq!(machine.skip(&plan, "past_experience").expect("later").skipped, Vec::<String>::new());
}

#[test]
fn a_reply_to_an_earlier_stage_counts_nowhere() {
    let plan = plan();
    let mut machine = in_stage(&plan, "past_experience");
    machine.on_reply(&plan, 1, "And what do you like?");
    assert_eq!(machine.questions(), 0);
}

#[test]
fn nudges_come_once_each() {
    let plan = plan();
    let mut machine = in_stage(&plan, "past_experience");
    assert_eq!(machine.next_deadline(&plan), Some(180_000));
    assert_eq!(machine.on_time(&plan, at(100)), None);
    assert_eq!(machine.on_time(&plan, at(180)), Some(Nudge::WrapUp));
    assert_eq!(machine.on_time(&plan, at(181)), None);
    assert_eq!(machine.next_deadline(&plan), Some(216_000));
    assert_eq!(machine.on_time(&plan, at(216)), Some(Nudge::WrapUpNow));
    assert_eq!(machine.next_deadline(&plan), Some(240_000));
}

#[derive(Clone, Debug)]
enum Step {
    Reply(u8),
    Answer,
    Words(bool),
    Hint,
    Time(u16),
    Skip(u8),
    End,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<u8>().prop_map(Step::Reply),
        4 => Just(Step::Answer),
        2 => any::<bool>().prop_map(Step::Words),
        1 => Just(Step::Hint),
        4 => (1u16..90).prop_map(Step::Time),
        1 => (0u8..5).prop_map(Step::Skip),
        1 => Just(Step::End),
    ]
}

proptest! {
    #[test]
    fn the_stage_never_goes_back_and_nothing_follows_the_end(steps in prop::collection::vec(step(), 1..200)) {
        let plan = plan();
        let mut machine = Machine::default();
        let mut now = 0;
        let mut entries = vec![machine.start(&plan, at(now))];
        for step in steps {
            let decision = match step {
                Step::Reply(n) => { machine.on_reply(&plan, machine.index().expect("started"), &format!("What {n}?")); machine.after_opening(&plan) }
                Step::Answer => machine.on_answer(&plan, at(now)),
                Step::Words(terse) => { machine.on_words(if terse { "No." } else { "one two three four five" }); None }
                Step::Hint => { machine.on_hint(); None }
                Step::Time(s) => { now += u64::from(s); machine.overdue(&plan, at(now)) }
                Step::Skip(to) => machine.skip(&plan, &plan.stages[usize::from(to)].name).ok(),
                Step::End => { entries.extend(machine.end(&plan, "user_end", at(now))); None }
            };
            if let Some(decision) = decision {
                prop_assert!(!machine.is_over(), "decided after the end");
                let before = machine.index().expect("started");
                entries.push(machine.enter(&plan, &decision, at(now)));
                prop_assert!(machine.index().expect("started") > before);
            }
        }
        // Replaying the entries gives the state.
        let last_real = entries.iter().rev().find(|e| e.reason != StageReason::Ended).expect("start");
        prop_assert_eq!(plan.position(&last_real.to), machine.index());
        prop_assert!(entries.iter().filter(|e| e.reason == StageReason::Ended).count() <= 1);
        for pair in entries.windows(2) {
            prop_assert_eq!(pair[1].from.as_deref(), Some(pair[0].to.as_str()));
        }
    }
}
