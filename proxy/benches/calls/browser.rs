//! One browser: its socket, from `init` to the end, and nothing behind it. It reads only what it counts.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::ledger::Ledger;
use crate::rig::provider::{Call, Provider};
use crate::rig::sdp;
use crate::rig::socket::{Said, Socket};

/// A browser with a running call.
#[derive(Debug)]
pub(crate) struct Browser {
    socket: Socket,
    pub(crate) call: Arc<Call>,
}

/// The fields of a frame that are counted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    #[serde(borrow)]
    r#type: &'a str,
    n: Option<u64>,
    up_to: Option<u64>,
    item_id: Option<&'a str>,
    r#final: Option<bool>,
}

impl Browser {
    /// Knocks, offers, and says that media is up.
    pub(crate) async fn call(addr: SocketAddr, provider: &Provider, ticket: &str, number: u64) -> Result<Self> {
        let mut socket = Socket::open(addr, "", None).await?;
        socket.send(&json!({ "type": "init", "token": ticket })).await?;
        expect(&mut socket, "session").await?;
        let offer = json!({ "type": "offer", "sdp": sdp::offer(number) });
        socket.send(&json!({ "type": "sdp_offer", "offer": offer })).await?;
        let answer = expect(&mut socket, "sdp_answer").await?;
        let sdp = answer["answer"]["sdp"].as_str().context("no SDP in the answer")?;
        let call = provider.call_of(sdp).context("the answer is not the provider's")?;
        socket.send(&json!({ "type": "connection_state", "state": "connected" })).await?;
        Ok(Self { socket, call })
    }

    /// Listens until the call is over; asks for that when it is told to.
    pub(crate) async fn listen(mut self, ledger: Arc<Ledger>, hang_up: CancellationToken) {
        let mut waiting: VecDeque<(u64, String)> = VecDeque::new();
        let mut asked = false;
        loop {
            let said = tokio::select! {
                said = self.socket.next() => said,
                () = hang_up.cancelled(), if !asked => {
                    asked = true;
                    if self.socket.send(&json!({ "type": "end_session" })).await.is_err() {
                        break;
                    }
                    continue;
                }
            };
            let Said::Text(text) = said else { break };
            let Ok(frame) = serde_json::from_str::<Frame<'_>>(text.as_str()) else { continue };
            match (frame.r#type, frame.n, frame.item_id) {
                ("agent_caption" | "user_caption", Some(n), Some(item)) if frame.r#final == Some(true) => {
                    waiting.push_back((n, item.to_owned()));
                }
                ("saved", ..) => {
                    let up_to = frame.up_to.unwrap_or(0);
                    while let Some((_, item)) = waiting.pop_front_if(|(n, _)| *n <= up_to) {
                        ledger.turn_saved(self.call.completed_at(&item).map(|at| at.elapsed()));
                    }
                }
                _ => {}
            }
        }
        if asked {
            ledger.call_over();
        } else {
            ledger.call_broke();
        }
    }
}

async fn expect(socket: &mut Socket, kind: &str) -> Result<Value> {
    loop {
        let Said::Text(text) = socket.next().await else { bail!("the socket closed before `{kind}`") };
        let message: Value = serde_json::from_str(text.as_str())?;
        ensure!(message["type"] != "error", "instead of `{kind}`: {message}");
        if message["type"] == kind {
            return Ok(message);
        }
    }
}
