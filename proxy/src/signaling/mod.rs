//! The doors for offers: the native protocol on `/ws`, and the provider's own contract over HTTP. They authenticate,
//! speak a wire format, and hand over to `call`. They must not decide anything about an interview.

mod entrance;
pub mod protocol;
pub mod provider;
mod refusal;
mod replay;
mod shown;
pub mod ws;
