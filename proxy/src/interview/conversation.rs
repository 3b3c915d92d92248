//! A conversation that nobody leads: an application brings its own words for the model. There are no stages but the talk
//! itself and a goodbye when the time is up. What the settings mean to a provider is not known here; they are kept as they
//! were checked when the secret for the call was minted.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::plan::{Plan, Stage, StageKind, Words};

/// An application's own session settings: a provider's session object, checked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Conversation(Value);

// What somebody wrote for the model is theirs: never in a log.
impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Conversation(…)")
    }
}

impl Conversation {
    /// Settings that were checked.
    #[must_use]
    pub fn new(session: Value) -> Self {
        Self(session)
    }

    /// The settings.
    #[must_use]
    pub fn session(&self) -> &Value {
        &self.0
    }

    /// What the model is told; empty: whatever the provider tells it, or the client.
    #[must_use]
    pub fn instructions(&self) -> &str {
        self.0["instructions"].as_str().unwrap_or_default()
    }

    /// The same in one of the plan's stages.
    pub(super) fn instructions_in(&self, stage: &Stage) -> String {
        match (stage.kind, self.instructions()) {
            (StageKind::Closing, "") => stage.guidance.clone(),
            (StageKind::Closing, own) => format!("{own}\n\n{}", stage.guidance),
            (StageKind::Opening | StageKind::Questions | StageKind::Listening, own) => own.to_owned(),
        }
    }
}

/// Longer than any session: only its end, or the clock of the session, ends the talk.
const TALK_S: u32 = 7 * 86_400;

impl Plan {
    /// The name of every conversation's plan.
    pub const CONVERSATION: &str = "conversation";

    /// The plan of a conversation.
    #[must_use]
    pub fn of_conversation(conversation: Conversation) -> Self {
        let goodbye = include_str!("../../../plans/texts/goodbye.txt").trim();
        let stage = |name: &str, label: &str, kind, limit_s, guidance: &str| Stage {
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
            limit_s,
            grace_s: 0,
            min_questions: 0,
            // Answers are not counted: no number of them ends it.
            min_dwell_s: limit_s,
            terse_answers: None,
            context: Vec::new(),
            guidance: guidance.to_owned(),
        };
        Self {
            name: Self::CONVERSATION.to_owned(),
            label: "Conversation".to_owned(),
            persona: String::new(),
            words: Words {
                forced: "Do that now.".to_owned(),
                skipped: "Do that now.".to_owned(),
                prompt: String::new(),
                wrap_up: String::new(),
                wrap_up_now: String::new(),
                continued: super::plan::continued(),
            },
            stages: vec![
                stage("conversation", "Conversation", StageKind::Questions, TALK_S, ""),
                stage("goodbye", "Goodbye", StageKind::Closing, 20, goodbye),
            ],
            conversation: Some(Box::new(conversation)),
            listening: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Brief, directions, machine::Nudge};
    use super::*;

    #[test]
    fn the_model_is_told_the_application_s_words_and_nothing_of_ours_until_the_goodbye() {
        let plan = Plan::of_conversation(Conversation::new(json!({ "instructions": "Sell bicycles." })));
        let brief = Brief { candidate_name: Some("Ada".into()), ..Brief::default() };
        let told = |stage: usize| directions::instructions(&plan, &plan.stages[stage], &brief, Nudge::WrapUp);
        assert_eq!(told(0), "Sell bicycles.");
        assert!(told(1).starts_with("Sell bicycles.\n\nThe time for this conversation is over."));
        let untold = Plan::of_conversation(Conversation::new(json!({})));
        assert_eq!(directions::instructions(&untold, &untold.stages[0], &brief, Nudge::None), "");
    }

    #[test]
    fn it_is_stored_and_read_and_nobody_may_send_one_as_a_plan() {
        let plan = Plan::of_conversation(Conversation::new(json!({ "tools": [] })));
        assert_eq!(serde_json::from_str::<Plan>(&plan.to_json()).expect("reads"), plan);
        assert!(plan.check().is_err());
        assert_eq!(format!("{:?}", plan.conversation), "Some(Conversation(…))");
    }
}
