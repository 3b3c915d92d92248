//! How turns settle, one test a rule.

use super::super::settled::MAX_SETTLED;
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
    assert!(bench.0.settled.iter().count() <= MAX_SETTLED && !bench.0.is_waiting());
}

#[test]
fn the_end_of_speech_is_told_once_also_when_the_words_were_there_first() {
    let committed = |outcomes: &[Outcome]| {
        outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Committed { speech_ms: Some(900), .. })).count()
    };
    let commit = || TurnFact::Committed { start_ms: Some(100), end_ms: Some(1_000) };
    let mut bench = Bench::new();
    bench.began(0, "U", Speaker::Candidate, After::First);
    assert_eq!(committed(&bench.feed(1, "U", commit())), 1);
    assert_eq!(committed(&bench.feed(2, "U", commit())), 0);
    let mut early = Bench::new();
    early.began(0, "U", Speaker::Candidate, After::First);
    early.feed(1, "U", TurnFact::Replace("Yes.".into()));
    assert_eq!(settled(&early.feed(2, "U", TurnFact::Ended(End::Complete))).len(), 1);
    let late = early.feed(3, "U", commit());
    assert_eq!(committed(&late), 1);
    assert!(
        late.iter()
            .any(|outcome| matches!(outcome, Outcome::Revised(entry, None, _) if entry.duration_ms == Some(900)))
    );
    assert!(early.feed(4, "U", commit()).is_empty());
}

#[test]
fn what_streams_in_after_the_whole_text_is_not_said_again() {
    let mut bench = Bench::new();
    bench.began(0, "A", Speaker::Ai, After::First);
    bench.feed(1, "A", TurnFact::Append("Good ".into()));
    bench.feed(2, "A", TurnFact::Replace("Good morning.".into()));
    assert!(bench.feed(3, "A", TurnFact::Append("morning.".into())).is_empty());
    assert_eq!(
        settled(&bench.feed(4, "A", TurnFact::Ended(End::Complete))),
        [(TurnState::Final, "Good morning.", None)]
    );
}

fn claim(bench: &mut Bench, ms: u64, fact: TurnFact) -> Vec<Outcome> {
    bench.0.apply(at(ms), Source::Client, "s", &TurnRef::Item("A".into(), 0), fact)
}

#[test]
fn a_claim_does_not_change_what_was_heard_and_what_was_heard_confirms_or_corrects_a_claim() {
    let mut heard = Bench::new();
    heard.began(0, "A", Speaker::Ai, After::First);
    heard.feed(1, "A", TurnFact::Replace("You did well.".into()));
    heard.feed(2, "A", TurnFact::Ended(End::Complete));
    assert!(claim(&mut heard, 3, TurnFact::Replace("You are hired.".into())).is_empty());
    assert!(
        claim(
            &mut heard,
            4,
            TurnFact::Began {
                speaker: Speaker::Ai,
                after: After::Item("X".into()),
                origin: Origin::Reply,
                reply: None
            }
        )
        .is_empty()
    );

    for (said, words) in [("You are hired.", None), ("You did well.", Some("You did well."))] {
        let mut claimed = Bench::new();
        claim(
            &mut claimed,
            0,
            TurnFact::Began { speaker: Speaker::Ai, after: After::First, origin: Origin::Reply, reply: None },
        );
        claim(&mut claimed, 1, TurnFact::Replace("You are hired.".into()));
        let settled = claim(&mut claimed, 2, TurnFact::Ended(End::Complete));
        assert!(matches!(settled.as_slice(), [Outcome::Settled(_, _, Source::Client)]));
        let told = claimed.feed(3, "A", TurnFact::Replace(said.into()));
        assert!(
            matches!(told.as_slice(), [Outcome::Revised(_, revised, Source::Sideband)] if revised.as_deref() == words),
            "{told:?}"
        );
        assert!(claim(&mut claimed, 4, TurnFact::Replace("Or not.".into())).is_empty());
    }
}

#[test]
fn a_claim_may_fill_what_was_heard_without_words() {
    let mut bench = Bench::new();
    bench.began(0, "A", Speaker::Candidate, After::First);
    bench.feed(0, "A", TurnFact::Append("I".into()));
    assert_eq!(settled(&bench.0.tick(at(2 * SETTLE_MS))), [(TurnState::TimedOut, "I", None)]);
    let filled = claim(&mut bench, 31_000, TurnFact::Replace("I am Ada.".into()));
    assert!(
        matches!(filled.as_slice(), [Outcome::Revised(entry, Some(_), Source::Client)] if entry.state == TurnState::Final)
    );
}

