//! What a request for an interview says, and the session it becomes. Everything is checked before anything is stored;
//! nothing is cut here, because who sends too much should know.

use serde::Deserialize;

use super::super::Problem;
use super::fields::{self, invalid};
use super::kinds;
use crate::identity::Consent;
use crate::ids::{SessionId, UserId};
use crate::interview::plan::{Plan, Plans};
use crate::interview::{Listening, SessionKind};
use crate::store::{Details, Level, NewSession, Profile};
use crate::upstream::Upstream;

/// Percent of a plan's time limits that an accommodation may ask for.
const TIME_PERCENT: std::ops::RangeInclusive<u32> = 100..=400;

/// Longest texts, characters.
pub(super) const MAX_RESUME: usize = 3_000;
pub(super) const MAX_JOB_DESCRIPTION: usize = 2_000;
pub(super) const MAX_INSTRUCTIONS: usize = 4_000;
/// As long as an issuer's may be.
const MAX_SUBJECT: usize = 255;

/// The body of `POST /api/sessions`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = SessionWish)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Wanted {
    /// Of an interview.
    pub(super) plan: Option<WantedPlan>,
    /// What it is for; an interview unless said otherwise.
    #[serde(default)]
    pub(super) kind: SessionKind,
    title: Option<String>,
    candidate_name: Option<String>,
    pub(super) candidate_email: Option<String>,
    pub(super) job_role: Option<String>,
    pub(super) experience_level: Option<Level>,
    pub(super) resume_text: Option<String>,
    pub(super) job_description: Option<String>,
    pub(super) include_profile: Option<bool>,
    pub(super) extra_instructions: Option<String>,
    /// Of an interview, or of a transcription in one language. BCP 47.
    pub(super) language: Option<String>,
    /// Of a transcription in several languages, BCP 47; with none at all the model hears for itself.
    pub(super) languages: Option<Vec<String>>,
    /// Of a translation: into which. BCP 47.
    pub(super) target_language: Option<String>,
    pub(super) voice: Option<String>,
    pub(super) time_percent: Option<u32>,
    pub(in crate::api) consent: Option<Consent>,
    /// Of whom, when another server asks.
    pub(in crate::api) user: Option<WantedUser>,
}

/// A person as another server knows them.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = UserWish)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct WantedUser {
    subject: String,
    name: Option<String>,
    email: Option<String>,
}

impl WantedUser {
    /// What the server calls them, and what it says of them.
    pub(in crate::api) fn check(self) -> Result<(String, crate::store::people::Profile), Problem> {
        let subject = self.subject;
        if subject.is_empty() || subject.len() > MAX_SUBJECT || subject.chars().any(char::is_control) {
            return Err(invalid("user.subject", "`user.subject` must be 1 to 255 bytes on one line."));
        }
        let profile = crate::store::people::Profile {
            name: fields::label("user.name", self.name)?,
            email: fields::email("user.email", self.email)?,
            avatar_url: None,
        };
        Ok((subject, profile))
    }
}

/// One of the server's plans by name, or a whole plan in the shape of the files in `plans/`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = PlanWish)]
#[serde(untagged)]
pub(super) enum WantedPlan {
    Name(String),
    Whole(Box<serde_json::Value>),
}

impl WantedPlan {
    pub(super) fn find(self, plans: &Plans) -> Result<Plan, Problem> {
        let plan = match self {
            Self::Name(name) => plans
                .get(&name)
                .cloned()
                .ok_or_else(|| invalid("plan", "`plan` names no plan of this server; GET /api/plans lists them."))?,
            Self::Whole(plan) => {
                let plan: Plan = serde_json::from_value(*plan)
                    .map_err(|_| invalid("plan", "`plan` is not a plan: it has the fields of a plan file."))?;
                plan.check().map_err(|error| invalid("plan", format!("`plan`: {error}.")))?;
                plan
            }
        };
        Ok(plan)
    }
}

/// Percent of a plan's time limits.
pub(super) fn percent(wanted: Option<u32>) -> Result<u32, Problem> {
    let percent = wanted.unwrap_or(*TIME_PERCENT.start());
    if TIME_PERCENT.contains(&percent) {
        return Ok(percent);
    }
    Err(invalid("time_percent", "`time_percent` must be between 100 and 400."))
}

impl Wanted {
    /// What the session is to be for.
    pub(in crate::api) fn kind(&self) -> SessionKind {
        self.kind
    }

    /// The session that is wanted of `user`, not stored yet.
    ///
    /// # Errors
    /// `VALIDATION_FAILED` with the field's name.
    pub(in crate::api) fn into_session(
        self,
        user: UserId,
        plans: &Plans,
        upstream: &Upstream,
        now_unix_ms: i64,
    ) -> Result<NewSession, Problem> {
        if let Some(listening) = kinds::listening(&self, upstream)? {
            return self.into_listening(user, listening, upstream, now_unix_ms);
        }
        let percent = percent(self.time_percent)?;
        let plan = self.plan.unwrap_or_else(|| WantedPlan::Name(Plans::DEFAULT.to_owned()));
        let plan = plan.find(plans)?.at_pace(percent);
        let details = Details {
            title: fields::label("title", self.title)?,
            candidate_email: fields::email("candidate_email", self.candidate_email)?,
            experience_level: self.experience_level,
            resume_text: fields::text("resume_text", self.resume_text, MAX_RESUME)?,
            job_description: fields::text("job_description", self.job_description, MAX_JOB_DESCRIPTION)?,
            extra_instructions: fields::text("extra_instructions", self.extra_instructions, MAX_INSTRUCTIONS)?,
            profile: if self.include_profile == Some(false) { Profile::Withheld } else { Profile::Included },
        };
        let profile = upstream.profile();
        Ok(NewSession {
            id: SessionId::fresh(),
            user,
            plan: plan.name.clone(),
            stage_plan: plan.to_json().into(),
            candidate_name: fields::label("candidate_name", self.candidate_name)?,
            job_role: fields::label("job_role", self.job_role)?,
            language: fields::language(self.language)?,
            details,
            model: profile.model.clone(),
            voice: fields::voice(self.voice)?.unwrap_or_else(|| profile.voice.clone()),
            simulation: upstream.is_simulation(),
            created_at: now_unix_ms,
        })
    }

    /// The same where nobody is asked anything.
    fn into_listening(
        self,
        user: UserId,
        listening: Listening,
        upstream: &Upstream,
        now_unix_ms: i64,
    ) -> Result<NewSession, Problem> {
        let profile = upstream.profile();
        let model = match &listening {
            Listening::Transcription { .. } => &profile.transcription_model,
            Listening::Translation { .. } => &profile.translation_model,
        };
        let language = listening.languages().first().cloned();
        let plan = Plan::of_listening(listening);
        Ok(NewSession {
            id: SessionId::fresh(),
            user,
            plan: plan.name.clone(),
            stage_plan: plan.to_json().into(),
            candidate_name: fields::label("candidate_name", self.candidate_name)?,
            job_role: None,
            language,
            details: Details { title: fields::label("title", self.title)?, ..Details::default() },
            model: model.clone(),
            // Neither of them has one to choose.
            voice: String::new(),
            simulation: upstream.is_simulation(),
            created_at: now_unix_ms,
        })
    }
}
