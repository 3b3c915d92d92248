//! Who gets in by a token, and who does not: every case against the running server, over HTTP and over `/ws`, with a
//! stand-in that publishes keys on loopback. The table in docs/security.md is made from the same cases.

mod actors;
mod cases;
mod document;
mod issuer;
mod matrix;
mod people;
mod scopes;
mod socket;