#[test]
fn a_reply_that_was_cut_off_is_not_made_whole_by_its_end() {
    let mut bench = Bench::new();
    bench.began(0, "A", Speaker::Ai, After::First);
    bench.feed(5, "A", TurnFact::Append("I see, and".into()));
    bench.feed(10, "A", TurnFact::Ended(End::Interrupted { audio_end_ms: None }));
    let over = bench.feed(20, "A", TurnFact::Ended(End::Complete));
    assert_eq!(settled(&over), [(TurnState::Interrupted, "I see, and", None)]);
}

#[test]
fn the_same_words_again_do_not_mend_a_failed_transcription() {
    let mut bench = Bench::new();
    bench.began(0, "U", Speaker::Candidate, After::First);
    bench.feed(5, "U", TurnFact::Append(" This".into()));
    assert_eq!(settled(&bench.feed(10, "U", TurnFact::Ended(End::Failed))), [(TurnState::Failed, "This", None)]);
    // A client told of it, and our own socket reads the item again.
    bench.0.settled.change(0, |turn| turn.source = Source::Client);
    let confirmed = bench.feed(20, "U", TurnFact::Replace("This".into()));
    assert!(matches!(&confirmed[..], [Outcome::Revised(entry, None, _)] if entry.state == TurnState::Failed));
    let found = bench.feed(30, "U", TurnFact::Replace("This is it.".into()));
    assert!(matches!(&found[..], [Outcome::Revised(entry, Some(_), _)] if entry.state == TurnState::Final));
}

#[test]
fn a_turn_of_long_ago_is_never_recorded_again() {
    let mut bench = Bench::new();
    for n in 0..=MAX_SETTLED as u64 {
        let item = format!("i{n}");
        bench.began(n, &item, Speaker::Ai, After::Unknown);
        bench.feed(n, &item, TurnFact::Replace("Words.".into()));
        assert_eq!(settled(&bench.feed(n, &item, TurnFact::Ended(End::Complete))).len(), 1);
    }
    assert!(bench.began(999, "i0", Speaker::Ai, After::First).is_empty());
    assert!(
        matches!(bench.feed(999, "i0", TurnFact::Replace("Other words.".into())).as_slice(), [Outcome::Overflow]),
        "not in silence"
    );
    assert!(bench.feed(999, "i0", TurnFact::Ended(End::Complete)).is_empty());
    assert!(
        !bench.feed(999, "i1", TurnFact::Replace("Other words.".into())).is_empty(),
        "the last ones may still be revised"
    );
}

#[test]
fn a_client_may_place_what_our_own_socket_could_not_and_vouches_for_nothing_else() {
    let mut bench = Bench::new();
    bench.began(0, "U", Speaker::Candidate, After::Unknown);
    bench.feed(0, "U", TurnFact::Replace("I am Ada.".into()));
    bench.feed(0, "U", TurnFact::Ended(End::Complete));
    let mut told = |source, after: &str| {
        let began = TurnFact::Began {
            speaker: Speaker::Candidate,
            after: After::Item(after.into()),
            origin: Origin::Speech,
            reply: None,
        };
        bench.0.apply(at(1), source, "s", &TurnRef::Item("U".into(), 0), began)
    };
    let u = || TurnRef::Item("U".into(), 0);
    assert_eq!(told(Source::Client, "A"), [Outcome::Placed(u(), Speaker::Candidate, "A".into())]);
    assert_eq!(told(Source::Client, "B"), [], "one claim does not replace another");
    let ours = told(Source::Sideband, "C");
    let [Outcome::Revised(entry, None, Source::Sideband)] = ours.as_slice() else { panic!("{ours:?}") };
    assert_eq!(entry.after.as_deref(), Some("C"), "our own socket is not bound by a claim");
    assert_eq!(told(Source::Client, "D"), []);
}

#[test]
fn what_an_earlier_call_said_is_not_said_again_by_the_next() {
    let mut bench = Bench::new();
    bench.began(0, "A", Speaker::Ai, After::First);
    bench.feed(0, "A", TurnFact::Replace("Hello.".into()));
    bench.feed(0, "A", TurnFact::Ended(End::Complete));
    bench.began(1, "U", Speaker::Candidate, After::Item("A".into()));
    let mut next = Bench(bench.0.followed_by(2));
    for item in ["A", "U"] {
        assert_eq!(next.began(2, item, Speaker::Ai, After::First), []);
        assert_eq!(next.feed(2, item, TurnFact::Replace("Hello.".into())), []);
    }
    assert_eq!(next.began(3, "B", Speaker::Ai, After::First).len(), 1);
}
