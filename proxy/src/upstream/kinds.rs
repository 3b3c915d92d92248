//! What differs between the kinds of session at one server: where an offer goes and in which form. What is said then is the
//! dialect's. Sources: the provider's guides <https://developers.openai.com/api/docs/guides/realtime-transcription> and
//! <https://developers.openai.com/api/docs/guides/realtime-translation>. It sends nothing.

use http::Uri;

use super::client::Upstream;
use super::manner::OfferForm;
use crate::interview::SessionKind;

/// Translation has addresses of its own.
pub(super) mod translations {
    /// Takes offers with a client secret.
    pub(in crate::upstream) const CREATE: &str = "realtime/translations/calls";
    /// Makes client secrets.
    pub(in crate::upstream) const MINT: &str = "realtime/translations/client_secrets";
}

/// The same, made whole once.
pub(super) struct Translations {
    pub(super) create: Uri,
    pub(super) mint: Uri,
}

impl Upstream {
    /// The same server, for sessions of this kind.
    #[must_use]
    pub fn of(&self, kind: SessionKind) -> Self {
        Self(self.0.clone(), kind)
    }

    /// Whether it has a model for sessions of this kind.
    #[must_use]
    pub fn takes(&self, kind: SessionKind) -> bool {
        self.0.profile.manner.kinds.contains(&kind)
    }

    /// The address that takes offers.
    pub(super) fn create_uri(&self) -> &Uri {
        match self.1 {
            SessionKind::Interview | SessionKind::Transcription => &self.0.create_uri,
            SessionKind::Translation => &self.0.translations.create,
        }
    }

    /// The address that makes client secrets.
    pub(super) fn mint_uri(&self) -> &Uri {
        match self.1 {
            SessionKind::Interview | SessionKind::Transcription => &self.0.mint_uri,
            SessionKind::Translation => &self.0.translations.mint,
        }
    }

    /// How an offer is sent. The form of two parts takes sessions that talk and no others; a client secret takes all.
    pub(super) fn offer_form(&self) -> OfferForm {
        match (self.1, self.0.profile.manner.offer) {
            (SessionKind::Transcription | SessionKind::Translation, OfferForm::Multipart) => OfferForm::Minted,
            (SessionKind::Interview | SessionKind::Transcription | SessionKind::Translation, form) => form,
        }
    }
}
