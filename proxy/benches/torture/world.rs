//! What every candidate of a run meets: the doors of the server, the desk where sessions are made, and the model.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::rig::provider::Provider;

/// What all browsers share.
#[derive(Debug)]
pub(crate) struct World {
    /// Where the server is reached; several where several processes serve, and nobody knows which has whose call.
    pub(crate) doors: Vec<SocketAddr>,
    pub(crate) desk: Desk,
    pub(crate) provider: Provider,
    /// Everybody comes to an end.
    pub(crate) winding_up: CancellationToken,
}
