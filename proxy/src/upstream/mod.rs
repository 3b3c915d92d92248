//! The way to the model: facts from its events.

pub mod facts;
