//! Plans: the stages of an interview as data (`plans/*.toml`). A plan is checked as a whole when it is read, so that a
//! running interview never meets an impossible stage. Texts for the model live here too, in the file, not in code.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::conversation::Conversation;
use super::listening::Listening;

/// What role a stage plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// The greeting; over when it was delivered.
    Opening,
    /// Questions and answers.
    #[default]
    Questions,
    /// The goodbye; the interview ends with it.
    Closing,
    /// Nobody is asked anything: the only stage there is, as long as the session lasts. Never in a plan that somebody
    /// sends or a file.
    Listening,
}

/// Documents a stage may show to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// The candidate's résumé.
    Resume,
    /// The description of the job.
    JobDescription,
}

/// One stage of a plan. Times in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Identifier, `[a-z][a-z0-9_]*`.
    pub name: String,
    /// What people see.
    pub label: String,
    /// What role it plays.
    #[serde(default)]
    pub kind: StageKind,
    /// After this long the stage is left.
    pub limit_s: u32,
    /// Closing only: how much longer the goodbye may take.
    #[serde(default)]
    pub grace_s: u32,
    /// Questions that must have been asked before the stage may be left by itself.
    #[serde(default)]
    pub min_questions: u32,
    /// Time that must have passed before the stage may be left by itself.
    #[serde(default)]
    pub min_dwell_s: u32,
    /// So many very short answers in a row end the stage once it has lasted its least time, however few questions were
    /// asked; absent: never.
    #[serde(default)]
    pub terse_answers: Option<u32>,
    /// Documents shown to the model in this stage.
    #[serde(default)]
    pub context: Vec<Context>,
    /// What the model is told to do in this stage.
    pub guidance: String,
}

/// Short instructions for particular moments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// First reply after the clock ended a stage.
    pub forced: String,
    /// First reply after the candidate skipped.
    pub skipped: String,
    /// After a long silence.
    pub prompt: String,
    /// At a quarter of the stage's time left.
    pub wrap_up: String,
    /// At a tenth left.
    pub wrap_up_now: String,
    /// First reply in a later call of the same interview.
    #[serde(default = "continued")]
    pub continued: String,
}

/// What plans say that do not say it in their own words.
pub(super) fn continued() -> String {
    include_str!("../../../plans/texts/continued.txt").trim().to_owned()
}

/// A whole interview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Identifier, `[a-z][a-z0-9_]*`.
    pub name: String,
    /// What people see.
    pub label: String,
    /// Who the model is, in every stage.
    pub persona: String,
    /// Instructions for particular moments.
    pub words: Words,
    /// At least an opening and a closing.
    pub stages: Vec<Stage>,
    /// There is nothing to lead: an application's own settings. Never in a plan that somebody sends or a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Box<Conversation>>,
    /// There is no interview: whoever speaks is written down or translated. Never in a plan that somebody sends or a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listening: Option<Box<Listening>>,
}

