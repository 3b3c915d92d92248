//! What a client's messages make a call do: join, offer, relay, skip, end. The other half of [`super::actor`].

use bytes::Bytes;

use super::actor::{Actor, Started};
use super::client::{ClientLink, FromClient};
use super::core::{ClientInput, Control, EndedBy, Input};
use super::exchange::{self, Answer, ExchangeError};
use crate::identity::TicketHash;
use crate::ids::CallId;
use crate::sdp;
use crate::signaling::protocol::{self, ClientMessage, LimitsInfo, ServerMessage, SessionMessage, StageInfo, close};

/// Exchanges one session may try over one socket after another.
const MAX_OFFERS: u32 = 6;

/// A refusal on the socket.
struct Refusal<'a> {
    code: &'a str,
    message: &'a str,
    retryable: bool,
}

impl Actor {
    /// A client's socket takes the place of an earlier one.
    pub(super) fn attach(&mut self, client: Box<ClientLink>, ticket: TicketHash) {
        if let Some(earlier) = self.client.replace(client) {
            self.dismiss(earlier, close::REPLACED, "a newer connection took over");
        }
        self.ticket = Some(ticket);
        self.send(self.session_frame());
        self.feed(Input::Client(ClientInput::Attached));
    }

    pub(super) fn client_said(&mut self, said: FromClient) {
        match said {
            FromClient::Message(message) => self.message(message),
            FromClient::Bad(bad) => {
                let message = bad.to_string();
                self.refuse(&Refusal { code: "BAD_MESSAGE", message: &message, retryable: false });
            }
            FromClient::Gone => {
                self.client = None;
                self.feed(Input::Client(ClientInput::Detached));
            }
        }
    }

    fn message(&mut self, message: ClientMessage) {
        match message {
            // The token was checked when the socket came; a second one changes nothing.
            ClientMessage::Init(_) => {}
            ClientMessage::SdpOffer { offer } => self.offered(offer.into_sdp().into()),
            ClientMessage::IceCandidate {} => {
                self.send(protocol::frame(&ServerMessage::IceStatus { message: "not needed" }))
            }
            ClientMessage::Transcript { seq, event } => self.relay(seq, &event),
            ClientMessage::ConnectionState { state, stats } => {
                if let Some(stats) = stats {
                    stats.rtt_ms.into_iter().for_each(|ms| metrics::histogram!("viva_client_rtt_ms").record(ms));
                    stats.loss_pct.into_iter().for_each(|pct| metrics::histogram!("viva_client_loss_pct").record(pct));
                }
                self.feed(Input::Client(ClientInput::Connection(state)));
            }
            ClientMessage::SkipStage { target_stage } => {
                self.feed(Input::Client(ClientInput::Skip { target: target_stage }))
            }
            ClientMessage::ClientError { code } => tracing::info!(code = %known(&code), "the client reports a problem"),
            ClientMessage::EndSession {} => self.feed(Input::Client(ClientInput::End { by: EndedBy::UserEnd })),
            ClientMessage::Ping { t } => self.send(protocol::frame(&ServerMessage::Pong { t })),
        }
    }

    fn offered(&mut self, offer: Bytes) {
        if self.exchange.is_some() || self.call.is_some() {
            self.refuse(&Refusal {
                code: "CONFLICT",
                message: "this session has a call or is making one",
                retryable: false,
            });
            return;
        }
        // Cheap to check here, so that a wrong offer costs neither a ticket nor a row.
        if let Err(rule) = sdp::check_offer(&offer) {
            self.refuse_exchange(&ExchangeError::Offer(rule));
            return;
        }
        let Some(ticket) = self.ticket else { return };
        self.offers += 1;
        if self.offers > MAX_OFFERS {
            self.refuse(&Refusal {
                code: "RATE_LIMITED",
                message: "too many offers; create a new session",
                retryable: false,
            });
        } else if self.seat.calls().claim(ticket).is_err() {
            self.refuse(&Refusal {
                code: "CONFLICT",
                message: "this ticket was used; ask for a new one",
                retryable: false,
            });
        } else {
            let (shell, order) = (self.shell.clone(), self.order(ticket));
            self.exchange =
                Some(Box::pin(async move { (order.call_id.clone(), exchange::exchange(&shell, order, offer).await) }));
        }
    }

