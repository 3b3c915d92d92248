//! Dead letters: what the store refused for good, kept in the spool with the reason until an operator has looked at it.
//! Read beside the server that has the spool open, which only ever adds to them. It must not touch what waits.

use std::path::Path;

use super::log::{Held, Item, Letter, Log};
use crate::identity::TenantCtx;
use crate::ids::{CallId, SessionId, TenantId};
use crate::store::sqlite::OpenError;
use crate::store::{Batch, Store, StoreError};

/// What was to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Records of a session's journal, from the first to the last.
    Records {
        /// Which session.
        session: SessionId,
        /// Number of the first.
        first: u64,
        /// Number of the last.
        last: u64,
    },
    /// The provider's id of a call.
    Answered(CallId),
    /// The end of a call.
    Closed(CallId),
    /// Of a version that this one cannot read.
    Unreadable,
}

/// Something that the store refused for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number in this spool.
    pub id: i64,
    /// Whose it is.
    pub tenant: TenantId,
    /// When it was put aside, Unix milliseconds.
    pub at: i64,
    /// What the store said.
    pub reason: String,
    /// What it is.
    pub refused: Refused,
}

/// What became of another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// The store has it now, or had it: the letter is gone.
    Taken,
    /// The store refuses it as before; the letter stays.
    Refused(StoreError),
    /// There is no such letter.
    Missing,
}

/// The dead letters of one spool.
pub struct DeadLetters(Log);

impl DeadLetters {
    /// Those in this directory. `None`: nothing was ever spooled there.
    ///
    /// # Errors
    /// When the file is not a spool, or cannot be read.
    pub fn open(dir: &Path) -> Result<Option<Self>, OpenError> {
        if Log::exists(dir) { Log::open(dir).map(|log| Some(Self(log))) } else { Ok(None) }
    }

    /// Entries that wait to be brought over, and are no dead letters.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn waiting(&self) -> Result<u64, StoreError> {
        let (Held { entries, .. }, _lanes) = self.0.waiting()?;
        Ok(entries)
    }

    /// All of them: by session, each in the order of its journal, so that another try follows it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self) -> Result<Vec<DeadLetter>, StoreError> {
        let mut letters: Vec<_> = self.0.letters()?.into_iter().map(DeadLetter::from).collect();
        letters.sort_by_key(|letter| match letter.refused {
            Refused::Records { session, first, .. } => (Some(session), first, letter.id),
            Refused::Answered(_) | Refused::Closed(_) | Refused::Unreadable => (None, 0, letter.id),
        });
        Ok(letters)
    }

    /// The letter as it was written, words included, as JSON: for keeping it elsewhere.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn whole(&self, id: i64) -> Result<Option<String>, StoreError> {
        let Some(letter) = self.0.letter(id)? else { return Ok(None) };
        String::from_utf8(letter.item).map(Some).map_err(|_| StoreError::Internal)
    }

    /// Shows a letter to the store once more, as it was.
    ///
    /// # Errors
    /// When the store cannot be asked, or the file not written: nothing is changed then.
    pub async fn retry(&mut self, store: &dyn Store, id: i64) -> Result<Retried, StoreError> {
        let Some(letter) = self.0.letter(id)? else { return Ok(Retried::Missing) };
        let ctx = TenantCtx::service(letter.tenant);
        let answer = match serde_json::from_slice(&letter.item) {
            Ok(Item::Commit { lease_epoch, expected_n, prev_hash, records }) => {
                let batch = Batch { session: SessionId(letter.lane.0), lease_epoch, expected_n, prev_hash, records };
                store.commit(ctx, batch).await.map(|_committed| ())
            }
            Ok(Item::Answered { call, provider, at }) => store.call_answered(ctx, call, provider, at).await,
            Ok(Item::Closed { call, hang_up, at }) => store.close_call(ctx, call, hang_up, at).await,
            Err(_) => return Ok(Retried::Refused(StoreError::Internal)),
        };
        match answer {
            Ok(()) => self.0.drop_letter(id).map(|_gone| Retried::Taken),
            Err(error) if super::drain::is_passing(error) => Err(error),
            Err(error) => Ok(Retried::Refused(error)),
        }
    }

    /// Removes a letter; what it held is gone. `false`: there is none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn drop_letter(&mut self, id: i64) -> Result<bool, StoreError> {
        self.0.drop_letter(id)
    }
}

impl From<Letter> for DeadLetter {
    fn from(letter: Letter) -> Self {
        let Letter { id, tenant, lane, item, reason, at } = letter;
        let refused = match serde_json::from_slice(&item) {
            Ok(Item::Commit { expected_n, records, .. }) => Refused::Records {
                session: SessionId(lane.0),
                first: expected_n,
                last: records.last().map_or(expected_n, |last| last.n),
            },
            Ok(Item::Answered { call, .. }) => Refused::Answered(call),
            Ok(Item::Closed { call, .. }) => Refused::Closed(call),
            Err(_) => Refused::Unreadable,
        };
        Self { id, tenant, at, reason, refused }
    }
}
