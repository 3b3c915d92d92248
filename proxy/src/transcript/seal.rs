//! The signature under a finished journal: Ed25519 (RFC 8032) over which session it is, how many records it has and the
//! head of their chain. It proves that whoever holds the key vouched for exactly these records; it proves nothing
//! against somebody who holds both the key and the database. Signing is deterministic, so a replayed call is sealed
//! with the same bytes. Where keys come from is not known here.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::chain::Hash;
use super::entry::Entry;
use crate::ids::SessionId;

/// Separates this signature from any other that the same key might ever make.
const DOMAIN: &[u8] = b"viva.seal.v1";

/// Who sealed a journal: 32 bytes, as text base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

/// The signature in a seal: 64 bytes, as text base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

/// A text that is no key or signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {0} bytes in base64url")]
pub struct NotBytes(usize);

/// What a seal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The journal's session.
    pub session: SessionId,
    /// Records before the seal.
    pub n: u64,
    /// Hash of the last of them.
    pub head: Hash,
}

impl Sealed {
    /// What is signed: `"viva.seal.v1" ‖ session ‖ n ‖ head`; `session` as its 16 bytes, `n` big-endian.
    fn message(&self) -> Vec<u8> {
        [DOMAIN, self.session.0.as_bytes(), &self.n.to_be_bytes(), &self.head.0].concat()
    }
}

impl PublicKey {
    /// Short name of the key: the first 8 bytes of its SHA-256, in hex.
    #[must_use]
    pub fn id(&self) -> String {
        hex::encode(&Sha256::digest(self.0)[..8])
    }

    /// Whether this key's holder signed exactly this.
    #[must_use]
    pub fn has_signed(&self, sealed: &Sealed, signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(&sealed.message(), &signature.0).is_ok()
    }
}

/// Signs seals. Cheap to clone; it shows its public key and nothing else.
#[derive(Clone)]
pub struct Signer {
    public: PublicKey,
    hand: Hand,
}

#[derive(Clone)]
enum Hand {
    /// Holds the key.
    Key(Arc<Ed25519KeyPair>),
    /// Of a recorded call: the one signature it made, if it came to that. It cannot make another.
    Recorded(Option<Signature>),
}

impl Signer {
    /// From 32 random bytes, which are the private key.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are an Ed25519 seed");
        let public = pair.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes");
        Self { public: PublicKey(public), hand: Hand::Key(Arc::new(pair)) }
    }

    /// The signer of a call that was recorded: it repeats the signature it made then.
    #[must_use]
    pub fn recorded(public: PublicKey, signature: Option<Signature>) -> Self {
        Self { public, hand: Hand::Recorded(signature) }
    }

    /// By which its seals can be checked.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// A secret for another purpose that nobody without the key can know: its deterministic signature of the purpose,
    /// hashed. Never a seal, whose message begins otherwise. The signer of a recording has no secrets; its answer is no key.
    #[must_use]
    pub fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        let message = [b"viva derived key v1/", purpose].concat();
        match &self.hand {
            Hand::Key(pair) => Sha256::digest(pair.sign(&message).as_ref()).into(),
            Hand::Recorded(_) => Sha256::digest(message).into(),
        }
    }

    /// The journal's last entry.
    #[must_use]
    pub fn seal(&self, sealed: &Sealed) -> Entry {
        let signature = match &self.hand {
            Hand::Key(pair) => {
                Some(Signature(pair.sign(&sealed.message()).as_ref().try_into().expect("a signature has 64 bytes")))
            }
            Hand::Recorded(signature) => *signature,
        };
        Entry::Seal { n: sealed.n, head: sealed.head.to_hex(), key: Some(self.public), signature }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.public).finish()
    }
}

/// As its public key, so that what a call was made with can be written down without the private one.
impl Serialize for Signer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.public.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PublicKey::deserialize(deserializer).map(|public| Self::recorded(public, None))
    }
}

macro_rules! bytes_as_text {
    ($($name:ident: $length:literal)*) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = NotBytes;

            fn from_str(text: &str) -> Result<Self, NotBytes> {
                let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| NotBytes($length))?;
                bytes.try_into().map(Self).map_err(|_| NotBytes($length))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        })*
    };
}
bytes_as_text! { PublicKey: 32 Signature: 64 }

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> Sealed {
        let session = "0190f5fe-7c1f-7d3e-9e59-1c1d5a3b7c11".parse().expect("an id");
        Sealed { session, n: 41, head: Hash([7; 32]) }
    }

    fn signature(entry: &Entry) -> (PublicKey, Signature) {
        let Entry::Seal { key: Some(key), signature: Some(signature), .. } = entry else { panic!("a signed seal") };
        (*key, *signature)
    }

    #[test]
    fn the_key_of_a_seed_is_that_of_the_standard() {
        // RFC 8032, section 7.1, test 1.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let seed: [u8; 32] = hex::decode(seed).expect("hex").try_into().expect("32 bytes");
        assert_eq!(hex::encode(Signer::from_seed(&seed).public().0), public);
    }

    #[test]
    fn a_seal_is_the_same_twice_and_good_for_nothing_else() {
        let signer = Signer::from_seed(&[1; 32]);
        let seal = signer.seal(&sealed());
        assert_eq!(seal, signer.seal(&sealed()));
        let (key, signature) = signature(&seal);
        assert!(key.has_signed(&sealed(), &signature));
        let others = [
            Sealed { n: 40, ..sealed() },
            Sealed { head: Hash([8; 32]), ..sealed() },
            Sealed { session: SessionId::fresh(), ..sealed() },
        ];
        assert!(others.iter().all(|other| !key.has_signed(other, &signature)));
        assert!(!Signer::from_seed(&[2; 32]).public().has_signed(&sealed(), &signature));
    }

    #[test]
    fn keys_and_signatures_are_texts_that_can_be_read_back() {
        let seal = Signer::from_seed(&[1; 32]).seal(&sealed());
        let text = serde_json::to_string(&seal).expect("serialises");
        assert_eq!(serde_json::from_str::<Entry>(&text).expect("parses"), seal);
        let (key, _) = signature(&seal);
        assert_eq!((key.to_string().len(), key.to_string().parse()), (43, Ok(key)));
        assert_eq!(key.id().len(), 16);
        assert_eq!("AAAA".parse::<PublicKey>(), Err(NotBytes(32)));
        assert_eq!("*".parse::<Signature>(), Err(NotBytes(64)));
    }

    #[test]
    fn a_seal_of_an_earlier_version_is_still_one() {
        let old = r#"{"kind":"seal","n":3,"head":"00"}"#;
        let entry: Entry = serde_json::from_str(old).expect("parses");
        assert_eq!(entry, Entry::Seal { n: 3, head: "00".into(), key: None, signature: None });
        assert_eq!(serde_json::to_string(&entry).expect("serialises"), old);
    }

    #[test]
    fn a_signer_shows_and_writes_down_its_public_key_only() {
        let signer = Signer::from_seed(&[1; 32]);
        let text = serde_json::to_string(&signer).expect("serialises");
        assert_eq!(text, format!("\"{}\"", signer.public()));
        assert_eq!(format!("{signer:?}"), format!("Signer({:?})", signer.public()));
        let read: Signer = serde_json::from_str(&text).expect("parses");
        assert!(
            matches!(read.seal(&sealed()), Entry::Seal { signature: None, key: Some(key), .. } if key == signer.public())
        );
        let (_, signature) = signature(&signer.seal(&sealed()));
        assert_eq!(Signer::recorded(signer.public(), Some(signature)).seal(&sealed()), signer.seal(&sealed()));
    }
}
