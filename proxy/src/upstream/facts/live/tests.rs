//! Conversations as the live dialect tells them, and the turns in them.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::upstream::facts::{End, TurnFact};

/// One call, told fragment by fragment; each arrives when its words end unless it is said to come later.
struct Call {
    live: Live,
    facts: Vec<Fact>,
    events: u32,
}

impl Call {
    fn new() -> Self {
        Self { live: Live::new(), facts: Vec::new(), events: 0 }
    }

    fn event(speaker: Speaker, start: u64, end: u64, words: &str, id: &str) -> Value {
        let kind = if speaker == Speaker::Ai { "output" } else { "input" };
        json!({"type": format!("session.{kind}_transcript.delta"), "event_id": id, "delta": words, "start_ms": start, "end_ms": end})
    }

    fn at(&mut self, at: Millis, speaker: Speaker, start: u64, end: u64, words: &str) {
        self.wait(at);
        self.events += 1;
        let id = format!("event_{}", self.events);
        self.facts.extend(self.live.feed(at, &Self::event(speaker, start, end, words, &id)));
    }

    fn ai(&mut self, start: u64, end: u64, words: &str) {
        self.at(end, Speaker::Ai, start, end, words);
    }

    fn candidate(&mut self, start: u64, end: u64, words: &str) {
        self.at(end, Speaker::Candidate, start, end, words);
    }

    fn wait(&mut self, until: Millis) {
        while let Some(at) = self.live.deadline().filter(|at| *at <= until) {
            self.facts.extend(self.live.tick(at));
        }
    }

    /// Who said what from when, in the order of their endings.
    fn turns(&self) -> Vec<(&'static str, u64, String)> {
        let mut turns = Vec::new();
        for fact in &self.facts {
            if let Fact::Turn(TurnRef::Span(speaker, start), TurnFact::Ended(End::Complete)) = fact {
                turns.push((speaker.as_str(), *start, self.words(*speaker, *start)));
            }
        }
        turns
    }

    fn words(&self, speaker: Speaker, start: u64) -> String {
        let mut words = String::new();
        for fact in &self.facts {
            match fact {
                Fact::Turn(turn, TurnFact::Append(more)) if *turn == TurnRef::Span(speaker, start) => words += more,
                Fact::Turn(turn, TurnFact::Replace(all)) if *turn == TurnRef::Span(speaker, start) => {
                    words.clone_from(all)
                }
                _ => {}
            }
        }
        words
    }

    /// Everything but turns' words, in short.
    fn course(&self) -> Vec<String> {
        let short = |fact: &Fact| match fact {
            Fact::Floor { speaker, on } => Some(format!("{} {}", speaker.as_str(), if *on { "on" } else { "off" })),
            Fact::ReplyStarted { .. } => Some("reply".to_owned()),
            Fact::ReplyFinished { .. } => Some("done".to_owned()),
            Fact::Turn(_, TurnFact::Committed { .. }) => Some("committed".to_owned()),
            _ => None,
        };
        self.facts.iter().filter_map(short).collect()
    }
}

#[test]
fn a_greeting_an_answer_and_the_reply_to_it() {
    let mut call = Call::new();
    call.ai(1_000, 1_500, "Hello.");
    call.ai(1_500, 2_400, " Who are you?");
    call.candidate(3_000, 3_800, "I am");
    call.candidate(3_800, 5_000, " Ada.");
    call.ai(5_600, 6_200, "Thank you.");
    call.ai(6_200, 7_000, " What else?");
    call.wait(20_000);
    assert_eq!(
        call.turns(),
        [
            ("ai", 1_000, "Hello. Who are you?".to_owned()),
            ("candidate", 3_000, "I am Ada.".to_owned()),
            ("ai", 5_600, "Thank you. What else?".to_owned()),
        ]
    );
    let expected = [
        "reply",
        "ai on",
        "ai off",
        "done",
        "candidate on",
        "candidate off",
        "committed",
        "reply",
        "ai on",
        "ai off",
        "done",
    ];
    assert_eq!(call.course(), expected);
    let lasted = TurnFact::Lasted { start_ms: 1_000, end_ms: 2_400 };
    assert!(call.facts.contains(&Fact::Turn(TurnRef::Span(Speaker::Ai, 1_000), lasted)));
    let committed = TurnFact::Committed { start_ms: Some(3_000), end_ms: Some(5_000) };
    assert!(call.facts.contains(&Fact::Turn(TurnRef::Span(Speaker::Candidate, 3_000), committed)));
}

