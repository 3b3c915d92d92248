//! Real sockets: a native caller and plain clients against a simulator, as clients meet it.

#[cfg(test)]
mod rig;

#[cfg(test)]
mod callers;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod creating;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod live;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sidebands;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod troubles;
