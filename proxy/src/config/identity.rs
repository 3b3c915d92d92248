//! Who may come in. So far that is the local guest alone, who exists only where nobody else can come from: on this
//! machine. It must never be offered on an address that others reach.

use super::reader::Reader;
use super::server::Server;

/// Whether the local guest is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// On request, to peers on this machine.
    Local,
    /// Never.
    Nobody,
}

/// Ways to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The local guest.
    pub guests: Guests,
}

impl Identity {
    pub(super) fn read(reader: &mut Reader<'_>, server: &Server) -> Self {
        let local_name = server.public_url.as_ref().is_none_or(super::Origin::is_loopback);
        if server.bind.is_loopback() && local_name {
            return Self { guests: Guests::Local };
        }
        let fix = "set BIND=127.0.0.1 and unset PUBLIC_URL; guests are the only identity and never leave this machine";
        let variable = if server.bind.is_loopback() { "PUBLIC_URL" } else { "BIND" };
        reader.fault(variable, "makes the service public, and nobody could sign in but local guests", fix);
        Self { guests: Guests::Nobody }
    }
}
