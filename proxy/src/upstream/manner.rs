//! How a server of the provider's protocol wants to be asked: which form an offer takes, where the key goes, where the
//! call's id is found, and whether a call can be watched and ended. Data, read from a file; nothing here sends anything.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::dialect::Dialect;
use super::profile::{BaseUrl, BaseUrlError};
use crate::interview::SessionKind;

/// The manners that this version was built with.
const BUILT_IN: &str = include_str!("../../../upstreams.toml");

/// How an offer is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferForm {
    /// Offer and session as two parts of one form, with the key.
    #[default]
    Multipart,
    /// A client secret is made with the session, and the bare offer sent with it.
    Minted,
    /// The bare offer with the key; the model in the query, the session afterwards.
    Raw,
    /// One JSON object.
    Json,
    /// One JSON object with the session and the offer as its transport.
    Session,
}

/// Which header carries the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// `Authorization: Bearer`.
    #[default]
    Bearer,
    /// `api-key`.
    ApiKey,
}

/// Where the call's id is in the answer to an offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum CallIdAt {
    /// The last segment of `Location`.
    #[default]
    Location,
    /// Nowhere.
    Nowhere,
    /// This field of a JSON answer; a dot leads into an object.
    Field(String),
}

impl From<String> for CallIdAt {
    fn from(text: String) -> Self {
        match text.as_str() {
            "location" => Self::Location,
            "none" => Self::Nowhere,
            _ => Self::Field(text),
        }
    }
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manner {
    base_url: Option<String>,
    /// Which of the provider's interfaces it speaks.
    #[serde(default)]
    pub dialect: Dialect,
    /// The model that is asked for where nobody configured one.
    #[serde(default)]
    pub model: Option<String>,
    /// How an offer is sent.
    #[serde(default)]
    pub offer: OfferForm,
    /// Where the key goes.
    #[serde(default)]
    pub auth: Auth,
    /// Path under the base address that takes offers.
    #[serde(default = "calls")]
    pub create: String,
    /// Added to that path's query.
    #[serde(default)]
    pub query: String,
    /// Where the call's id is.
    #[serde(default)]
    pub call_id: CallIdAt,
    /// Whether a call can be watched over our own socket.
    #[serde(default = "yes")]
    pub sideband: bool,
    /// Whether a call can be ended over HTTP.
    #[serde(default = "yes")]
    pub hang_up: bool,
    /// For which kinds of session it has a model.
    #[serde(default = "interviews")]
    pub kinds: Vec<SessionKind>,
}

fn calls() -> String {
    "realtime/calls".to_owned()
}

fn yes() -> bool {
    true
}

fn interviews() -> Vec<SessionKind> {
    vec![SessionKind::Interview]
}

impl Default for Manner {
    /// The provider's own.
    fn default() -> Self {
        Self {
            base_url: None,
            dialect: Dialect::default(),
            model: None,
            offer: OfferForm::default(),
            auth: Auth::default(),
            create: calls(),
            query: String::new(),
            call_id: CallIdAt::default(),
            sideband: true,
            hang_up: true,
            kinds: SessionKind::ALL.to_vec(),
        }
    }
}

/// Manners by name.
pub type Manners = BTreeMap<String, Manner>;

/// Why a file of manners cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MannerError {
    /// Not of the form.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// A path or query that would lead elsewhere.
    #[error("{name}: `{field}` must be a plain path or query, without a scheme, `..`, spaces or `#`")]
    Path {
        /// Of which server.
        name: String,
        /// Which field.
        field: &'static str,
    },
    /// An address that is none.
    #[error("{name}: `base_url` {error}")]
    Address {
        /// Of which server.
        name: String,
        /// Why.
        error: BaseUrlError,
    },
    /// One interface's object for the other's sessions.
    #[error("{0}: `dialect = \"live\"` and `offer = \"session\"` belong together")]
    Dialect(String),
    /// A call that is watched or ended has to be named.
    #[error("{0}: without `call_id` a call can be neither watched nor ended; set `sideband` and `hang_up` to false")]
    Nameless(String),
}

