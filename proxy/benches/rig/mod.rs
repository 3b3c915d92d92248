//! What load and torture have in common: a provider that is none, and a candidate that needs no microphone. Only
//! signaling is real here; sound is not.

pub(crate) mod provider;
pub(crate) mod sdp;
pub(crate) mod socket;