#[test]
fn a_pause_is_no_end_and_a_long_one_is() {
    let mut call = Call::new();
    call.candidate(0, 1_000, "I think");
    call.candidate(2_199, 3_000, " so.");
    call.candidate(4_200, 5_000, " Or not.");
    call.wait(9_000);
    let said: Vec<_> = call.turns().into_iter().map(|(_, start, words)| (start, words)).collect();
    assert_eq!(said, [(0, "I think so.".to_owned()), (4_200, " Or not.".to_owned())]);
}

#[test]
fn a_murmur_neither_splits_nor_answers() {
    let mut call = Call::new();
    call.candidate(0, 2_000, "I build bridges");
    call.ai(2_200, 2_900, "Mhm.");
    // 1.5 s after it stopped, 0.7 of which are the other's.
    call.candidate(3_500, 3_900, " of steel.");
    call.wait(9_000);
    assert_eq!(call.words(Speaker::Candidate, 0), "I build bridges of steel.");
    assert_eq!(call.turns().len(), 2);
    assert_eq!(call.course(), ["candidate on", "candidate off", "committed"], "{:?}", call.turns());
}

#[test]
fn whoever_really_speaks_in_between_takes_the_floor() {
    let mut call = Call::new();
    call.candidate(0, 2_000, "I build bridges");
    call.ai(2_050, 3_100, "Which ones?");
    call.candidate(3_150, 4_000, " Of steel.");
    call.wait(9_000);
    let said: Vec<_> = call.turns().into_iter().map(|(who, start, _)| (who, start)).collect();
    assert_eq!(said, [("candidate", 0), ("ai", 2_050), ("candidate", 3_150)]);
}

#[test]
fn a_short_answer_is_an_answer() {
    let mut call = Call::new();
    call.ai(0, 2_000, "Are you there?");
    call.candidate(2_600, 3_000, "Yes.");
    call.wait(9_000);
    assert_eq!(call.course(), ["reply", "ai on", "ai off", "done", "candidate on", "candidate off", "committed"]);
}

#[test]
fn the_model_may_be_told_something_when_it_pauses_and_not_while_it_speaks() {
    let mut call = Call::new();
    call.ai(0, 1_000, "Well.");
    call.ai(2_000, 2_600, " And now?");
    call.wait(9_000);
    assert_eq!(call.course(), ["reply", "ai on", "ai off", "done", "ai on", "ai off", "done"]);
    assert_eq!(call.turns().len(), 1);
}

#[test]
fn words_that_come_late_are_put_where_they_belong() {
    let mut call = Call::new();
    call.candidate(0, 1_000, "I build");
    call.ai(2_000, 2_600, "Thank");
    call.ai(2_600, 3_300, " you.");
    call.at(3_400, Speaker::Candidate, 1_000, 1_600, " bridges.");
    call.wait(9_000);
    assert_eq!(call.words(Speaker::Candidate, 0), "I build bridges.");
    assert_eq!(call.turns().len(), 2);
}

#[test]
fn what_is_told_again_is_told_once() {
    let mut call = Call::new();
    call.candidate(0, 1_000, "Hello.");
    let before = call.facts.len();
    let again = Call::event(Speaker::Candidate, 0, 1_000, "Hello.", "event_1");
    assert!(call.live.feed(1_100, &again).is_empty() && call.facts.len() == before);
}

#[test]
fn a_burst_after_a_stall_is_told_apart_by_its_own_clock() {
    let mut call = Call::new();
    for (speaker, start, words) in [
        (Speaker::Ai, 0, "Who are you?"),
        (Speaker::Candidate, 2_500, "Ada."),
        (Speaker::Ai, 6_000, "And what do you do?"),
        (Speaker::Candidate, 9_000, "Bridges."),
    ] {
        call.at(20_000, speaker, start, start + 1_500, words);
    }
    call.wait(30_000);
    let said: Vec<_> = call.turns().into_iter().map(|(who, _, words)| format!("{who}: {words}")).collect();
    assert_eq!(said, ["ai: Who are you?", "candidate: Ada.", "ai: And what do you do?", "candidate: Bridges."]);
}

#[test]
fn another_ear_goes_on_where_the_first_one_stopped() {
    let mut call = Call::new();
    call.candidate(0, 1_000, "I build");
    let mut other = Call::new();
    other.live.go_on_from(&call.live);
    // The last second comes again, under another id.
    other.at(1_200, Speaker::Candidate, 0, 1_000, "I build");
    other.candidate(1_100, 2_000, " bridges.");
    other.wait(9_000);
    assert_eq!(other.words(Speaker::Candidate, 0), " bridges.");
    assert_eq!(other.turns().len(), 1);
}