/// Why a plan was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Not TOML of the right shape.
    #[error("line {line}: {message}")]
    Syntax {
        /// From 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// The shape is right, the content is not.
    #[error("{}stage `{stage}`: {problem}", at(.line))]
    Stage {
        /// From 1; `None` for a plan that did not come as a file.
        line: Option<usize>,
        /// Which stage.
        stage: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The plan as a whole.
    #[error("{0}")]
    Whole(&'static str),
}

fn at(line: &Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}

/// Where each key of each stage stands in a file.
#[derive(Deserialize)]
struct Places {
    stages: Vec<BTreeMap<String, toml::Spanned<toml::Value>>>,
}

/// The line of a byte, from 1.
fn line_of(text: &str, byte: usize) -> usize {
    text[..byte.min(text.len())].matches('\n').count() + 1
}

/// Persona and guidance together stay well under the 8 KiB that every `session.updated` echoes.
const MAX_TEXT: usize = 2_048;
const MAX_STAGES: usize = 12;
/// An hour, with four times the time.
const MAX_LIMIT_S: u32 = 14_400;
/// Two minutes, with four times the time.
const MAX_GRACE_S: u32 = 480;

impl Plan {
    /// Reads and checks a plan.
    ///
    /// # Errors
    /// The first fault, with its line.
    pub fn parse(toml: &str) -> Result<Self, PlanError> {
        let plan: Self = toml::from_str(toml).map_err(|error| PlanError::Syntax {
            line: error.span().map_or(1, |span| line_of(toml, span.start)),
            message: error.message().to_owned(),
        })?;
        plan.check_with(|stage, key| {
            let places: Places = toml::from_str(toml).ok()?;
            let keys = places.stages.get(stage)?;
            // What was left out is missed where the stage has its name.
            let value = keys.get(key).or_else(|| keys.get("name"))?;
            Some(line_of(toml, value.span().start))
        })?;
        Ok(plan)
    }

    /// The checks of [`Plan::parse`] for a plan that came by another way.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self) -> Result<(), PlanError> {
        self.check_with(|_, _| None)
    }

    /// `line` knows where a key of a stage stands.
    fn check_with(&self, line: impl Fn(usize, &str) -> Option<usize>) -> Result<(), PlanError> {
        if self.conversation.is_some() {
            return Err(PlanError::Whole("a plan has no `conversation`: POST /v1/realtime/client_secrets makes one"));
        }
        if self.listening.is_some() {
            return Err(PlanError::Whole("a plan is of an interview: leave `listening` out"));
        }
        if !is_name(&self.name) {
            return Err(PlanError::Whole("the plan's name must be like `my_plan`: lower-case letters, digits, `_`"));
        }
        if self.label.trim().is_empty() || self.persona.trim().is_empty() {
            return Err(PlanError::Whole("label and persona must not be empty"));
        }
        if self.persona.len() > MAX_TEXT {
            return Err(PlanError::Whole("persona is longer than 2048 bytes"));
        }
        if !(2..=MAX_STAGES).contains(&self.stages.len()) {
            return Err(PlanError::Whole("a plan has 2 to 12 stages"));
        }
        let last = self.stages.len() - 1;
        let mut names = HashSet::new();
        for (index, stage) in self.stages.iter().enumerate() {
            let problem = stage.fault().or_else(|| {
                let expected = match index {
                    0 => StageKind::Opening,
                    i if i == last => StageKind::Closing,
                    _ => StageKind::Questions,
                };
                (stage.kind != expected).then_some((
                    "kind",
                    "the first stage is of kind `opening`, the last of kind `closing`, all others `questions`",
                ))
            });
            let problem =
                problem.or_else(|| (!names.insert(&stage.name)).then_some(("name", "the name is used twice")));
            if let Some((key, problem)) = problem {
                return Err(PlanError::Stage { line: line(index, key), stage: stage.name.clone(), problem });
            }
        }
        Ok(())
    }

    /// The same plan with its time limits at so many percent: an accommodation. What must have happened before a stage
    /// may be left stays as it is.
    #[must_use]
    pub fn at_pace(mut self, percent: u32) -> Self {
        let paced = |seconds: u32, most: u32| {
            u32::try_from(u64::from(seconds) * u64::from(percent) / 100).unwrap_or(most).min(most)
        };
        for stage in &mut self.stages {
            stage.limit_s = paced(stage.limit_s, MAX_LIMIT_S);
            stage.grace_s = paced(stage.grace_s, MAX_GRACE_S);
        }
        self
    }

    /// The text that it is stored as with each of its sessions.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a plan has only string keys and whole numbers")
    }

    /// The place of a stage by name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.name == name)
    }
}

impl Stage {
    /// The first thing that is wrong with it, and the key whose value it is.
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        if !is_name(&self.name) {
            return Some(("name", "the name must be like `past_experience`: lower-case letters, digits, `_`"));
        }
        if self.label.trim().is_empty() {
            return Some(("label", "the label must not be empty"));
        }
        if self.guidance.trim().is_empty() {
            return Some(("guidance", "the guidance must not be empty"));
        }
        if self.guidance.len() > MAX_TEXT {
            return Some(("guidance", "guidance is longer than 2048 bytes"));
        }
        if !(5..=MAX_LIMIT_S).contains(&self.limit_s) {
            return Some(("limit_s", "limit_s must be between 5 and 14400"));
        }
        if self.min_dwell_s >= self.limit_s {
            return Some(("min_dwell_s", "min_dwell_s must be below limit_s, or the stage can only end by force"));
        }
        if self.terse_answers == Some(0) {
            return Some(("terse_answers", "terse_answers must be at least 1; leave it out for never"));
        }
        match self.kind {
            StageKind::Closing if self.min_questions > 0 => {
                Some(("min_questions", "a closing stage asks nothing: min_questions must be 0"))
            }
            StageKind::Closing if self.grace_s > MAX_GRACE_S => Some(("grace_s", "grace_s must be at most 480")),
            StageKind::Opening | StageKind::Questions | StageKind::Listening if self.grace_s > 0 => {
                Some(("grace_s", "only a closing stage has grace_s"))
            }
            StageKind::Opening | StageKind::Questions | StageKind::Closing | StageKind::Listening => None,
        }
    }
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= 40
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The plans a deployment offers, by name.
#[derive(Clone, Debug)]
pub struct Plans {
    by_name: BTreeMap<String, Plan>,
}

impl Plans {
    /// The plan used when none is named.
    pub const DEFAULT: &str = "default";

    /// The plans that come with Viva.
    ///
    /// # Errors
    /// When a built-in file is wrong, which a test rules out.
    pub fn built_in() -> Result<Self, PlanError> {
        let mut plans = Self { by_name: BTreeMap::new() };
        for toml in [include_str!("../../../plans/default.toml"), include_str!("../../../plans/short.toml")] {
            plans.add(Plan::parse(toml)?);
        }
        Ok(plans)
    }

