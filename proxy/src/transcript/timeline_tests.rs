//! How turns settle, one test a rule of call-core §4 and openai-realtime §10.3–10.4.

use super::*;

fn at(ms: u64) -> At {
    At { mono_ms: ms, unix_ms: i64::try_from(ms).expect("small") }
}

struct Bench(Timeline);

impl Bench {
    fn new() -> Self {
        Self(Timeline::new(1))
    }

    fn feed(&mut self, ms: u64, item: &str, fact: TurnFact) -> Vec<Outcome> {
        self.0.apply(at(ms), Source::Sideband, "s", &TurnRef::Item(item.into(), 0), fact)
    }

    fn began(&mut self, ms: u64, item: &str, speaker: Speaker, after: After) -> Vec<Outcome> {
        self.feed(ms, item, TurnFact::Began { speaker, after, origin: Origin::Speech, reply: None })
    }
}

fn settled(outcomes: &[Outcome]) -> Vec<(TurnState, &str, Option<&str>)> {
    outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Settled(entry, words, _) => Some((entry.state, words.as_str(), entry.after.as_deref())),
            _ => None,
        })
        .collect()
}

#[test]
fn words_that_come_late_settle_their_own_turn() {
    let mut bench = Bench::new();
    bench.began(0, "U", Speaker::Candidate, After::First);
    bench.feed(10, "U", TurnFact::Committed { start_ms: Some(100), end_ms: Some(2_100) });
    bench.began(20, "A", Speaker::Ai, After::Item("U".into()));
    bench.feed(30, "A", TurnFact::Append("Hello".into()));
    let reply = bench.feed(40, "A", TurnFact::Ended(End::Complete));
    assert_eq!(settled(&reply), [(TurnState::Final, "Hello", Some("U"))]);
    bench.feed(900, "U", TurnFact::Append(" I am".into()));
    bench.feed(901, "U", TurnFact::Replace("I am Ada.".into()));
    let answer = bench.feed(902, "U", TurnFact::Ended(End::Complete));
    assert_eq!(settled(&answer), [(TurnState::Final, "I am Ada.", None)]);
    let Outcome::Settled(entry, ..) = &answer[0] else { panic!() };
    assert_eq!((entry.start_ms, entry.duration_ms), (Some(100), Some(2_000)));
}

#[test]
fn a_turn_without_words_times_out_and_late_words_revise_it() {
    let mut bench = Bench::new();
    bench.began(0, "U", Speaker::Candidate, After::First);
    bench.feed(0, "U", TurnFact::Committed { start_ms: None, end_ms: None });
    assert_eq!(bench.0.deadline(), Some(SETTLE_MS));
    assert!(bench.0.tick(at(SETTLE_MS - 1)).is_empty());
    assert_eq!(settled(&bench.0.tick(at(SETTLE_MS))), [(TurnState::TimedOut, "", None)]);
    let late = bench.feed(60_000, "U", TurnFact::Replace("At last.".into()));
    assert!(
        matches!(late.as_slice(), [Outcome::Revised(entry, Some(words), _)] if entry.state == TurnState::Final && words == "At last.")
    );
    assert!(bench.feed(60_001, "U", TurnFact::Replace("At last.".into())).is_empty(), "a repeat is nothing");
}

#[test]
fn failed_and_empty_turns_are_recorded_as_such() {
    let mut bench = Bench::new();
    for (item, end, state) in [("F", End::Failed, TurnState::Failed), ("E", End::Empty, TurnState::Empty)] {
        bench.began(0, item, Speaker::Candidate, After::First);
        assert_eq!(settled(&bench.feed(5, item, TurnFact::Ended(end))), [(state, "", None)]);
    }
}

