//! Real sockets: a native caller and plain clients against a simulator, as clients meet it.

mod rig;

mod conversation;
mod creating;
mod ending;
mod misbehaving;
mod peers;
mod secrets;
mod sidebands;