    pub(super) fn exchanged(&mut self, call_id: CallId, result: Result<Answer, ExchangeError>) {
        match result {
            Ok(answer) => {
                let sdp = String::from_utf8_lossy(&answer.sdp).into_owned();
                let message = ServerMessage::SdpAnswer {
                    answer: protocol::Answer { r#type: "answer", sdp: &sdp },
                    call_id: call_id.as_str(),
                };
                self.send(protocol::frame(&message));
                self.begin(Started { call_id, provider: answer.provider });
            }
            Err(error) => {
                if let Some(ticket) = self.ticket.filter(|_| error.is_definite()) {
                    self.seat.calls().unclaim(ticket);
                }
                self.refuse_exchange(&error);
            }
        }
    }

    fn refuse_exchange(&mut self, error: &ExchangeError) {
        let (message, retryable, retry_after_ms, rule, request_id) = match error {
            ExchangeError::Offer(rule) => (rule.advice().to_owned(), false, None, Some(rule.name()), None),
            ExchangeError::Upstream(error) => {
                let after = error.retry_after().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
                (error.to_string(), error.is_retryable(), after, None, error.request_id.as_deref())
            }
            ExchangeError::Answer => (error.to_string(), false, None, None, None),
            ExchangeError::Store(_) => ("the call cannot be recorded at the moment".to_owned(), true, None, None, None),
        };
        let message =
            ServerMessage::Error { code: error.code(), message: &message, retryable, retry_after_ms, rule, request_id };
        self.send(protocol::frame(&message));
    }

    fn refuse(&mut self, refusal: &Refusal<'_>) {
        let message = ServerMessage::Error {
            code: refusal.code,
            message: refusal.message,
            retryable: refusal.retryable,
            retry_after_ms: None,
            rule: None,
            request_id: None,
        };
        self.send(protocol::frame(&message));
    }

    fn session_frame(&self) -> String {
        let plan = &self.booking.plan;
        let (control, epoch, _) = self.core.control();
        let message = SessionMessage {
            session_id: self.booking.session.to_string(),
            tenant_id: self.booking.ctx.tenant.to_string(),
            kind: "interview",
            status: if self.core.stage().is_some() { "in_progress" } else { "scheduled" },
            stage: self.core.stage().unwrap_or(&plan.stages[0].name).to_owned(),
            started_at: self.core.stage_started_at().map(crate::clock::rfc3339),
            stages: plan
                .stages
                .iter()
                .map(|stage| StageInfo {
                    name: stage.name.clone(),
                    label: stage.label.clone(),
                    limit_seconds: stage.limit_s,
                    min_questions: stage.min_questions,
                })
                .collect(),
            plan: plan.name.clone(),
            simulation: self.booking.simulation,
            resumed: self.call.is_some(),
            last_seq: self.last_seq,
            control: if self.call.is_some() { control } else { Control::Pending },
            epoch,
            limits: LimitsInfo {
                session_seconds: self.shell.limits.session_ms / 1_000,
                grace_seconds: self.shell.limits.grace_ms / 1_000,
            },
            version: crate::ops::version::LONG,
        };
        protocol::frame(&ServerMessage::Session(Box::new(message)))
    }
}

/// Only codes of our own pages are logged as they are; anything else could be anything.
fn known(code: &str) -> &str {
    const CODES: [&str; 6] =
        ["mic_denied", "mic_missing", "play_blocked", "ice_failed", "channel_closed", "offer_failed"];
    if CODES.contains(&code) { code } else { "other" }
}
