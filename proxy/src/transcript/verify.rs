//! Whether a journal that left the store is the one that was sealed: numbers, hashes, columns, words, seal and
//! signature. It names the first record that does not fit and what about it, and tells what was erased, which is
//! allowed, from what was altered. It must not know where a journal comes from, and it trusts nothing in it but what the
//! chain and the signature cover.

use serde::Serialize;

use super::chain::{Column, Hash, Record, record_hash};
use super::entry::{Entry, Kind};
use super::seal::{PublicKey, Sealed};
use crate::ids::SessionId;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The records are not this session's: not one hash fits its id.
    Session,
    /// The header names another number of records.
    Count,
    /// The header names another head.
    Head,
    /// A record is not there.
    Missing,
    /// A record stands in another's place, or twice.
    Order,
    /// The body does not give the hash. Whoever replaces a record together with its hash shows here too, in the record
    /// after it.
    Body,
    /// The hash alone is another one: the next record follows from the right one.
    Hash,
    /// The kind beside the body is not the body's.
    Kind,
    /// The source beside the body is not the body's.
    Source,
    /// The epoch beside the body is not the body's.
    Epoch,
    /// The words, or their salt, are not those that were hashed.
    Text,
    /// The seal names another number or head than the records before it have.
    Seal,
    /// Something follows the seal.
    AfterSeal,
    /// The signature is not by the key that the seal names over what it seals.
    Signature,
    /// The seal is by none of the keys that are trusted.
    Key,
    /// A trusted key was asked for, and the seal has no signature.
    Unsigned,
    /// A trusted key was asked for, and there is no seal.
    Unsealed,
}

impl Fault {
    /// The name in reports.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Session => "the records are not those of this session",
            Self::Count => "the header tells another number of records",
            Self::Head => "the header tells another head",
            Self::Missing => "is missing",
            Self::Order => "does not stand in its place",
            Self::Body => "its body was altered, or the record before it was replaced together with its hash",
            Self::Hash => "its hash was altered",
            Self::Kind => "its kind was altered",
            Self::Source => "its source was altered",
            Self::Epoch => "its epoch was altered",
            Self::Text => "its text was altered",
            Self::Seal => "the seal is not about the records before it",
            Self::AfterSeal => "follows the seal",
            Self::Signature => "the seal's signature is not good",
            Self::Key => "the seal is by another key",
            Self::Unsigned => "the seal is not signed",
            Self::Unsealed => "there is no seal: the interview was not over, or the end was cut off",
        }
    }
}

/// The first thing that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Alteration {
    /// Which record; `None`: the header, or all of it.
    pub record: Option<u64>,
    /// What about it.
    pub fault: Fault,
}

impl std::fmt::Display for Alteration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.record {
            Some(n) => write!(f, "record {n}: {}", self.fault.explanation()),
            None => f.write_str(self.fault.explanation()),
        }
    }
}

/// Who vouches for a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Vouched {
    /// Nobody: there is no seal.
    Unsealed,
    /// Nobody: a version before signatures sealed it.
    Unsigned,
    /// The holder of this key.
    Signed {
        /// It.
        key: PublicKey,
        /// Whether it is one of those that were asked for. If not, the key is the journal's own claim.
        trusted: bool,
    },
}

/// A journal that holds together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Records.
    pub records: u64,
    /// Hash of the last one.
    pub head: Hash,
    /// Records whose words were erased.
    pub erased: Vec<u64>,
    /// Records of a version whose chain did not cover source and epoch: those two are claims there.
    pub unstamped: u64,
    /// Who vouches for it.
    pub vouched: Vouched,
}

/// What a journal's header claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Records.
    pub records: u64,
    /// Hash of the last one.
    pub head: Hash,
}

