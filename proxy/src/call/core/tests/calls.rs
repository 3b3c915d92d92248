//! The world's calls that follow one another: the provider ends one, the client offers another, and the core says which
//! is in force. What was said in all of them, in their order, is the reference for the one record.

use serde_json::Value;

use super::dialects::{Beginnings, Normaliser};
use super::provider::Provider;
use super::reference::Said;
use super::world::{EPOCH, Happening, World};
use crate::call::core::{ClientInput, Connection, Input, Notice, Other, Sideband, UpstreamInput};
use crate::clock::Millis;
use crate::interview::digest;
use crate::transcript::Source;
use crate::upstream::session::create_session;

/// A browser makes an offer in this time, and the provider answers it.
const OFFER_MS: Millis = 200;
/// From the answer to the socket, and to media.
const ATTACH_MS: Millis = 120;
const MEDIA_MS: Millis = 160;

/// A call that is not in force.
struct Line {
    provider: Provider,
    socket: Option<u32>,
    heard: Normaliser,
    relayed: Normaliser,
}

/// All calls but the one in force.
pub(super) struct Calls {
    next: Option<Line>,
    old: Option<Line>,
    /// What was said in those that are over.
    said: Vec<Said>,
    beginnings: Beginnings,
    made: u32,
    cap_ms: Option<Millis>,
    /// The interview runs without a call.
    pub(super) none_in_force: bool,
    /// The first call of the present page.
    page: u32,
    reloaded: bool,
    /// When the call in force took over, and its number on the record.
    began: (Millis, u32),
}

impl Calls {
    pub(super) fn new(cap_ms: Option<Millis>) -> Self {
        Self {
            next: None,
            old: None,
            said: Vec::new(),
            beginnings: Beginnings::new(),
            made: 1,
            cap_ms,
            none_in_force: false,
            page: 1,
            reloaded: false,
            began: (0, 1),
        }
    }

    pub(super) fn now_is(&mut self, now: Millis) {
        self.next.iter_mut().chain(&mut self.old).for_each(|line| line.provider.now = now);
    }

    pub(super) fn old_socket(&self) -> Option<u32> {
        self.old.as_ref().and_then(|old| old.socket)
    }

    pub(super) fn are_before_page(&self, event: &Value) -> bool {
        event["call"].as_u64().is_some_and(|call| call < u64::from(self.page))
    }

    /// A call is over: what was said in it stays.
    fn over(&mut self, provider: Provider) {
        self.said.extend(provider.said);
        self.beginnings.extend(provider.beginnings);
    }

    fn end_old(&mut self) {
        if let Some(old) = self.old.take() {
            self.over(old.provider);
        }
    }

    /// Nobody pays for a call that nobody looks after.
    pub(super) fn none_is_left(&self) -> bool {
        self.next.is_none() && self.old.as_ref().is_none_or(|old| !old.provider.open)
    }
}

impl World {
    /// What was said in all calls, in their order.
    pub(super) fn everything_said(&self) -> (Vec<Said>, Beginnings) {
        let mut said = self.calls.said.clone();
        let mut beginnings = self.calls.beginnings.clone();
        let old = self.calls.old.as_ref().map(|old| &old.provider);
        for provider in old.into_iter().chain([&self.provider]) {
            said.extend(provider.said.iter().cloned());
            beginnings.extend(provider.beginnings.iter().map(|(item, began)| (item.clone(), *began)));
        }
        (said, beginnings)
    }

    /// Whether the client hears the call in force: a page that was loaded anew does not, until it has made another.
    pub(super) fn page_hears(&self) -> bool {
        self.client.attached && self.provider.call >= self.calls.page
    }

    /// A call that can still say something.
    pub(super) fn call(&mut self, call: u32) -> Option<&mut Provider> {
        let old = self.calls.old.as_mut().map(|old| &mut old.provider);
        [Some(&mut self.provider), old].into_iter().flatten().find(|provider| provider.call == call)
    }

    pub(super) fn speech_ends(&mut self, call: u32, item: &str, words: &str) {
        let now = self.now;
        let Some(provider) = self.call(call).filter(|provider| provider.open) else { return };
        let steps = provider.speech_ends(item, now, words);
        provider.note();
        self.steps(call, steps);
    }

    /// The last events of the call before, by our own socket.
    pub(super) fn old_wire(&mut self, socket: u32, event: &Value) {
        let Some(old) = self.calls.old.as_mut().filter(|old| old.socket == Some(socket)) else { return };
        for fact in old.heard.feed(event, &old.provider.beginnings) {
            self.feed(Input::OldFact(Source::Sideband, fact));
        }
    }

    /// The same by the client.
    pub(super) fn old_relayed(&mut self, event: &Value) {
        let Some(old) = self.calls.old.as_mut().filter(|old| event["call"] == old.provider.call) else { return };
        for fact in old.relayed.feed(event, &old.provider.beginnings) {
            self.feed(Input::OldFact(Source::Client, fact));
        }
    }

    /// What a client does when it is told of calls.
    pub(super) fn told_of_calls(&mut self, notice: &Notice) {
        if !self.client.attached {
            return;
        }
        match notice {
            Notice::Renegotiate { id, .. } => self.later(OFFER_MS, Happening::Offers(Some(id.clone()))),
            Notice::Switch { id, .. } => {
                let switched = ClientInput::Switched { id: id.clone() };
                self.later(OFFER_MS, Happening::Input(Input::Client(switched)));
            }
            _ => {}
        }
    }

