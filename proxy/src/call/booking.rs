//! What a call is made from: a session as it is stored, and what its ticket allows. Made once, before anything is sent.

use std::sync::Arc;

use super::core::Guard;
use super::edition::Edition;
use super::shelf::Shelf;
use crate::identity::{Policy, TenantCtx};
use crate::ids::{SessionId, UserId};
use crate::interview::{Brief, Plan};
use crate::store::{Profile, Session};
use crate::upstream::directives::{Keeps, Own, Template};

/// How the client will speak with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Our own protocol: the client shows stages, relays and executes.
    Native,
    /// The provider's contract: the client knows nothing of us.
    DropIn,
}

/// One session, ready to be called.
#[derive(Clone, Debug)]
pub struct Booking {
    /// Tenant and actor of everything that is stored.
    pub ctx: TenantCtx,
    /// The session.
    pub session: SessionId,
    /// Who speaks.
    pub user: UserId,
    /// Calls at once that the tenant chose; `None`: the server's own limit.
    pub tenant_max_sessions: Option<u32>,
    /// Its stages, as they were when it was created.
    pub plan: Arc<Plan>,
    /// What is known of candidate and role.
    pub brief: Brief,
    /// What every configuration has in common.
    pub template: Template,
    /// The model is a simulator.
    pub simulation: bool,
    /// How changes by the client are met.
    pub guard: Guard,
    /// The door.
    pub door: Door,
    /// Of the session as it was read; `None`: its call goes on, and nothing can have been changed.
    pub edition: Option<Edition>,
}

/// The stored plan cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the session's stage plan is not one this version knows")]
pub struct BadPlan;

impl Booking {
    /// Books a session.
    ///
    /// # Errors
    /// [`BadPlan`].
    pub(super) fn new(
        session: &Session,
        policy: Policy,
        door: Door,
        transcription_model: &str,
        shelf: &Shelf,
    ) -> Result<Self, BadPlan> {
        let new = &session.new;
        let details = &new.details;
        let shown = |document: &Option<String>| document.clone().filter(|_| details.profile == Profile::Included);
        let guard = match (door, policy) {
            (_, Policy::Open) => Guard::Open,
            (Door::Native, Policy::Locked | Policy::Strict) => Guard::Own,
            (Door::DropIn, Policy::Locked) => Guard::Locked,
            (Door::DropIn, Policy::Strict) => Guard::Strict,
        };
        let plan = shelf.take(&new.stage_plan)?;
        let keeps = if guard == Guard::Open { Keeps::Words } else { Keeps::All };
        Ok(Self {
            ctx: TenantCtx::service(session.tenant),
            session: new.id,
            user: new.user,
            tenant_max_sessions: session.tenant_max_sessions,
            brief: Brief {
                candidate_name: new.candidate_name.clone(),
                job_role: new.job_role.clone(),
                language: new.language.clone(),
                experience_level: details.experience_level.map(|level| level.as_str().to_owned()),
                wishes: details.extra_instructions.clone(),
                resume: shown(&details.resume_text),
                job_description: shown(&details.job_description),
            },
            template: Template {
                model: new.model.clone(),
                voice: new.voice.clone(),
                transcription_model: transcription_model.to_owned(),
                language: new.language.clone(),
                own: Own::of(&plan, keeps),
                listening: plan.listening.as_deref().cloned(),
            },
            plan,
            simulation: new.simulation,
            guard,
            door,
            edition: None,
        })
    }

    /// The same, of a session that was read at this edition.
    #[must_use]
    pub fn at(self, edition: Edition) -> Self {
        Self { edition: Some(edition), ..self }
    }
}
