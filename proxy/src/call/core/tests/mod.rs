//! Tests of the core: whole calls in virtual time, one promise a test, and properties over random calls. No runtime, no
//! clock, no socket.

mod beta;
mod candidate;
mod client;
mod course;
mod dark;
mod desk;
mod dialects;
mod distance;
mod ends;
mod greetings;
mod guards;
mod laws;
mod links;
mod mangled;
mod properties;
mod provider;
mod reconcile;
mod recordings;
mod reference;
mod relayed;
mod replay;
mod restarts;
mod schedule;
mod skips;
mod states;
mod store;
mod stores;
mod succession;
mod successions;
mod transitions;
mod trust;
mod view;
mod watchdogs;
mod watchman;
mod world;
