//! Offers as requests over HTTP.

use std::net::SocketAddr;

use crate::wire;

#[path = "../rig/sdp.rs"]
mod text;

pub(crate) use text::{ANSWER, id_of};

/// One `POST /v1/realtime/calls` with the given ticket.
pub(crate) fn post(addr: SocketAddr, ticket: &str, id: u64) -> Vec<u8> {
    let bearer = format!("Bearer {ticket}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/sdp")];
    wire::request("POST", addr, "/v1/realtime/calls", &headers, text::offer(id).as_bytes())
}

/// A round's offers: one for each ticket, to be addressed to whichever server.
#[derive(Debug)]
pub(crate) struct Offers<'a> {
    tickets: &'a [String],
}

impl<'a> Offers<'a> {
    pub(crate) fn prepare(tickets: &'a [String]) -> Self {
        Self { tickets }
    }

    /// The requests as bytes, so that nothing but the exchange is timed.
    pub(crate) fn requests(&self, addr: SocketAddr) -> Vec<Vec<u8>> {
        (0..).zip(self.tickets).map(|(id, ticket)| post(addr, ticket, id)).collect()
    }
}