    /// The provider ends a call. Our socket and the client's connection say so, one after the other.
    pub(super) fn lost(&mut self, call: Option<u32>) {
        if call.is_some_and(|call| call != self.provider.call) || !self.provider.open {
            return;
        }
        self.provider.open = false;
        self.calls.none_in_force = true;
        self.speaking = None;
        if self.socket.take().is_some() {
            self.feed(Input::Upstream(UpstreamInput::Gone));
        }
        if self.client.attached {
            self.later(30, Happening::Input(Input::Client(ClientInput::Connection(Connection::Failed))));
        }
    }

    /// The page is gone with everything it knew, and there again after a while.
    pub(super) fn reloads(&mut self, ms: Millis) {
        if self.calls.cap_ms.is_none() || self.hung_up_at.is_some() {
            return;
        }
        self.client.attached = false;
        self.client.forgets();
        self.calls.page = self.calls.made + 1;
        self.calls.reloaded = true;
        self.speaking = None;
        self.feed(Input::Client(ClientInput::Detached));
        self.later(ms, Happening::Returns);
    }

    /// A page that knows of no call offers one by itself.
    pub(super) fn offers_after_reload(&mut self) {
        if !self.down && std::mem::take(&mut self.calls.reloaded) {
            self.later(OFFER_MS, Happening::Offers(None));
        }
    }

    /// An offer arrives.
    pub(super) fn offers(&mut self, id: Option<String>) {
        let wanted = self.core.may_renegotiate(id.as_deref());
        if self.down || self.watchman.closed.is_some() || !self.client.attached {
            return;
        }
        match wanted {
            Ok(()) => {
                if id.is_none() {
                    self.feed(Input::Client(ClientInput::Reloaded));
                }
                self.later(OFFER_MS, Happening::Answers(id));
            }
            Err(wait) if wait > 0 => self.later(wait, Happening::Offers(id)),
            Err(_) => {}
        }
    }

    /// The provider answers it: there is another call.
    pub(super) fn answers(&mut self, id: Option<String>) {
        if self.down || self.watchman.closed.is_some() {
            return;
        }
        let said = digest(&self.store.journal);
        let (instructions, gate) = self.core.next_opening(&said);
        self.calls.made += 1;
        let call = self.calls.made;
        let mut provider = self.provider.another(call, create_session(&self.template.spec(&instructions, gate)));
        if let Some(ms) = self.calls.cap_ms {
            provider.ends_at(EPOCH + i64::try_from(self.now + ms).expect("small"));
            self.later(ms, Happening::Lost(Some(call)));
        }
        let (heard, relayed) = (Normaliser::new(self.dialect), Normaliser::new(self.dialect));
        self.calls.next = Some(Line { provider, socket: None, heard, relayed });
        self.feed(Input::Upstream(UpstreamInput::NextAnswered {
            id,
            call_id: format!("rtc_viva_{call}"),
            capabilities: self.dialect.capabilities(),
            digest: said,
        }));
        self.later(ATTACH_MS, Happening::Watched(call));
        self.later(MEDIA_MS, Happening::HasMedia(call));
    }

    pub(super) fn watched(&mut self, call: u32) {
        let next = self.calls.next.as_ref().is_some_and(|next| next.provider.call == call);
        if self.down {
            return;
        }
        if next {
            let socket = self.new_socket();
            self.calls.next.iter_mut().for_each(|next| next.socket = Some(socket));
            self.feed(Input::Upstream(UpstreamInput::NextSideband(Sideband::Attached)));
        } else if self.provider.call == call {
            self.happen(Happening::Socket(Sideband::Attached));
        }
    }

    pub(super) fn has_media(&mut self, call: u32) {
        let next = self.calls.next.as_ref().is_some_and(|next| next.provider.call == call);
        if !self.client.attached {
            return;
        }
        if next {
            self.feed(Input::Client(ClientInput::NextConnected));
        } else if self.provider.call == call {
            self.feed(Input::Client(ClientInput::Connection(Connection::Connected)));
        }
    }

    /// The call in force is not any more. Whoever speaks is cut off: the microphone is elsewhere.
    pub(super) fn retire(&mut self) {
        if let Some((call, item, words)) = self.speaking.take() {
            self.speech_ends(call, &item, &words);
        }
        self.calls.end_old();
        let mut nobody = self.provider.another(0, Value::Null);
        nobody.open = false;
        let provider = std::mem::replace(&mut self.provider, nobody);
        let heard = std::mem::replace(&mut self.heard, Normaliser::new(self.dialect));
        let relayed = std::mem::replace(&mut self.relayed, Normaliser::new(self.dialect));
        self.calls.none_in_force = true;
        self.calls.old = Some(Line { provider, socket: self.socket.take(), heard, relayed });
    }

    /// Another call is in force.
    pub(super) fn promote(&mut self) {
        let Some(next) = self.calls.next.take() else { panic!("there is no call that could take over") };
        if self.provider.call > 0 {
            self.retire();
        }
        self.provider = next.provider;
        self.heard = next.heard;
        self.relayed = next.relayed;
        self.socket = next.socket;
        self.calls.none_in_force = false;
        self.calls.began = (self.now, self.core.call);
    }

    pub(super) fn hang_up_other(&mut self, which: Other) {
        match which {
            Other::Next => self.calls.next = None,
            Other::Old => self.calls.end_old(),
        }
    }

    /// With the process goes what it knew of other calls; nobody hears their last words.
    pub(super) fn forget_other_calls(&mut self) {
        self.calls.next = None;
        self.calls.end_old();
    }

    /// The next process goes on with the last call on the record. Of a later one it does not know.
    pub(super) fn finds_its_call(&mut self) {
        let (began, on_record) = self.calls.began;
        if on_record != self.core.call {
            self.dark.lost_since(began);
            self.provider.open = false;
            self.calls.none_in_force = true;
        }
    }
}