#[test]
fn a_reply_cut_off_keeps_its_words_and_where_it_stopped() {
    let mut bench = Bench::new();
    bench.began(0, "A", Speaker::Ai, After::First);
    bench.feed(1, "A", TurnFact::Append("All of this was generated".into()));
    assert!(
        settled(&bench.feed(2, "A", TurnFact::Ended(End::Interrupted { audio_end_ms: None }))).is_empty(),
        "waits for where"
    );
    let cut = bench.feed(50, "A", TurnFact::Ended(End::Interrupted { audio_end_ms: Some(700) }));
    assert!(
        matches!(&cut[0], Outcome::Settled(entry, words, _) if entry.state == TurnState::Interrupted && entry.audio_end_ms == Some(700) && !words.is_empty())
    );
}

#[test]
fn a_reply_cut_off_after_it_was_complete_is_revised() {
    let mut bench = Bench::new();
    bench.began(0, "A", Speaker::Ai, After::First);
    bench.feed(1, "A", TurnFact::Append("Long talk".into()));
    bench.feed(2, "A", TurnFact::Ended(End::Complete));
    let cut = bench.feed(900, "A", TurnFact::Ended(End::Interrupted { audio_end_ms: Some(500) }));
    assert!(matches!(cut.as_slice(), [Outcome::Revised(entry, None, _)] if entry.state == TurnState::Interrupted));
    assert!(bench.feed(901, "A", TurnFact::Ended(End::Interrupted { audio_end_ms: Some(500) })).is_empty());
}

#[test]
fn a_link_is_never_lost_and_never_replaced() {
    let mut bench = Bench::new();
    bench.began(0, "A", Speaker::Ai, After::Unknown);
    bench.began(1, "A", Speaker::Ai, After::Item("U".into()));
    bench.began(2, "A", Speaker::Ai, After::First);
    bench.began(3, "A", Speaker::Ai, After::Item("X".into()));
    bench.feed(4, "A", TurnFact::Replace("Hi.".into()));
    assert_eq!(settled(&bench.feed(5, "A", TurnFact::Ended(End::Complete))), [(TurnState::Final, "Hi.", Some("U"))]);
    let mut late = Bench::new();
    late.began(0, "B", Speaker::Ai, After::Unknown);
    late.feed(1, "B", TurnFact::Replace("Hi.".into()));
    late.feed(2, "B", TurnFact::Ended(End::Complete));
    assert!(
        matches!(late.began(9, "B", Speaker::Ai, After::Item("U".into())).as_slice(), [Outcome::Revised(entry, None, _)] if entry.after.as_deref() == Some("U"))
    );
}

#[test]
fn empty_words_never_beat_words() {
    let mut bench = Bench::new();
    bench.began(0, "A", Speaker::Ai, After::First);
    bench.feed(1, "A", TurnFact::Append("Words".into()));
    bench.feed(2, "A", TurnFact::Replace(String::new()));
    assert_eq!(settled(&bench.feed(3, "A", TurnFact::Ended(End::Complete))), [(TurnState::Final, "Words", None)]);
    assert!(bench.feed(4, "A", TurnFact::Replace(String::new())).is_empty());
}

#[test]
fn words_are_cut_at_a_character_and_marked() {
    let mut bench = Bench::new();
    bench.began(0, "A", Speaker::Ai, After::First);
    bench.feed(1, "A", TurnFact::Replace("é".repeat(MAX_WORDS)));
    let done = bench.feed(2, "A", TurnFact::Ended(End::Complete));
    assert!(
        matches!(&done[0], Outcome::Settled(entry, words, _) if entry.truncated && words.len() <= MAX_WORDS && words.ends_with('é'))
    );
}

#[test]
fn too_many_open_turns_settle_the_oldest_and_say_so() {
    let mut bench = Bench::new();
    let mut early = 0;
    for n in 0..1_000 {
        let outcomes = bench.began(n, &format!("i{n}"), Speaker::Candidate, After::Unknown);
        early += outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Overflow)).count();
    }
    assert_eq!(early, 1_000 - MAX_OPEN);
    assert_eq!(bench.0.settle_all().len(), MAX_OPEN);
    assert!(bench.0.settled.len() <= MAX_SETTLED && !bench.0.is_waiting());
}
