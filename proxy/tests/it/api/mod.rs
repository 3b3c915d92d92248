//! The HTTP interface as a client meets it: real sockets, the real store, no calls.

mod access;
mod access_keys;
mod again;
mod changes;
mod claims;
mod documents;
mod events;
mod functions;
mod harness;
mod invitations;
mod rights;
mod sessions;
mod transcripts;
