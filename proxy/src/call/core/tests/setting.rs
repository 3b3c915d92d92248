//! What a test decides about a call, and what may happen in it.

use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::candidate::Candidate;
use super::dialects::Dialect;
use super::provider::{Quirks, Step};
use super::store::Moods;
use crate::call::core::{Guard, Input, Limits, Notice, Sideband, StoreInput};
use crate::clock::Millis;
use crate::interview::Plan;
use crate::interview::plan::Plans;
use crate::transcript::{Hash, Record};

/// What a test decides.
pub(super) struct Setting {
    pub(super) plan: Arc<Plan>,
    pub(super) dialect: Dialect,
    pub(super) guard: Guard,
    /// When our socket opens; `None`: the first attempts all fail.
    pub(super) attach_ms: Option<Millis>,
    pub(super) sideband: bool,
    pub(super) greets: bool,
    pub(super) limits: Limits,
    pub(super) quirks: Quirks,
    pub(super) candidate: Candidate,
    pub(super) moods: Moods,
    /// From the hang-up to its confirmation; `None`: never.
    pub(super) hang_up_ms: Option<Millis>,
    /// The client asks for replies itself when nobody does.
    pub(super) autopilot: bool,
    /// What every core is told is written down.
    pub(super) recorded: bool,
    /// From the provider to our socket, and back.
    pub(super) sideband_ms: Millis,
    /// Its client can move to another call; so long the provider keeps one.
    pub(super) cap_ms: Option<Millis>,
}

/// The built-in plans, read once.
pub(super) fn plan(name: &str) -> Arc<Plan> {
    static PLANS: OnceLock<[Arc<Plan>; 2]> = OnceLock::new();
    let built_in = || Plans::built_in().expect("sound");
    let plans =
        PLANS.get_or_init(|| ["short", "default"].map(|name| Arc::new(built_in().get(name).expect("there").clone())));
    plans.iter().find(|plan| plan.name == name).expect("a built-in plan").clone()
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            plan: plan("short"),
            dialect: Dialect::Items,
            guard: Guard::Own,
            attach_ms: Some(100),
            sideband: true,
            greets: true,
            limits: Limits { session_ms: 3_600_000, grace_ms: 60_000, inactivity_ms: 120_000 },
            quirks: Quirks::default(),
            candidate: Candidate::default(),
            moods: Moods::default(),
            hang_up_ms: Some(50),
            autopilot: false,
            recorded: false,
            sideband_ms: 5,
            cap_ms: None,
        }
    }
}

/// Something that happens at its time.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// The core is told directly.
    Input(Input),
    /// A server event reaches us by our own socket, opened for the so-manieth time.
    Wire(u32, Rc<Value>),
    /// A server event reaches the client.
    Channel(Rc<Value>),
    /// A relayed event reaches us.
    Relayed(u64, Rc<Value>),
    /// The client is told.
    Told(Notice),
    /// Directives reach the client.
    RealtimeSend(u32, Vec<Value>),
    /// A client event reaches the provider by the data channel.
    Order(Value),
    /// The same by our own socket.
    Directed(u32, Value),
    /// The provider goes on with one of its calls.
    Provider(u32, Step),
    /// The candidate speaks for so long.
    Speech(Millis),
    SpeechEnds(u32, String, String),
    /// A commit reaches the store.
    Commit(u64, Hash, Vec<Record>),
    Stored(StoreInput),
    /// The client tells again.
    Replayed(String, Vec<Value>),
    /// Nothing comes by our socket any more, and nobody says so.
    Deaf,
    /// Our socket changes.
    Socket(Sideband),
    /// The client leaves or comes back.
    Leaves,
    Returns,
    /// So many requests for a reply get lost.
    Swallow(u32),
    /// Replies fail from now on, or no longer.
    Quota(bool),
    /// This process dies; the next one goes on from what is stored, so much later.
    Killed(Millis),
    Restarted,
    /// The provider ends a call: the one of this number, or whichever is in force.
    Lost(Option<u32>),
    /// The page is loaded anew, which takes so long.
    Reloads(Millis),
    /// The client offers another call, and the provider answers.
    Offers(Option<String>),
    Answers(Option<String>),
    /// The call of this number is watched, or has media.
    Watched(u32),
    HasMedia(u32),
}
