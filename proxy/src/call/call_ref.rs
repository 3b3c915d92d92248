//! What a page holds between an answer and the moment at which the provider's id of its call is durable here: our id and
//! the provider's, sealed for this server and this session. Nobody else can read or make one.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::ids::{CallId, ProviderCallId, SessionId};
use crate::transcript::Signer;

/// What the key is derived for.
const PURPOSE: &[u8] = b"call-ref";
/// Longer than two ids and what sealing adds.
const MAX_TEXT: usize = 1_024;

/// Seals and opens references. The key is that of the seal, derived: it outlives a process without another file.
pub(super) struct CallRefs(RandomizedNonceKey);

impl CallRefs {
    /// With the key of this server.
    pub(super) fn of(signer: &Signer) -> Self {
        Self(RandomizedNonceKey::new(&AES_256_GCM, &signer.derive(PURPOSE)).expect("the key has 32 bytes"))
    }

    /// A reference to a call of this session; `None` when the cipher fails, which costs only the repair.
    pub(super) fn seal(&self, session: SessionId, call: &CallId, provider: &ProviderCallId) -> Option<String> {
        let mut text = format!("{}\n{}", call.as_str(), provider.expose()).into_bytes();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(session.0.as_bytes()), &mut text).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &text].concat()))
    }

    /// The call behind a reference, if it is one of ours to this session.
    pub(super) fn open(&self, session: SessionId, text: &str) -> Option<(CallId, ProviderCallId)> {
        let sealed = URL_SAFE_NO_PAD.decode(text.get(..text.len().min(MAX_TEXT))?).ok()?;
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let mut rest = rest.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let open = self.0.open_in_place(nonce, Aad::from(session.0.as_bytes()), &mut rest).ok()?;
        let (call, provider) = std::str::from_utf8(open).ok()?.split_once('\n')?;
        CallId::parse(call).zip(ProviderCallId::parse(provider))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_server_reads_it_and_only_for_its_session() {
        let refs = CallRefs::of(&Signer::from_seed(&[5; 32]));
        let (session, call) = (SessionId::fresh(), CallId::fresh());
        let provider = ProviderCallId::parse("rtc_u0_secret").expect("an id");
        let sealed = refs.seal(session, &call, &provider).expect("sealed");
        assert!(!sealed.contains("secret") && sealed.is_ascii());
        assert_ne!(refs.seal(session, &call, &provider).expect("sealed"), sealed, "never the same twice");
        let again = CallRefs::of(&Signer::from_seed(&[5; 32]));
        let (found, of) = again.open(session, &sealed).expect("the next process reads it");
        assert_eq!((found.as_str(), of.expose()), (call.as_str(), "rtc_u0_secret"));
        assert!(refs.open(SessionId::fresh(), &sealed).is_none());
        assert!(CallRefs::of(&Signer::from_seed(&[6; 32])).open(session, &sealed).is_none());
        for broken in ["", "A", "AAAA", &sealed[1..], &sealed[..sealed.len() - 2], &"A".repeat(5_000), "ä"] {
            assert!(refs.open(session, broken).is_none(), "{broken}");
        }
    }
}
