//! Sessions in which nobody is asked anything: whoever speaks is written down, or translated. They have one stage, which
//! only the end of the session ends, and a model that never replies. Which languages there are is data of the provider's,
//! listed here so that a tag it does not know is refused before a call and not ignored in one.

use serde::{Deserialize, Serialize};

use super::plan::{Plan, Stage, StageKind, Words};

/// What a session is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SessionKind)]
pub enum SessionKind {
    /// Questions and answers, in stages.
    #[default]
    Interview,
    /// Whoever speaks is written down.
    Transcription,
    /// Whoever speaks is translated, aloud and in writing.
    Translation,
}

impl SessionKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Interview, Self::Transcription, Self::Translation];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interview => "interview",
            Self::Transcription => "transcription",
            Self::Translation => "translation",
        }
    }

    /// By its name on the wire.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// How people are told of it.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Interview => "interview",
            Self::Transcription => "transcript",
            Self::Translation => "translation",
        }
    }
}

/// What is listened for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Listening {
    /// Write down what is said.
    Transcription {
        /// In these languages, as they were asked for; none: whichever the model hears.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        languages: Vec<String>,
    },
    /// Say it in another language, and write down both.
    Translation {
        /// Into which.
        target: String,
    },
}

impl Listening {
    /// What a session with it is.
    #[must_use]
    pub fn kind(&self) -> SessionKind {
        match self {
            Self::Transcription { .. } => SessionKind::Transcription,
            Self::Translation { .. } => SessionKind::Translation,
        }
    }

    /// The languages that are expected.
    #[must_use]
    pub fn languages(&self) -> &[String] {
        match self {
            Self::Transcription { languages } => languages,
            Self::Translation { .. } => &[],
        }
    }

    /// The language that is translated into.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        match self {
            Self::Transcription { .. } => None,
            Self::Translation { target } => Some(target),
        }
    }
}

/// Languages that the provider's transcription models know well enough to be told, ISO 639-1.
/// Source: <https://developers.openai.com/api/docs/guides/speech-to-text>, "Supported languages".
pub const HEARD: [&str; 57] = [
    "af", "ar", "az", "be", "bg", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "gl",
    "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "kk", "kn", "ko", "lt", "lv", "mi", "mk", "mr", "ms", "ne",
    "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "sw", "ta", "th", "tl", "tr", "uk", "ur", "vi", "zh",
];

/// Languages that the provider's translation model speaks, ISO 639-1.
/// Source: <https://developers.openai.com/api/docs/models/gpt-realtime-translate>.
pub const SPOKEN: [&str; 13] = ["de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "pt", "ru", "vi", "zh"];

/// A tag of BCP 47 as the provider takes it: the language alone, in lower case. `None`: not one of `known`.
#[must_use]
pub fn primary(tag: &str, known: &[&'static str]) -> Option<&'static str> {
    let mut subtags = tag.split('-');
    let language = subtags.next()?;
    let rest = subtags.all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric()));
    known.iter().copied().find(|known| rest && tag.len() <= 35 && known.eq_ignore_ascii_case(language))
}

impl Plan {
    /// The plan of a session in which nobody is asked anything.
    #[must_use]
    pub fn of_listening(listening: Listening) -> Self {
        let kind = listening.kind();
        let label = match kind {
            SessionKind::Interview | SessionKind::Transcription => "Transcript",
            SessionKind::Translation => "Translation",
        };
        Self {
            name: kind.as_str().to_owned(),
            label: label.to_owned(),
            persona: String::new(),
            words: Words {
                forced: String::new(),
                skipped: String::new(),
                prompt: String::new(),
                wrap_up: String::new(),
                wrap_up_now: String::new(),
                continued: String::new(),
            },
            stages: vec![Stage {
                name: "live".to_owned(),
                label: "Live".to_owned(),
                kind: StageKind::Listening,
                limit_s: 0,
                grace_s: 0,
                min_questions: 0,
                min_dwell_s: 0,
                terse_answers: None,
                context: Vec::new(),
                guidance: String::new(),
            }],
            conversation: None,
            listening: Some(Box::new(listening)),
        }
    }

    /// Whether a session can be held with it: an interview as [`Plan::check`] says, and any other with its only stage.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        match &self.listening {
            None => self.check().is_ok(),
            Some(_) => matches!(self.stages.as_slice(), [Stage { kind: StageKind::Listening, .. }]),
        }
    }

    /// What a session with this plan is.
    #[must_use]
    pub fn session_kind(&self) -> SessionKind {
        self.listening.as_deref().map_or(SessionKind::Interview, Listening::kind)
    }

    /// Whether the model answers whoever speaks. Where it does not, nobody waits for a reply.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.listening.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translation() -> Plan {
        Plan::of_listening(Listening::Translation { target: "de".into() })
    }

    #[test]
    fn it_is_stored_and_read_and_nobody_may_send_one_as_a_plan() {
        let plan = translation();
        assert_eq!(serde_json::from_str::<Plan>(&plan.to_json()).expect("reads"), plan);
        assert!(plan.check().is_err(), "an interview has an opening and a closing");
        assert!(plan.is_sound() && !Plan { stages: Vec::new(), ..plan.clone() }.is_sound());
        assert_eq!((plan.session_kind(), plan.is_answered()), (SessionKind::Translation, false));
        let interview = crate::interview::plan::Plans::built_in().expect("sound").get("short").expect("there").clone();
        assert!(!interview.to_json().contains("listening"), "an interview is stored as ever");
        assert_eq!((interview.session_kind(), interview.is_answered()), (SessionKind::Interview, true));
        let posing = Plan { listening: plan.listening, ..interview };
        assert!(posing.check().is_err());
    }

    #[test]
    fn a_tag_is_reduced_to_what_the_provider_knows() {
        assert_eq!(primary("pt-BR", &HEARD), Some("pt"));
        assert_eq!(primary("EN", &SPOKEN), Some("en"));
        assert_eq!(primary("cy", &HEARD), Some("cy"));
        for unknown in ["cy", "xx", "english", "", "en_GB", "en-", "en-\n", "tlh"] {
            assert_eq!(primary(unknown, &SPOKEN), None, "{unknown}");
        }
    }

    #[test]
    fn the_lists_are_in_order_and_without_repeats() {
        assert!(HEARD.is_sorted_by(|a, b| a < b) && SPOKEN.is_sorted_by(|a, b| a < b));
        assert!(SPOKEN.iter().all(|tag| HEARD.contains(tag)), "what is spoken can be written down");
    }

    #[test]
    fn kinds_have_their_names() {
        assert!(SessionKind::ALL.into_iter().all(|kind| SessionKind::parse(kind.as_str()) == Some(kind)));
        assert_eq!(SessionKind::parse("podcast"), None);
        assert_eq!(serde_json::to_value(SessionKind::Translation).expect("a name"), "translation");
    }
}
