//! Who may call: the keys of projects, and ephemeral keys minted with them. A call belongs to the project that made it;
//! to the others it does not exist.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::ApiError;
use crate::model::ids::Ids;
use crate::model::refusal::Refusal;

/// Ephemeral keys at once; expired ones are swept first, then minting is refused.
const SECRETS: usize = 4_096;

/// The keys of one simulator. Secrets are kept as hashes.
pub(crate) struct Keys {
    projects: Vec<[u8; 32]>,
    minted: Mutex<HashMap<[u8; 32], Minted>>,
}

struct Minted {
    project: Project,
    expires: Instant,
    session: Option<Value>,
}

/// Which project, in the order in which their keys were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Project(pub(crate) usize);

/// Whom a request comes from.
#[derive(Debug)]
pub(super) enum Bearer {
    /// The project itself.
    Project(Project),
    /// Somebody with an ephemeral key of it, with the session it was minted for.
    Ephemeral(Project, Option<Value>),
}

impl Bearer {
    pub(super) fn project(&self) -> Project {
        match self {
            Self::Project(project) | Self::Ephemeral(project, _) => *project,
        }
    }
}

impl Keys {
    pub(crate) fn new<'a>(projects: impl IntoIterator<Item = &'a str>) -> Self {
        Self { projects: projects.into_iter().map(hash).collect(), minted: Mutex::default() }
    }

    /// The bearer of a request, from its `Authorization` or, as Azure wants it, its `api-key`.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<Bearer, ApiError> {
        if let Some(key) = headers.get("api-key").and_then(|value| value.to_str().ok()) {
            let project = self.bearer(key).filter(|bearer| matches!(bearer, Bearer::Project(_)));
            return project.ok_or_else(|| ApiError::unauthorized("Access denied due to invalid subscription key."));
        }
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(value) = value else {
            return Err(ApiError::unauthorized(
                "You didn't provide an API key. Send it as `Authorization: Bearer YOUR_KEY`.",
            ));
        };
        let key = value.strip_prefix("Bearer ").map_or("", str::trim);
        self.bearer(key).ok_or_else(|| ApiError::unauthorized("Incorrect API key provided, or it has expired."))
    }

    pub(super) fn bearer(&self, key: &str) -> Option<Bearer> {
        // Hashes are compared, so the time it takes says nothing about the key.
        let hashed = hash(key);
        if let Some(project) = self.projects.iter().position(|known| *known == hashed) {
            return Some(Bearer::Project(Project(project)));
        }
        let minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        let found = minted.get(&hashed).filter(|minted| minted.expires > Instant::now())?;
        Some(Bearer::Ephemeral(found.project, found.session.clone()))
    }

    /// A new ephemeral key of a project.
    pub(super) fn mint(
        &self,
        project: Project,
        lifetime: Duration,
        session: Option<Value>,
    ) -> Result<String, ApiError> {
        let key = Ids::fresh().next("ek");
        let now = Instant::now();
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        minted.retain(|_, minted| minted.expires > now);
        if minted.len() >= SECRETS {
            return Err(ApiError::rate_limited("rate_limit_exceeded", "Too many client secrets."));
        }
        let expires = now + lifetime;
        minted.insert(hash(&key), Minted { project, expires, session });
        Ok(key)
    }
}

/// The old surface is shut: its header alone makes a request fail.
pub(super) fn refuse_beta(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key("openai-beta") {
        return Err(beta_refusal().into());
    }
    Ok(())
}

pub(super) fn beta_refusal() -> Refusal {
    Refusal::new(
        "beta_api_shape_disabled",
        "The Realtime API beta shape is disabled. Remove the OpenAI-Beta header and use the GA shape.",
    )
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn only_keys_of_projects_and_minted_keys_open() {
        let keys = Keys::new(["sk-right", "sk-other"]);
        assert!(matches!(keys.check(&headers("Bearer sk-right")), Ok(Bearer::Project(Project(0)))));
        assert!(matches!(keys.check(&headers("Bearer sk-other")), Ok(Bearer::Project(Project(1)))));
        for wrong in ["Bearer sk-wrong", "sk-right", "Bearer ", "Basic sk-right"] {
            assert!(keys.check(&headers(wrong)).is_err(), "{wrong}");
        }
        assert!(keys.check(&HeaderMap::new()).is_err());

        let api_key = |key: &str| HeaderMap::from_iter([("api-key".parse().unwrap(), key.parse().unwrap())]);
        assert!(matches!(keys.check(&api_key("sk-other")), Ok(Bearer::Project(Project(1)))));
        assert!(keys.check(&api_key("sk-wrong")).is_err());

        let session = serde_json::json!({"type": "realtime"});
        let key = keys.mint(Project(1), Duration::from_secs(60), Some(session.clone())).unwrap();
        assert!(key.starts_with("ek_"));
        let bearer = keys.check(&headers(&format!("Bearer {key}")));
        assert!(matches!(bearer, Ok(Bearer::Ephemeral(Project(1), Some(found))) if found == session));
        let stale = keys.mint(Project(0), Duration::ZERO, None).unwrap();
        assert!(keys.bearer(&stale).is_none(), "expired");
    }
}
