//! Normaliser of translation sessions: what is said and what it becomes in the other language, both as streams of words
//! with a common clock and without turns. A voice's words are one turn until it pauses, or until a sentence ends after a
//! while, so that who talks without a pause is still told in pieces that can be read. The two voices overlap by design, and
//! neither ends the other's turn. Unknown events are normal and give nothing; a missing field never panics.
//! Source: <https://developers.openai.com/api/reference/resources/realtime/translation-server-events>.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::seen::Seen;
use super::{After, End, Fact, Guarded, Operation, TurnFact, TurnRef};
use crate::clock::Millis;
use crate::transcript::{Origin, Speaker};

/// Event ids remembered against repeats.
const MAX_EVENT_IDS: usize = 256;
/// A longer silence of a voice ends its turn, on the session's clock …
const PAUSE_MS: u64 = 1_600;
/// … and by ours, since nothing is told while nobody speaks. Words come some time after they are spoken.
const OVER_MS: Millis = 2_000;
/// From here on the end of a sentence ends the turn.
const LONG_MS: u64 = 12_000;
/// A session is shorter than this: what claims more is no time.
const MOST_MS: u64 = 1 << 40;

/// State of one call's events from one source.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Translation {
    seen: Seen,
    said: Voice,
    translated: Voice,
    /// Our time of the first event, where events tell no time of their own.
    origin: Option<Millis>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Voice {
    open: Option<Span>,
    /// Up to here everything was told, or is on the record already.
    told_until: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Span {
    start_ms: u64,
    end_ms: u64,
    heard_at: Millis,
    /// The last words ended a sentence.
    is_whole: bool,
}

impl Translation {
    /// A normaliser at the start of a call.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The facts in one server event that arrived at this time.
    pub fn feed(&mut self, at: Millis, event: &Value) -> Vec<Fact> {
        let mut facts = Vec::new();
        let Some(kind) = event["type"].as_str() else { return facts };
        if self.seen.is_repeat(event, MAX_EVENT_IDS) {
            return facts;
        }
        match kind {
            "session.input_transcript.delta" => self.say(at, Speaker::Candidate, event, &mut facts),
            "session.output_transcript.delta" => self.say(at, Speaker::Ai, event, &mut facts),
            "session.created" | "session.updated" => {
                let session = &event["session"];
                facts.push(Fact::Opened { expires_at: session["expires_at"].as_i64().filter(|at| *at > 0) });
                facts.push(Fact::Config(Box::new(Guarded::of_session(session))));
            }
            "session.closed" => {
                self.finish(&mut facts);
                facts.push(Fact::Closed { reason: "close_requested".to_owned() });
            }
            "error" => {
                let error = &event["error"];
                let code = error["code"].as_str().or_else(|| error["type"].as_str()).unwrap_or_default();
                let directive = error["event_id"].as_str().map(str::to_owned);
                facts.push(Fact::Rejected { directive, code: code.to_owned() });
            }
            _ => {}
        }
        facts
    }

    /// Time passed.
    pub fn tick(&mut self, at: Millis) -> Vec<Fact> {
        let mut facts = Vec::new();
        for speaker in [Speaker::Candidate, Speaker::Ai] {
            if self.voice(speaker).open.as_ref().is_some_and(|span| span.heard_at + OVER_MS <= at) {
                self.end(speaker, &mut facts);
            }
        }
        facts
    }

    /// When [`Translation::tick`] has something to say.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        [&self.said, &self.translated]
            .into_iter()
            .filter_map(|voice| Some(voice.open.as_ref()?.heard_at + OVER_MS))
            .min()
    }

    /// This turn is on the record, to its end if that is known: what is told from now on is another.
    pub fn is_known(&mut self, turn: &TurnRef, end_ms: Option<u64>) {
        if let TurnRef::Span(speaker, start_ms) = turn {
            let until = end_ms.unwrap_or(*start_ms);
            let voice = self.voice(*speaker);
            voice.told_until = Some(voice.told_until.map_or(until, |known| known.max(until)));
        }
    }

    /// The call was heard by another way until now: its turns keep their names.
    pub fn go_on_from(&mut self, other: &Self) {
        self.said = other.said.clone();
        self.translated = other.translated.clone();
        self.origin = other.origin;
    }

    fn voice(&mut self, speaker: Speaker) -> &mut Voice {
        if speaker == Speaker::Ai { &mut self.translated } else { &mut self.said }
    }

    fn say(&mut self, at: Millis, speaker: Speaker, event: &Value, facts: &mut Vec<Fact>) {
        let Some(words) = event["delta"].as_str().filter(|words| !words.is_empty()) else { return };
        let origin = *self.origin.get_or_insert(at);
        let told = event["elapsed_ms"].as_u64().filter(|ms| *ms < MOST_MS);
        let media = told.unwrap_or_else(|| at.saturating_sub(origin));
        // What is charged is the time that the session listened.
        facts.extend(told.map(|total_ms| Fact::Metered { operation: Operation::Reply, total_ms }));
        let is_over = self.voice(speaker).open.as_ref().is_some_and(|span| {
            let is_long = span.is_whole && span.end_ms.saturating_sub(span.start_ms) >= LONG_MS;
            is_long || media > span.end_ms + PAUSE_MS
        });
        if is_over {
            self.end(speaker, facts);
        }
        let voice = self.voice(speaker);
        if voice.open.is_none() {
            // Several fragments may share a time, and a turn must not have the name of another.
            let start_ms = voice.told_until.map_or(media, |until| media.max(until + 1));
            voice.open = Some(Span { start_ms, end_ms: start_ms, heard_at: at, is_whole: false });
            let origin = if speaker == Speaker::Ai { Origin::Reply } else { Origin::Speech };
            let began = TurnFact::Began { speaker, after: After::Unknown, origin, reply: None };
            facts.push(Fact::Floor { speaker, on: true });
            facts.push(Fact::Turn(TurnRef::Span(speaker, start_ms), began));
        }
        let Some(span) = &mut voice.open else { return };
        span.end_ms = span.end_ms.max(media);
        span.heard_at = at;
        span.is_whole = words.trim_end().ends_with(['.', '!', '?', '…', '。', '！', '？', '।', '؟']);
        facts.push(Fact::Turn(TurnRef::Span(speaker, span.start_ms), TurnFact::Append(words.to_owned())));
    }

    fn end(&mut self, speaker: Speaker, facts: &mut Vec<Fact>) {
        let voice = self.voice(speaker);
        let Some(Span { start_ms, end_ms, .. }) = voice.open.take() else { return };
        voice.told_until = Some(end_ms);
        let turn = TurnRef::Span(speaker, start_ms);
        facts.push(Fact::Floor { speaker, on: false });
        facts.push(Fact::Turn(turn.clone(), TurnFact::Lasted { start_ms, end_ms }));
        facts.push(Fact::Turn(turn, TurnFact::Ended(End::Complete)));
    }

    fn finish(&mut self, facts: &mut Vec<Fact>) {
        self.end(Speaker::Candidate, facts);
        self.end(Speaker::Ai, facts);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What was told, as turns: who, from when, which words, and whether it ended.
    fn turns(facts: &[Fact]) -> Vec<(Speaker, u64, String, bool)> {
        let mut turns: Vec<(Speaker, u64, String, bool)> = Vec::new();
        for fact in facts {
            let Fact::Turn(TurnRef::Span(speaker, start), fact) = fact else { continue };
            let known = turns.iter_mut().find(|(who, at, ..)| (*who, *at) == (*speaker, *start));
            match (known, fact) {
                (None, TurnFact::Began { .. }) => turns.push((*speaker, *start, String::new(), false)),
                (Some((_, _, words, _)), TurnFact::Append(more)) => words.push_str(more),
                (Some((.., ended)), TurnFact::Ended(End::Complete)) => *ended = true,
                (Some(_), TurnFact::Lasted { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        turns
    }

    fn delta(kind: &str, elapsed: u64, words: &str) -> Value {
        json!({"type": format!("session.{kind}_transcript.delta"), "delta": words, "elapsed_ms": elapsed})
    }

    fn told(events: &[(Millis, Value)]) -> Vec<Fact> {
        let mut translation = Translation::new();
        let mut facts = Vec::new();
        for (at, event) in events {
            facts.extend(translation.tick(*at));
            facts.extend(translation.feed(*at, event));
        }
        facts.extend(translation.tick(1_000_000));
        facts
    }

    #[test]
    fn both_voices_speak_at_once_and_each_pauses_for_itself() {
        let facts = told(&[
            (1_000, delta("input", 400, "Good")),
            (1_600, delta("output", 1_000, "Guten")),
            (1_700, delta("input", 1_000, " morning.")),
            (2_400, delta("output", 1_800, " Morgen.")),
            (6_000, delta("input", 5_400, "How are you?")),
        ]);
        let expected = [
            (Speaker::Candidate, 400, "Good morning."),
            (Speaker::Ai, 1_000, "Guten Morgen."),
            (Speaker::Candidate, 5_400, "How are you?"),
        ];
        assert_eq!(turns(&facts), expected.map(|(who, at, words)| (who, at, words.to_owned(), true)));
        let metered: Vec<_> = facts
            .iter()
            .filter_map(|fact| if let Fact::Metered { total_ms, .. } = fact { Some(*total_ms) } else { None })
            .collect();
        assert_eq!(metered, [400, 1_000, 1_000, 1_800, 5_400]);
    }

    #[test]
    fn who_talks_without_a_pause_is_told_in_sentences() {
        let words: Vec<_> = (0..60)
            .map(|n| (1_000 + n * 400, delta("input", n * 400, if n % 5 == 4 { " end." } else { " word" })))
            .collect();
        let facts = told(&words);
        let turns = turns(&facts);
        assert_eq!(turns.len(), 2, "{turns:?}");
        assert!(turns.iter().all(|(_, _, words, ended)| words.ends_with("end.") && *ended));
    }

    #[test]
    fn turns_that_share_a_time_have_names_of_their_own_and_a_repeat_says_nothing() {
        let mut translation = Translation::new();
        let mut first = delta("output", 200, "Eins");
        first["event_id"] = "event_1".into();
        let mut facts = translation.feed(0, &first);
        assert!(translation.feed(0, &first).is_empty());
        assert_eq!(translation.deadline(), Some(OVER_MS));
        facts.extend(translation.tick(OVER_MS));
        facts.extend(translation.feed(9_000, &delta("output", 200, "Zwei")));
        let names: Vec<_> = turns(&facts).into_iter().map(|(_, at, words, _)| (at, words)).collect();
        assert_eq!(names, [(200, "Eins".to_owned()), (201, "Zwei".to_owned())]);
        assert_eq!(
            translation.feed(9_100, &json!({"type": "session.closed"})).last(),
            Some(&Fact::Closed { reason: "close_requested".into() })
        );
        assert_eq!(translation.deadline(), None);
    }

    #[test]
    fn events_without_a_time_are_told_by_ours() {
        let untimed = |words: &str| json!({"type": "session.input_transcript.delta", "delta": words});
        let facts = told(&[(5_000, untimed("One")), (5_500, untimed(" two")), (9_000, untimed("Three"))]);
        let names: Vec<_> = turns(&facts).into_iter().map(|(_, at, words, _)| (at, words)).collect();
        assert_eq!(names, [(0, "One two".to_owned()), (4_000, "Three".to_owned())]);
        assert!(!facts.iter().any(|fact| matches!(fact, Fact::Metered { .. })), "nobody told how long");
    }

    #[test]
    fn another_language_than_ours_is_another_configuration() {
        let session = |language: &str| {
            json!({"type": "session.updated", "session": {"type": "translation",
            "audio": {"input": {"transcription": {"model": "w"}}, "output": {"language": language}}}})
        };
        let config = |language: &str| {
            let facts = Translation::new().feed(0, &session(language));
            facts.into_iter().find_map(|fact| if let Fact::Config(config) = fact { Some(config) } else { None })
        };
        assert_eq!(config("de"), config("de"));
        assert_ne!(config("de"), config("fr"));
    }

    #[test]
    fn whatever_comes_never_panics() {
        for event in [
            json!(null),
            json!({"type": "session.input_transcript.delta"}),
            json!({"type": "session.output_transcript.delta", "delta": 3, "elapsed_ms": "x"}),
            json!({"type": "session.output_transcript.delta", "delta": "x", "elapsed_ms": u64::MAX}),
            json!({"type": "session.updated"}),
            json!({"type": "error"}),
            json!({"type": "something.else"}),
        ] {
            let mut translation = Translation::new();
            translation.feed(0, &event);
            translation.tick(10);
        }
    }
}
