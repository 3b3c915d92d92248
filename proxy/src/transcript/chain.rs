//! The hash chain over a session's journal: `hash_n = SHA-256("viva.v1" ‖ session ‖ n ‖ hash_{n-1} ‖ body)`
//! over the stored bytes. The body names a turn's text only by `SHA-256(salt ‖ text)`, so erasing text and salt leaves
//! the chain whole. It must not parse bodies: what is hashed is what is stored.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::entry::{Entry, Kind, Source};
use super::line::Line;
use crate::ids::SessionId;

/// A SHA-256 value; hex in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What stands before the first record.
    pub const GENESIS: Self = Self([0; 32]);

    /// Lower-case hex, 64 digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({}…)", &self.to_hex()[..8])
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bytes = [0; 32];
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        hex::decode_to_slice(text.as_bytes(), &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// 16 random bytes in front of a text before it is hashed, so that short answers cannot be guessed from their hash.
pub type Salt = [u8; 16];

/// One journal record as it is stored. As JSON it is one line of an export, words included.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Line", try_from = "Line")]
pub struct Record {
    /// Place in the session's journal, from 1, without holes.
    pub n: u64,
    /// Which epoch of control wrote it; grows whenever the sideband is lost or found again.
    pub epoch: u32,
    /// Kind of the body.
    pub kind: Kind,
    /// Who says so.
    pub source: Source,
    /// The serialised [`Entry`]: the bytes that are hashed.
    pub body: Bytes,
    /// What was said, if the record carries words.
    pub text: Option<String>,
    /// Goes with `text`.
    pub salt: Option<Salt>,
    /// Hash of this record.
    pub hash: Hash,
}

// The words must not reach a log through `{:?}`.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("n", &self.n)
            .field("epoch", &self.epoch)
            .field("kind", &self.kind)
            .field("source", &self.source)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// What the body repeats of its columns, so that the chain covers who said it and under whose control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// As in the record.
    pub source: Source,
    /// As in the record.
    pub epoch: u32,
}

#[derive(Serialize)]
struct Stamped<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    stamp: Stamp,
}

/// The part of a body that every version has, whatever else an entry says.
#[derive(Clone, Debug, Deserialize)]
pub struct Gist {
    /// Kind of the entry.
    pub kind: Kind,
    /// `None` in a record of a version that made none.
    #[serde(default)]
    pub stamp: Option<Stamp>,
    /// `SHA-256(salt ‖ text)` in hex, where the entry has words.
    #[serde(default)]
    pub text_hash: Option<String>,
}

/// A column beside the body that the body repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// [`Record::kind`].
    Kind,
    /// [`Record::source`].
    Source,
    /// [`Record::epoch`].
    Epoch,
}

impl Gist {
    /// The first column of `record` that says something else than its body.
    #[must_use]
    pub fn contradicts(&self, record: &Record) -> Option<Column> {
        let stamp = self.stamp.unwrap_or(Stamp { source: record.source, epoch: record.epoch });
        [
            (self.kind != record.kind, Column::Kind),
            (stamp.source != record.source, Column::Source),
            (stamp.epoch != record.epoch, Column::Epoch),
        ]
        .into_iter()
        .find_map(|(differs, column)| differs.then_some(column))
    }

