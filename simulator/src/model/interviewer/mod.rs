//! What the model says: a question that belongs to the stage named in its instructions.
//!
//! The contract is one line, `Stage: <name>`; the last one in the instructions counts. A line that
//! begins with `Continue the interview` says that an earlier call came before: nobody is greeted.
//! A question that already stands in the instructions, in a list of those asked say, is not asked
//! again.

mod bank;
mod brief;

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use bank::Lines;
use brief::Brief;

/// What the interviewer does with the stage in its instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obedience {
    /// Follows it.
    Follows,
    /// Takes no notice of it and never says goodbye.
    Ignores,
}

/// One thing said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The words.
    pub text: String,
    /// Questions asked in this stage so far, this one included.
    pub asked: usize,
    /// Whether this is a goodbye.
    pub farewell: bool,
}

/// The stage that instructions name: the last line that begins with `Stage:`, in lower case. Quoted
/// or indented lines are data.
///
/// ```
/// # use viva_simulator::model::interviewer::stage_in;
/// let text = "You interview.\nStage: welcome\nBe kind.\nStage: self_intro\nAsk.";
/// assert_eq!(stage_in(text).as_deref(), Some("self_intro"));
/// assert_eq!(stage_in("> Stage: closing\n  Stage: closing"), None);
/// ```
#[must_use]
pub fn stage_in(instructions: &str) -> Option<String> {
    instructions
        .lines()
        .filter_map(|line| line.strip_prefix("Stage:"))
        .map(|name| name.trim().trim_end_matches('.').to_ascii_lowercase())
        .rfind(|name| !name.is_empty())
}

/// Asks questions; the same seed asks the same ones.
#[derive(Debug)]
pub struct Interviewer {
    random: StdRng,
    decks: HashMap<&'static str, Deck>,
}

/// A shuffled bank that is gone through before anything in it is said again.
#[derive(Debug, Default)]
struct Deck {
    order: Vec<usize>,
    next: usize,
    asked: usize,
}