impl Manner {
    /// The address, if the manner names one.
    #[must_use]
    pub fn base_url(&self) -> Option<BaseUrl> {
        BaseUrl::parse(self.base_url.as_deref()?).ok()
    }

    /// The manners that this version was built with.
    #[must_use]
    pub fn built_in() -> Manners {
        Self::parse_all(BUILT_IN).expect("the built-in manners are tested")
    }

    /// Reads a file of them.
    ///
    /// # Errors
    /// [`MannerError`], with the line or the name.
    pub fn parse_all(text: &str) -> Result<Manners, MannerError> {
        let manners: Manners = toml::from_str(text)?;
        for (name, manner) in &manners {
            manner.check(name)?;
        }
        Ok(manners)
    }

    fn check(&self, name: &str) -> Result<(), MannerError> {
        let legal = |text: &str, more: &[u8]| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) || more.contains(&byte);
            text.bytes().all(plain) && !text.starts_with('/') && !text.contains("..") && !text.contains("//")
        };
        let wrong = |field| Err(MannerError::Path { name: name.to_owned(), field });
        if self.create.is_empty() || !legal(&self.create, b"") {
            return wrong("create");
        }
        if !legal(&self.query, b"=&%") {
            return wrong("query");
        }
        if self.model.as_deref().is_some_and(|model| model.is_empty() || !legal(model, b":")) {
            return wrong("model");
        }
        if let Some(Err(error)) = self.base_url.as_deref().map(BaseUrl::parse) {
            return Err(MannerError::Address { name: name.to_owned(), error });
        }
        if self.call_id == CallIdAt::Nowhere && (self.sideband || self.hang_up) {
            return Err(MannerError::Nameless(name.to_owned()));
        }
        if (self.dialect == Dialect::Live) != (self.offer == OfferForm::Session) {
            return Err(MannerError::Dialect(name.to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_manners_are_sound() {
        let manners = Manner::built_in();
        let (openai, azure) = (&manners["openai"], &manners["azure"]);
        let address = openai.base_url().expect("an address");
        assert_eq!(address.as_str(), BaseUrl::OPENAI);
        assert_eq!(Manner { base_url: None, ..openai.clone() }, Manner::default());
        assert_eq!(
            (azure.offer, azure.auth, azure.query.as_str()),
            (OfferForm::Minted, Auth::ApiKey, "webrtcfilter=on")
        );
        assert!(azure.base_url().is_none() && azure.sideband && azure.hang_up);
        assert!(!manners["localai"].sideband);
        assert!(azure.kinds == openai.kinds && azure.kinds.len() == 3);
        assert_eq!(manners["localai"].kinds, [SessionKind::Interview]);
        let live = &manners["live"];
        assert_eq!(
            (live.dialect, live.offer, live.model.as_deref()),
            (Dialect::Live, OfferForm::Session, Some("gpt-live-1"))
        );
    }

    #[test]
    fn what_could_lead_the_key_elsewhere_is_refused() {
        for line in [
            "create = \"http://elsewhere/\"",
            "create = \"/realtime\"",
            "create = \"../admin\"",
            "create = \"realtime/calls#\"",
            "create = \"a//b\"",
            "create = \"\"",
            "query = \"a=b#c\"",
            "query = \"a b\"",
            "base_url = \"https://key@host\"",
            "model = \"a&b\"",
            "call_id = \"none\"",
            "offer = \"fax\"",
            "offer = \"session\"",
            "dialect = \"live\"",
            "colour = \"red\"",
        ] {
            assert!(Manner::parse_all(&format!("[x]\n{line}\n")).is_err(), "{line}");
        }
        let sound = "[x]\ncall_id = \"session_id\"\noffer = \"json\"\n";
        let manners = Manner::parse_all(sound).expect("sound");
        assert_eq!(manners["x"].call_id, CallIdAt::Field("session_id".into()));
    }
}
