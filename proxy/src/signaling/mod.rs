//! The doors for offers: the native protocol on `/ws`. They authenticate, speak a wire format, and hand over to `call`.
//! They must not decide anything about an interview.

pub mod protocol;