#[test]
fn what_is_on_the_record_is_not_heard_anew() {
    let mut call = Call::new();
    call.live.is_known(&TurnRef::Span(Speaker::Ai, 1_000), Some(3_000));
    call.live.is_known(&TurnRef::Item("i".into(), 0), None);
    call.ai(2_000, 3_000, "old");
    call.ai(3_400, 4_000, "new");
    call.wait(9_000);
    assert_eq!(call.turns(), [("ai", 3_400, "new".to_owned())]);
}

#[test]
fn the_end_ends_everything_and_says_what_it_took() {
    let mut call = Call::new();
    call.candidate(0, 1_000, "Bye.");
    let facts = call.live.feed(
        1_100,
        &json!({"type": "session.closed", "event_id": "x", "reason": "expired", "usage": {"seconds": 3.2}}),
    );
    assert!(facts.contains(&Fact::Metered { operation: Operation::Reply, total_ms: 3_200 }));
    assert_eq!(facts.last(), Some(&Fact::Closed { reason: "expired".into() }));
    call.facts.extend(facts);
    assert_eq!(call.turns().len(), 1);
    assert_eq!(call.live.deadline(), None);
    let other = Live::new().feed(0, &json!({"type": "session.closed", "reason": "sk-secret"}));
    assert_eq!(other, [Fact::Closed { reason: "other".into() }]);
}

#[test]
fn our_own_word_is_recognised_and_anybody_else_s_is_told_apart() {
    let appended = |id: Value| {
        let facts = Live::new().feed(0, &json!({"type": "session.instructions.appended", "client_event_id": id}));
        facts
            .into_iter()
            .map(|fact| match fact {
                Fact::Config(config) => config.instructions,
                other => panic!("{other:?}"),
            })
            .next()
    };
    assert_eq!(appended(json!("viva_1_2.0123456789abcdef")).as_deref(), Some("0123456789abcdef"));
    assert_eq!(appended(json!("viva_1_2")), None, "a piece of something");
    assert_eq!(appended(json!("mine")).as_deref(), Some(""));
    assert_eq!(appended(Value::Null).as_deref(), Some(""));
    let refused = Live::new()
        .feed(0, &json!({"type": "error", "error": {"code": "c", "client_event_id": "viva_1_2.0123456789abcdef"}}));
    assert_eq!(refused, [Fact::Rejected { directive: Some("viva_1_2".into()), code: "c".into() }]);
}

#[test]
fn sound_is_told_by_its_beginning_and_words_about_it_are_not_sound() {
    for sound in [
        r#"{"type":"session.output_audio.delta","delta":"AAAA"}"#,
        r#"{"type": "session.input_audio.append", "audio": "AAAA"}"#,
        r#"{"event_id":"event_0123456789","type":"session.output_audio.delta","delta":"AAAA"}"#,
    ] {
        assert!(is_sound(sound), "{sound}");
    }
    let words = json!({"delta": "session.output_audio.delta\" I said", "type": "session.input_transcript.delta"});
    assert!(!is_sound(&words.to_string()));
    assert!(!is_sound("") && !is_sound(r#"{"type":"session.output_audio.fixture.played"}"#));
}

proptest! {
    /// However fragments come: every word that is not late is in exactly one turn, turns of one voice do not overlap, and
    /// nothing stays open for ever.
    #[test]
    fn any_fragments_make_turns(
        told in prop::collection::vec((any::<bool>(), 0_u64..3_000, 0_u64..1_500, 0_u64..2_500), 1..40),
    ) {
        let mut call = Call::new();
        let (mut media, mut at) = (0, 0);
        for (n, (is_ai, skip, length, wait)) in told.iter().enumerate() {
            media += skip;
            at += wait;
            let speaker = if *is_ai { Speaker::Ai } else { Speaker::Candidate };
            call.at(at, speaker, media, media + length, &format!("[{n}]"));
        }
        call.wait(at + 10_000);
        prop_assert_eq!(call.live.deadline(), None);
        let said: String = call.turns().into_iter().map(|(_, _, words)| words).collect();
        for n in 0..told.len() {
            prop_assert_eq!(said.matches(&format!("[{n}]")).count(), 1, "{}", n);
        }
        let committed = call.course().iter().filter(|what| *what == "committed").count();
        let of_candidate = call.turns().iter().filter(|(who, ..)| *who == "candidate").count();
        prop_assert!(committed <= of_candidate);
        let (on, off) = (call.course(), call.course());
        let count = |course: &[String], what: &str| course.iter().filter(|told| *told == what).count();
        prop_assert_eq!(count(&on, "candidate on"), count(&off, "candidate off"));
        prop_assert_eq!(count(&on, "ai on"), count(&off, "ai off"));
    }
}
