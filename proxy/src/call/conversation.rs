//! What a client's messages make a call do: join, offer, relay, skip, end. The other half of [`super::actor`].

use std::sync::Arc;

use bytes::Bytes;

use super::actor::Actor;
use super::client::{ClientLink, FromClient};
use super::core::{ClientInput, Connection, Control, EndedBy, Input, Other, UpstreamInput};
use super::exchange::{self, Answer, ExchangeError};
use super::line::Place;
use super::succession::{Exchange, Hold, Purpose};
use crate::api::Code;
use crate::identity::Ticket;
use crate::sdp;
use crate::signaling::protocol::{self, ClientMessage, LimitsInfo, ServerMessage, SessionMessage, StageInfo, close};
use crate::usage::purse::NoCall;
use crate::vault::KeyError;

/// Exchanges one session may try over one socket after another.
const MAX_OFFERS: u32 = 6;

/// A refusal on the socket.
#[derive(Default)]
pub(super) struct Refusal<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) retryable: bool,
    pub(super) retry_after_ms: Option<u64>,
}

impl Actor {
    /// A client's socket takes the place of an earlier one.
    pub(super) fn attach(&mut self, client: Box<ClientLink>, ticket: Arc<Ticket>) {
        if let Some(earlier) = self.client.replace(client) {
            self.dismiss(earlier, close::REPLACED, "a newer connection took over");
        }
        self.ticket = Some(ticket);
        self.hold = Hold::None;
        let (n, seq) = self.client.as_ref().map_or((0, 0), |client| (client.has.n, client.has.seq));
        self.feed(Input::Client(ClientInput::RelaysFrom { seq }));
        self.send(self.session_frame());
        self.tell_budget();
        self.presented();
        self.catch_up = None;
        if self.is_resumed() {
            self.catch_up(n);
        }
        self.feed(Input::Client(ClientInput::Attached));
    }

    pub(super) fn client_said(&mut self, said: FromClient) {
        match said {
            FromClient::Message(message) => self.message(message),
            FromClient::Bad(bad) => {
                let message = bad.to_string();
                self.refuse(&Refusal {
                    code: "BAD_MESSAGE",
                    message: &message,
                    retryable: false,
                    retry_after_ms: None,
                });
            }
            FromClient::Gone => {
                self.client = None;
                self.catch_up = None;
                self.feed(Input::Client(ClientInput::Detached));
            }
        }
    }

    fn message(&mut self, message: ClientMessage) {
        match message {
            // The token was checked when the socket came; a second one changes nothing.
            ClientMessage::Init(_) => {}
            ClientMessage::SdpOffer { offer, renegotiate_id } => self.offered(offer.into_sdp().into(), renegotiate_id),
            ClientMessage::IceCandidate {} => {
                self.send(protocol::frame(&ServerMessage::IceStatus { message: "not needed" }))
            }
            ClientMessage::Transcript { seq, event, call_id } => self.relay(seq, call_id.as_deref(), &event),
            ClientMessage::Replayed { id, events, last } => self.replayed(&id, &events, last),
            ClientMessage::Switched { id } => self.feed(Input::Client(ClientInput::Switched { id })),
            ClientMessage::ConnectionState { state, stats, call_id } => {
                if let Some(stats) = stats {
                    stats.rtt_ms.into_iter().for_each(|ms| metrics::histogram!("viva_client_rtt_ms").record(ms));
                    stats.loss_pct.into_iter().for_each(|pct| metrics::histogram!("viva_client_loss_pct").record(pct));
                }
                self.connection_is(state, call_id.as_deref());
            }
            ClientMessage::SkipStage { target_stage } => {
                self.feed(Input::Client(ClientInput::Skip { target: target_stage }))
            }
            ClientMessage::ClientError { code } => tracing::info!(code = %known(&code), "the client reports a problem"),
            ClientMessage::EndSession {} => self.feed(Input::Client(ClientInput::End { by: EndedBy::UserEnd })),
            ClientMessage::Ping { t } => self.send(protocol::frame(&ServerMessage::Pong { t })),
        }
    }

    fn connection_is(&mut self, state: Connection, call_id: Option<&str>) {
        let place = self.lines.place_of(call_id);
        if place == Some(Place::Now) {
            self.hold = match state {
                Connection::Connecting | Connection::Connected => Hold::Connection,
                Connection::Disconnected | Connection::Failed | Connection::Closed => Hold::None,
            };
        }
        match (place, state) {
            (Some(Place::Beside(Other::Next)), Connection::Connected) => {
                self.feed(Input::Client(ClientInput::NextConnected))
            }
            (Some(Place::Beside(Other::Next)), Connection::Failed | Connection::Closed) => {
                self.feed(Input::Upstream(UpstreamInput::NextGone))
            }
            (Some(Place::Beside(_)), _) => {}
            (Some(Place::Now), state) => self.feed(Input::Client(ClientInput::Connection(state))),
            // A call that is over reports its end; without any, only a client that names none may mean something.
            (None, state) if call_id.is_none() && !self.core.is_severed() => {
                self.feed(Input::Client(ClientInput::Connection(state)))
            }
            (None, _) => {}
        }
    }

