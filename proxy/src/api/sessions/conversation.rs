//! A session without an interview: an application brings its own settings for the model, and gets a secret that starts one
//! call with them (`POST /v1/realtime/client_secrets`). It is recorded, bounded and paid for like any other. The settings
//! were checked by whoever read them; here it is decided who may have such a session, for whom, and how firmly its
//! settings stand.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::super::{Caller, Problem, SessionsWrite};
use super::create::{Asking, Made};
use super::fields;
use super::wanted::WantedUser;
use crate::api::Code;
use crate::api::within::NamedScope as _;
use crate::identity::{Consent, Identity, Policy, Principal, Terms};
use crate::ids::SessionId;
use crate::interview::{Conversation, Plan};
use crate::store::people::Profile as Person;
use crate::store::{Details, NewSession, Store};
use crate::upstream::Upstream;
use crate::vault::Keychain;

/// What an application may say besides the provider's own fields.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[schema(as = ConversationWish)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// How firmly the settings stand; usually `locked` where the session has instructions, else `open`.
    policy: Option<Policy>,
    /// What the person agreed to. Without it the application vouches for that.
    consent: Option<Consent>,
    /// Of whom, when another server asks.
    user: Option<WantedUser>,
    title: Option<String>,
}

/// A conversation that is wanted.
pub(crate) struct Conversing {
    /// Settings that were checked.
    pub(crate) session: Value,
    /// For how long its secret may start it.
    pub(crate) lifetime: Duration,
    /// The rest.
    pub(crate) wanted: Wanted,
    /// `OpenAI-Safety-Identifier`: an application's own stable mark for a person.
    pub(crate) safety_id: Option<String>,
}

/// What it takes to make one.
#[derive(Clone, Copy)]
pub(crate) struct With<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) store: &'a dyn Store,
    pub(crate) upstream: &'a Upstream,
    pub(crate) keychain: &'a Keychain,
}

/// Consent that was not told here: the application in front has its own way.
fn vouched_for() -> Consent {
    Consent { version: "external".to_owned(), locale: "und".to_owned(), text_hash: None }
}

/// Makes a conversation with a fresh ticket, for whoever the caller may make one for.
pub(crate) async fn converse(with: With<'_>, caller: &Caller, conversing: Conversing) -> Result<Made, Problem> {
    let With { identity, store, upstream, keychain } = with;
    let Conversing { session, lifetime, wanted, safety_id } = conversing;
    let asking = Asking::of(caller)?;
    let consent = match wanted.consent {
        Some(consent) => fields::consent(Some(consent))?,
        None => vouched_for(),
    };
    let title = fields::label("viva.title", wanted.title)?;
    let policy = policy(&session, wanted.policy)?;
    let user = match (wanted.user, safety_id, &caller.principal) {
        // A mark that only the application understands; where its tenant is one person's own, it means that person.
        (None, Some(mark), Principal::AccessKey(key)) => {
            let subject = format!("safety:{mark}");
            identity.served(key.tenant, subject, Person::default()).await?.unwrap_or(key.created_by)
        }
        (user, _, _) => asking.speaker(identity, user).await?,
    };
    let profile = upstream.profile();
    let voice = session["audio"]["output"]["voice"].as_str().map(str::to_owned);
    let plan = Plan::of_conversation(Conversation::new(session));
    let new = NewSession {
        id: SessionId::fresh(),
        user,
        plan: plan.name.clone(),
        stage_plan: plan.to_json().into(),
        candidate_name: None,
        job_role: None,
        language: None,
        details: Details { title, ..Details::default() },
        model: profile.model.clone(),
        voice: fields::voice(voice)?.unwrap_or_else(|| profile.voice.clone()),
        simulation: upstream.is_simulation(),
        created_at: identity.now_unix_ms(),
    };
    keychain.expect(asking.tenant(), user).await?;
    let (secret, ticket) = identity.tickets().mint(asking.tenant(), new.id, Terms { policy, lifetime });
    let session = store.create_session(caller.principal.ctx(), new, ticket.clone(), consent).await?;
    identity.tickets().remember(&ticket);
    Ok(Made { session, secret, ticket })
}

/// Whether somebody may have conversations at all: by their role, or by their key's scope.
///
/// # Errors
/// 403.
pub(crate) fn may_converse(caller: &Caller) -> Result<(), Problem> {
    SessionsWrite::allow(&caller.principal)?;
    Asking::of(caller).map(|_| ())
}

/// Settings without instructions are for the client to complete: nothing could be locked that is not known.
fn policy(session: &Value, wanted: Option<Policy>) -> Result<Policy, Problem> {
    let says_something = session["instructions"].as_str().is_some_and(|text| !text.is_empty());
    match (wanted, says_something) {
        (None, true) => Ok(Policy::Locked),
        (None, false) | (Some(Policy::Open), _) => Ok(Policy::Open),
        (Some(policy @ (Policy::Locked | Policy::Strict)), true) => Ok(policy),
        (Some(Policy::Locked | Policy::Strict), false) => {
            let how = "A locked session needs `session.instructions`; without them only `open` makes sense.";
            Err(Problem::new(Code::ValidationFailed, how).of_field("session.instructions"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_something_is_locked_unless_it_should_not_be() {
        let (says, silent) = (json!({ "instructions": "Sell bicycles." }), json!({ "audio": {} }));
        for (session, wanted, then) in [
            (&says, None, Some(Policy::Locked)),
            (&says, Some(Policy::Open), Some(Policy::Open)),
            (&says, Some(Policy::Strict), Some(Policy::Strict)),
            (&silent, None, Some(Policy::Open)),
            (&silent, Some(Policy::Locked), None),
            (&json!({ "instructions": "" }), Some(Policy::Strict), None),
        ] {
            assert_eq!(policy(session, wanted).ok(), then, "{session} {wanted:?}");
        }
    }
}
