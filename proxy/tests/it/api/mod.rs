//! The HTTP interface as a client meets it: real sockets, the real store, no calls.

mod access;
mod access_keys;
mod again;
mod claims;
mod documents;
mod harness;
mod invitations;
mod rights;
mod sessions;
mod transcripts;
