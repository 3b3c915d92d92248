//! The record of an interview: journal entries, the hash chain over them, the order of turns, and what is exported.
//! Pure: no IO, no clock, no tasks. It must not know who stores the journal or who reads it.

pub mod chain;
pub mod entry;
pub mod export;
mod line;
pub mod order;
mod pieces;
pub mod seal;
mod settled;
pub mod timeline;
mod trace;
pub mod turn;
mod unprinted;
pub mod verify;

pub use chain::{Hash, Record, Salt, Seeded};
pub use entry::{
    CallEvent, Entry, HangUp, IncidentKind, Kind, Origin, Source, Speaker, StageEntry, StageReason, TurnEntry,
    TurnState,
};
pub use seal::{PublicKey, Sealed, Signature, Signer};
