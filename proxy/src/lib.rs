//! Viva: live voice interviews that go straight to the model. This library is the whole product; the binary is its
//! command line. Folders are the glossary; `sdp`, `interview`, `transcript`, `call::core` and `upstream::facts` are
//! pure and may be used by everything else, but use nothing else.

pub mod api;
pub mod app;
pub mod call;
pub mod cli;
pub mod clock;
pub mod config;
pub mod documents;
pub mod identity;
pub mod ids;
pub mod interview;
pub mod older;
pub mod ops;
pub mod retention;
pub mod sdp;
pub mod signaling;
pub mod store;
pub mod transcript;
pub mod upstream;
pub mod usage;
pub mod vault;
pub mod web;