    fn offered(&mut self, offer: Bytes, renegotiate_id: Option<String>) {
        let is_loaded_anew = self.lines.now.is_some() && self.hold == Hold::None;
        if self.exchange.is_none() && (renegotiate_id.is_some() || is_loaded_anew || self.core.is_severed()) {
            self.renegotiate(offer, renegotiate_id);
            return;
        }
        if self.exchange.is_some() || self.lines.now.is_some() {
            self.refuse(&Refusal {
                code: "CONFLICT",
                message: "this session has a call or is making one",
                retryable: false,
                retry_after_ms: None,
            });
            return;
        }
        // Cheap to check here, so that a wrong offer costs neither a ticket nor a row.
        if let Err(rule) = sdp::check_offer(&offer) {
            self.refuse_exchange(&ExchangeError::Offer(rule));
            return;
        }
        let Some(ticket) = self.ticket.as_ref().map(|ticket| ticket.hash) else { return };
        self.offers += 1;
        if self.offers > MAX_OFFERS {
            self.refuse(&Refusal {
                code: "RATE_LIMITED",
                message: "too many offers; create a new session",
                retryable: false,
                retry_after_ms: None,
            });
        } else if self.seat.calls().claim(ticket).is_err() {
            self.refuse(&Refusal {
                code: "CONFLICT",
                message: "this ticket was used; ask for a new one",
                retryable: false,
                retry_after_ms: None,
            });
        } else {
            let (shell, order) = (self.shell.clone(), self.order(ticket));
            self.exchange = Some(Box::pin(async move {
                let result = exchange::exchange(&shell, order, offer).await;
                Exchange::Done { purpose: Purpose::First, result }
            }));
        }
    }

    pub(super) fn exchanged(&mut self, purpose: Purpose, result: Result<Answer, ExchangeError>) {
        match result {
            Ok(answer) => {
                self.answer(&answer, purpose.renegotiate_id());
                match purpose {
                    Purpose::First => self.begin(answer.started),
                    Purpose::Successor { renegotiate_id, digest, instructions } => {
                        self.succeed(answer.started, renegotiate_id, digest, instructions);
                    }
                }
            }
            Err(error) => {
                if let Some(ticket) = self.ticket.as_ref().filter(|_| error.is_definite() && purpose == Purpose::First)
                {
                    self.seat.calls().unclaim(ticket.hash);
                }
                self.refuse_exchange(&error);
            }
        }
    }

    fn answer(&mut self, answer: &Answer, renegotiate_id: Option<&str>) {
        let call_id = &answer.started.call_id;
        let sdp = String::from_utf8_lossy(&answer.sdp).into_owned();
        let seal = |provider| self.shell.call_refs.seal(self.booking.session, call_id, provider);
        let call_ref = answer.started.provider.as_ref().and_then(seal);
        let message = ServerMessage::SdpAnswer {
            answer: protocol::Answer { r#type: "answer", sdp: &sdp },
            call_id: call_id.as_str(),
            call_ref: call_ref.as_deref(),
            renegotiate_id,
        };
        self.send(protocol::frame(&message));
        self.hold = Hold::Connection;
    }

    pub(super) fn refuse_exchange(&mut self, error: &ExchangeError) {
        let soon = Code::DatabaseUnavailable.usual_wait().and_then(|wait| u64::try_from(wait.as_millis()).ok());
        let (message, retryable, retry_after_ms, rule, request_id) = match error {
            ExchangeError::Offer(rule) => (rule.advice().to_owned(), false, None, Some(rule.name()), None),
            ExchangeError::Upstream(error) => {
                let after = error.retry_after().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
                (error.to_string(), error.is_retryable(), after, None, error.request_id.as_deref())
            }
            ExchangeError::Key(why @ KeyError::Store(_)) => (why.to_string(), true, soon, None, None),
            ExchangeError::Budget(why @ NoCall::Store(_)) => (why.to_string(), true, soon, None, None),
            ExchangeError::Key(why) => (why.to_string(), false, None, None, None),
            ExchangeError::Budget(why) => (why.to_string(), false, None, None, None),
            ExchangeError::Answer => (error.to_string(), false, None, None, None),
            ExchangeError::Store(_) => ("the call cannot be recorded at the moment".to_owned(), true, soon, None, None),
        };
        let message =
            ServerMessage::Error { code: error.code(), message: &message, retryable, retry_after_ms, rule, request_id };
        self.send(protocol::frame(&message));
    }

    pub(super) fn refuse(&mut self, refusal: &Refusal<'_>) {
        let message = ServerMessage::Error {
            code: refusal.code,
            message: refusal.message,
            retryable: refusal.retryable,
            retry_after_ms: refusal.retry_after_ms,
            rule: None,
            request_id: None,
        };
        self.send(protocol::frame(&message));
    }

    /// Whether whoever joins now joins something that began.
    fn is_resumed(&self) -> bool {
        self.core.stage().is_some() || self.lines.now.is_some()
    }

    fn session_frame(&self) -> String {
        let plan = &self.booking.plan;
        let (control, epoch, _) = self.core.control();
        let message = SessionMessage {
            session_id: self.booking.session.to_string(),
            tenant_id: self.booking.ctx.tenant.to_string(),
            kind: plan.session_kind().as_str(),
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
            resumed: self.is_resumed(),
            last_seq: self.core.last_seq(),
            control: if self.lines.now.is_some() { control } else { Control::Pending },
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