impl Interviewer {
    /// An interviewer who has asked nothing yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), decks: HashMap::new() }
    }

    /// The next line under these instructions.
    pub fn speak(&mut self, instructions: &str, obedience: Obedience) -> Line {
        let brief = Brief::read(instructions);
        let stage = match obedience {
            Obedience::Follows => brief.stage.as_deref(),
            Obedience::Ignores => None,
        };
        let (mut name, mut lines) = match bank::of_stage(stage) {
            ("welcome", _) if brief.continued => bank::ALREADY_GREETED,
            of_stage => of_stage,
        };
        if !lines.farewell && lines.said.iter().all(|line| brief.has(line)) {
            (name, lines) = bank::ANYWHERE;
        }
        let first = self.decks.get(name).is_none_or(|deck| deck.asked == 0);
        let said = self.draw(name, lines, &brief);
        let text = match lines.preceded_by {
            // A greeting and a goodbye stand alone; so does the very first question.
            [] => said.to_owned(),
            _ if first && self.decks.len() == 1 => said.to_owned(),
            acknowledgements => {
                let which = self.random.random_range(0..acknowledgements.len());
                format!("{} {said}", acknowledgements[which])
            }
        };
        Line { text, asked: self.decks.get(name).map_or(0, |deck| deck.asked), farewell: lines.farewell }
    }

    /// An answer outside of the conversation, which uses up no question.
    #[must_use]
    pub fn aside(&self) -> String {
        "Here is a short note on the conversation so far.".to_owned()
    }

    fn draw(&mut self, name: &'static str, lines: &Lines, brief: &Brief<'_>) -> &'static str {
        let count = lines.said.len();
        let deck = self.decks.entry(name).or_default();
        // One round at most: when everything stands in the instructions, something is repeated.
        for _ in 0..count {
            if deck.next == deck.order.len() {
                deck.order = (0..count).collect();
                deck.order.shuffle(&mut self.random);
                deck.next = 0;
            }
            let line = lines.said[deck.order[deck.next]];
            deck.next += 1;
            if !brief.has(line) {
                deck.asked += 1;
                return line;
            }
        }
        deck.asked += 1;
        lines.said[deck.order[deck.next - 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn stage(name: &str) -> String {
        format!("You are an interviewer.\nStage: {name}\nAsk one question.")
    }

    fn questions(text: &str) -> usize {
        text.matches('?').count()
    }

    #[test]
    fn every_stage_asks_one_short_question_and_repeats_none() {
        for name in ["self_intro", "past_experience", "company_fit", "unheard_of"] {
            let mut interviewer = Interviewer::new(7);
            let mut asked = HashSet::new();
            for _ in 0..8 {
                let line = interviewer.speak(&stage(name), Obedience::Follows);
                assert_eq!(questions(&line.text), 1, "{}", line.text);
                assert!(line.text.ends_with('?'));
                assert!(line.text.split(' ').count() <= 14, "{}", line.text);
                let question = line.text.rsplit(". ").next().unwrap().to_owned();
                assert!(asked.insert(question), "{name} repeats: {}", line.text);
                assert!(!line.farewell);
            }
        }
    }

    #[test]
    fn it_greets_first_and_says_goodbye_without_a_question() {
        let mut interviewer = Interviewer::new(3);
        let greeting = interviewer.speak(&stage("welcome"), Obedience::Follows);
        assert!(greeting.text.to_lowercase().contains("yourself"), "{}", greeting.text);
        for _ in 0..10 {
            let goodbye = interviewer.speak(&stage("closing"), Obedience::Follows);
            assert_eq!(questions(&goodbye.text), 0);
            assert!(goodbye.text.to_lowercase().contains("thank"), "{}", goodbye.text);
            assert!(goodbye.farewell);
        }
    }

    #[test]
    fn the_same_seed_says_the_same() {
        let said = |seed| {
            let mut interviewer = Interviewer::new(seed);
            ["welcome", "self_intro", "self_intro", "company_fit"]
                .map(|name| interviewer.speak(&stage(name), Obedience::Follows).text)
        };
        assert_eq!(said(5), said(5));
        assert_ne!(said(5), said(6));
    }

    #[test]
    fn what_stands_in_the_instructions_is_not_asked_again() {
        let asked: Vec<String> = {
            let mut earlier = Interviewer::new(9);
            (0..3).map(|_| earlier.speak(&stage("self_intro"), Obedience::Follows).text).collect()
        };
        let digest = format!("Asked already:\n{}\n{}", asked.join("\n"), stage("self_intro"));
        let next = Interviewer::new(9).speak(&digest, Obedience::Follows).text;
        let question = next.rsplit(". ").next().unwrap();
        assert!(!digest.contains(question), "{next}");
    }

    /// As a second call is told about the first.
    fn continued(stage: &str, asked: &[String]) -> String {
        let list: String = asked.iter().map(|question| format!("- {question}\n")).collect();
        format!(
            "You are an interviewer.\nStage: {stage}\nAsk.\n\nContinue the interview that was cut off.\n\n=====\nQuestions already asked:\n{list}The last turns:\nCandidate: I am here.\n====="
        )
    }

    #[test]
    fn one_who_continues_greets_nobody_and_repeats_nothing() {
        for seed in 0..20 {
            let mut earlier = Interviewer::new(seed);
            let mut asked = Vec::new();
            for name in ["welcome", "self_intro", "self_intro"] {
                let said = earlier.speak(&stage(name), Obedience::Follows).text;
                asked.push(said.rsplit(['.', ',']).next().unwrap().trim().to_owned());
            }
            for name in ["welcome", "self_intro"] {
                let mut later = Interviewer::new(seed);
                for _ in 0..4 {
                    let said = later.speak(&continued(name, &asked), Obedience::Follows).text;
                    let greets = ["hello", "welcome", "hi,", "good day", "good to meet"];
                    assert!(!greets.iter().any(|greeting| said.to_lowercase().contains(greeting)), "{said}");
                    assert!(!asked.iter().any(|question| said.ends_with(question)), "{said}: {asked:?}");
                    assert_eq!(questions(&said), 1);
                }
            }
            let goodbye = Interviewer::new(seed).speak(&continued("closing", &asked), Obedience::Follows);
            assert!(goodbye.farewell);
        }
    }

    #[test]
    fn when_everything_was_asked_there_are_general_questions() {
        let (_, lines) = bank::of_stage(Some("self_intro"));
        let asked: Vec<String> = lines.said.iter().map(|&line| line.to_owned()).collect();
        let said = Interviewer::new(1).speak(&continued("self_intro", &asked), Obedience::Follows).text;
        assert!(!asked.contains(&said) && said.ends_with('?'), "{said}");
    }

    #[test]
    fn one_who_ignores_stages_never_closes() {
        let mut interviewer = Interviewer::new(1);
        for _ in 0..20 {
            let line = interviewer.speak(&stage("closing"), Obedience::Ignores);
            assert_eq!(questions(&line.text), 1);
        }
    }
}