    /// Adds a plan, or replaces the one of the same name.
    pub fn add(&mut self, plan: Plan) {
        self.by_name.insert(plan.name.clone(), plan);
    }

    /// A plan by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Plan> {
        self.by_name.get(name)
    }

    /// All plans by name.
    pub fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.by_name.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(from: &str, to: &str) -> Result<Plan, PlanError> {
        let text = include_str!("../../../plans/short.toml");
        assert!(text.contains(from), "the test edits a line that exists: {from}");
        Plan::parse(&text.replacen(from, to, 1))
    }

    fn problem(from: &str, to: &str) -> String {
        edited(from, to).expect_err("the plan is wrong").to_string()
    }

    #[test]
    fn built_in_plans_are_sound_and_have_the_same_stages() {
        let plans = Plans::built_in().expect("sound");
        let names =
            |name: &str| plans.get(name).expect("there").stages.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
        assert_eq!(names("default"), ["welcome", "self_intro", "past_experience", "company_fit", "closing"]);
        assert_eq!(names("default"), names("short"));
    }

    #[test]
    fn a_syntax_fault_names_its_line() {
        assert!(problem("label = \"Welcome\"", "label = ").starts_with("line 2"));
        assert!(problem("limit_s = 20\n", "limit = 20\n").contains("unknown field `limit`"));
    }

    #[test]
    fn impossible_plans_are_refused() {
        assert!(problem("name = \"company_fit\"", "name = \"self_intro\"").contains("used twice"));
        assert!(problem("min_dwell_s = 6", "min_dwell_s = 20").contains("only end by force"));
        assert!(problem("kind = \"closing\"\n", "").contains("`closing`"));
        assert!(problem("limit_s = 24", "limit_s = 0").contains("between 5 and 14400"));
        assert!(problem("terse_answers = 2", "terse_answers = 0").contains("at least 1"));
        assert!(problem("name = \"short\"", "name = \"Short plan\"").contains("lower-case"));
    }

    #[test]
    fn a_fault_of_a_stage_names_the_line_of_the_value() {
        let text = include_str!("../../../plans/short.toml");
        let line = |of: &str| text.lines().position(|line| line.starts_with(of)).expect("a line") + 1;
        let limit = problem("limit_s = 24", "limit_s = 0");
        assert_eq!(
            limit,
            format!("line {}: stage `past_experience`: limit_s must be between 5 and 14400", line("limit_s = 24"))
        );
        let twice = problem("name = \"company_fit\"", "name = \"self_intro\"");
        assert!(twice.starts_with(&format!("line {}: stage `self_intro`", line("name = \"company_fit\""))), "{twice}");
        // A key that is not there is missed where the stage has its name.
        let kind = problem("kind = \"opening\"\n", "");
        assert!(kind.starts_with(&format!("line {}: stage `welcome`", line("name = \"welcome\""))), "{kind}");
        let plan = edited("label = \"Welcome\"", "label = \"Hello\"").expect("sound");
        let opening = plan.stages[0].clone();
        let sent = Plan { stages: vec![opening.clone(), opening], ..plan };
        let other = sent.check().expect_err("it has no closing").to_string();
        assert!(other.starts_with("stage `"), "{other}");
    }

    #[test]
    fn an_accommodation_gives_time_and_asks_for_nothing_more() {
        let plan = edited("label", "label").expect("sound");
        let slow = plan.clone().at_pace(150);
        for (usual, slow) in plan.stages.iter().zip(&slow.stages) {
            assert_eq!((slow.limit_s, slow.grace_s), (usual.limit_s * 3 / 2, usual.grace_s * 3 / 2));
            assert_eq!((slow.min_dwell_s, slow.min_questions), (usual.min_dwell_s, usual.min_questions));
        }
        assert_eq!(slow.check(), Ok(()));
        assert_eq!(slow.at_pace(u32::MAX).check(), Ok(()), "never longer than a plan may be");
    }

    #[test]
    fn a_plan_survives_the_journey_through_json() {
        let plan = edited("label", "label").expect("sound");
        let json = serde_json::to_value(&plan).expect("serialises");
        assert_eq!(serde_json::from_value::<Plan>(json).expect("parses"), plan);
    }

    #[test]
    fn the_edge_functions_have_the_same_plans() {
        let theirs: BTreeMap<String, Plan> =
            serde_json::from_str(include_str!("../../../edge/_shared/plans.json")).expect("plans by name");
        let ours = Plans::built_in().expect("the built-in plans are right");
        let json = serde_json::to_string_pretty(&ours.by_name).expect("plans are plain data");
        assert!(theirs == ours.by_name, "put this into edge/_shared/plans.json:\n{json}");
    }
}
