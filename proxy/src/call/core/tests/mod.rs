//! Tests of the core: whole calls in virtual time, one promise a test, and properties over random calls. No runtime, no
//! clock, no socket.

mod candidate;
mod client;
mod course;
mod provider;
mod reference;
mod store;
mod view;
mod watchman;
mod world;