    /// Whether words and salt of `record` are those of its body: both there and hashed to what it says, or both gone.
    #[must_use]
    pub fn words_fit(&self, record: &Record) -> bool {
        match (&record.text, &record.salt) {
            (Some(text), Some(salt)) => self.text_hash.as_ref().is_some_and(|told| *told == text_hash(salt, text)),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl Record {
    /// What its body says of itself; `None` when the bytes are none that this version knows.
    #[must_use]
    pub fn gist(&self) -> Option<Gist> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body, parsed.
    ///
    /// # Errors
    /// When the stored bytes are not an entry this version knows.
    pub fn entry(&self) -> Result<Entry, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// Builds the record that follows `(n - 1, prev)`.
    #[must_use]
    pub fn next(
        session: SessionId,
        n: u64,
        prev: Hash,
        epoch: u32,
        source: Source,
        entry: &Entry,
        words: Option<(String, Salt)>,
    ) -> Self {
        let body = serde_json::to_vec(&Stamped { entry, stamp: Stamp { source, epoch } })
            .expect("an entry has only string keys and finite numbers");
        let hash = record_hash(session, n, prev, &body);
        let (text, salt) = words.unzip();
        // Without what the writing left over: records wait for the store, and some of them for the next turn.
        let body = Bytes::from(body.into_boxed_slice());
        Self { n, epoch, kind: entry.kind(), source, body, text, salt, hash }
    }
}

/// `SHA-256("viva.v1" ‖ session ‖ n ‖ prev ‖ body)`; `session` as its 16 bytes, `n` big-endian.
#[must_use]
pub fn record_hash(session: SessionId, n: u64, prev: Hash, body: &[u8]) -> Hash {
    let mut sha = Sha256::new();
    sha.update(b"viva.v1");
    sha.update(session.0.as_bytes());
    sha.update(n.to_be_bytes());
    sha.update(prev.0);
    sha.update(body);
    Hash(sha.finalize().into())
}

/// `SHA-256(salt ‖ text)` in hex, as it stands in a turn's body.
#[must_use]
pub fn text_hash(salt: &Salt, text: &str) -> String {
    let mut sha = Sha256::new();
    sha.update(salt);
    sha.update(text.as_bytes());
    hex::encode(sha.finalize())
}

/// Where and how a chain fails to verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The numbers have a hole or start elsewhere.
    #[error("record {expected} is missing, {found} stands in its place")]
    Missing {
        /// The number that should be there.
        expected: u64,
        /// The number that is.
        found: u64,
    },
    /// The stored hash does not follow from body and predecessor, or a column contradicts the body.
    #[error("record {n} was altered")]
    Altered {
        /// Which record.
        n: u64,
    },
    /// The words do not fit the hash in the body.
    #[error("the text of record {n} was altered")]
    TextAltered {
        /// Which record.
        n: u64,
    },
}

/// Verifies `records` as a whole journal from its first record and returns the head.
/// A record whose text and salt are both gone was erased, which the chain allows.
///
/// # Errors
/// The first record that does not fit.
pub fn verify(session: SessionId, records: &[Record]) -> Result<Hash, Broken> {
    let mut prev = Hash::GENESIS;
    for (record, expected) in records.iter().zip(1..) {
        if record.n != expected {
            return Err(Broken::Missing { expected, found: record.n });
        }
        if record_hash(session, record.n, prev, &record.body) != record.hash {
            return Err(Broken::Altered { n: record.n });
        }
        let Some(gist) = record.gist().filter(|gist| gist.contradicts(record).is_none()) else {
            return Err(Broken::Altered { n: record.n });
        };
        if !gist.words_fit(record) {
            return Err(Broken::TextAltered { n: record.n });
        }
        prev = record.hash;
    }
    Ok(prev)
}

/// Deterministic secrets for one call: nonces and salts derived from a random seed that is never stored or
/// serialised, so that a call replays exactly and an erased text cannot be guessed from what remains.
#[derive(Clone, Serialize, Deserialize)]
pub struct Seeded {
    #[serde(skip)]
    seed: [u8; 32],
    drawn: u64,
}

impl fmt::Debug for Seeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seeded").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}

impl Seeded {
    /// From 32 random bytes of the shell.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// Gives one that was serialised its seed back: it goes on where it was.
    pub fn reseed(&mut self, seed: [u8; 32]) {
        self.seed = seed;
    }

    /// The next 16 bytes.
    pub fn draw(&mut self) -> [u8; 16] {
        self.drawn += 1;
        let mut sha = Sha256::new();
        sha.update(self.seed);
        sha.update(self.drawn.to_be_bytes());
        let full: [u8; 32] = sha.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&full[..16]);
        half
    }
}