/// Examines a whole journal, in the order in which its records are given. With `trusted` keys it must be sealed by one
/// of them; without, whatever key its seal names is taken at its word.
///
/// # Errors
/// The first thing that does not fit.
pub fn verify(
    session: SessionId,
    records: &[Record],
    claim: Option<Claim>,
    trusted: &[PublicKey],
) -> Result<Verified, Alteration> {
    let mut report = Verified {
        records: records.len() as u64,
        head: Hash::GENESIS,
        erased: Vec::new(),
        unstamped: 0,
        vouched: Vouched::Unsealed,
    };
    for ((place, record), expected) in records.iter().enumerate().zip(1..) {
        let altered = |fault| Alteration { record: Some(expected), fault };
        if report.vouched != Vouched::Unsealed {
            return Err(altered(Fault::AfterSeal));
        }
        if record.n != expected {
            return Err(misplaced(records, expected, record.n));
        }
        let hash = record_hash(session, record.n, report.head, &record.body);
        if hash != record.hash {
            return Err(blame(session, records, place, hash, claim));
        }
        // Hashed right and not readable: nothing beside it can be trusted, and there is no saying which is wrong.
        let gist = record.gist().ok_or_else(|| altered(Fault::Body))?;
        if let Some(column) = gist.contradicts(record) {
            return Err(altered(column.into()));
        }
        if !gist.words_fit(record) {
            return Err(altered(Fault::Text));
        }
        report.unstamped += u64::from(gist.stamp.is_none());
        if record.text.is_none() && gist.text_hash.is_some() {
            report.erased.push(record.n);
        }
        if record.kind == Kind::Seal {
            report.vouched = check_seal(session, record, report.head, trusted).map_err(altered)?;
        }
        report.head = record.hash;
    }
    check_end(&report, claim, trusted)?;
    Ok(report)
}

/// A number that is not there stands elsewhere or nowhere.
fn misplaced(records: &[Record], expected: u64, found: u64) -> Alteration {
    if found < expected {
        return Alteration { record: Some(found), fault: Fault::Order };
    }
    let elsewhere = records.iter().any(|record| record.n == expected);
    Alteration { record: Some(expected), fault: if elsewhere { Fault::Order } else { Fault::Missing } }
}

/// Body and hash of a record disagree, and its neighbours tell which of them is the false one.
fn blame(session: SessionId, records: &[Record], place: usize, right: Hash, claim: Option<Claim>) -> Alteration {
    let follows = |record: &Record, prev| record_hash(session, record.n, prev, &record.body) == record.hash;
    let nothing_fits = place == 0
        && records.len() > 1
        && records.windows(2).all(|pair| !follows(&pair[1], pair[0].hash))
        && !records.get(1).is_some_and(|second| follows(second, right));
    if nothing_fits {
        return Alteration { record: None, fault: Fault::Session };
    }
    let only_hash = match records.get(place + 1) {
        Some(next) => follows(next, right),
        None => claim.is_some_and(|claim| claim.head == right),
    };
    let fault = if only_hash { Fault::Hash } else { Fault::Body };
    Alteration { record: Some(records[place].n), fault }
}

impl From<Column> for Fault {
    fn from(column: Column) -> Self {
        match column {
            Column::Kind => Self::Kind,
            Column::Source => Self::Source,
            Column::Epoch => Self::Epoch,
        }
    }
}

fn check_seal(session: SessionId, record: &Record, head: Hash, trusted: &[PublicKey]) -> Result<Vouched, Fault> {
    let Ok(Entry::Seal { n, head: told, key, signature }) = record.entry() else { return Err(Fault::Seal) };
    let sealed = Sealed { session, n: record.n - 1, head };
    if n != sealed.n || told != head.to_hex() {
        return Err(Fault::Seal);
    }
    match (key, signature) {
        (Some(key), Some(signature)) if !key.has_signed(&sealed, &signature) => Err(Fault::Signature),
        (Some(key), Some(_)) if trusted.is_empty() => Ok(Vouched::Signed { key, trusted: false }),
        (Some(key), Some(_)) if trusted.contains(&key) => Ok(Vouched::Signed { key, trusted: true }),
        (Some(_), Some(_)) => Err(Fault::Key),
        (None, _) | (_, None) if trusted.is_empty() => Ok(Vouched::Unsigned),
        (None, _) | (_, None) => Err(Fault::Unsigned),
    }
}

fn check_end(report: &Verified, claim: Option<Claim>, trusted: &[PublicKey]) -> Result<(), Alteration> {
    if let Some(claim) = claim {
        if claim.records > report.records {
            return Err(Alteration { record: Some(report.records + 1), fault: Fault::Missing });
        }
        if claim.records < report.records {
            return Err(Alteration { record: None, fault: Fault::Count });
        }
        if claim.head != report.head {
            return Err(Alteration { record: None, fault: Fault::Head });
        }
    }
    if report.vouched == Vouched::Unsealed && !trusted.is_empty() {
        return Err(Alteration { record: Some(report.records + 1), fault: Fault::Unsealed });
    }
    Ok(())
}
