//! Calls that follow one another in any order of losses, reloads, answers and switches: none is left behind.

use proptest::prelude::*;

use super::desk::{Desk, at};
use crate::call::core::{CallCore, ClientInput, CloseReason, Connection, Input, Sideband, UpstreamInput};
use crate::clock::Millis;
use crate::transcript::{Entry, Source, Speaker, StageReason};
use crate::upstream::facts::Fact;

/// What may happen to calls that follow one another, in any order.
#[derive(Clone, Debug)]
enum Blow {
    Gone,
    Failed,
    Reloaded,
    /// The offer that was asked for is answered, or one that nobody asked for.
    Answered,
    Attached,
    Connected,
    Switched,
    NextGone,
    Leaves,
    Returns,
    Speaks(bool),
    Passes(Millis),
}

fn blow() -> impl Strategy<Value = Blow> {
    prop_oneof![
        1 => Just(Blow::Gone),
        1 => Just(Blow::Failed),
        2 => Just(Blow::Reloaded),
        4 => Just(Blow::Answered),
        4 => Just(Blow::Attached),
        4 => Just(Blow::Connected),
        3 => Just(Blow::Switched),
        1 => Just(Blow::NextGone),
        1 => Just(Blow::Leaves),
        2 => Just(Blow::Returns),
        2 => any::<bool>().prop_map(Blow::Speaks),
        3 => (0_u64..20_000).prop_map(Blow::Passes),
        2 => (0_u64..1_000_000).prop_map(Blow::Passes),
    ]
}

fn strike(desk: &mut Desk, blow: &Blow) {
    match blow {
        Blow::Gone => desk.upstream(UpstreamInput::Gone),
        Blow::Failed => desk.client(ClientInput::Connection(Connection::Failed)),
        Blow::Reloaded if desk.core.may_renegotiate(None).is_ok() => desk.client(ClientInput::Reloaded),
        Blow::Reloaded => {}
        Blow::Answered => {
            let id = desk.renegotiate().map(|(id, _)| id.to_owned());
            let n = desk.lines.made + 2;
            desk.next_answered(id, n);
        }
        Blow::Attached if desk.lines.next.is_some() => desk.upstream(UpstreamInput::NextSideband(Sideband::Attached)),
        Blow::Attached => desk.upstream(UpstreamInput::Sideband(Sideband::Attached)),
        Blow::Connected if desk.lines.next.is_some() => desk.client(ClientInput::NextConnected),
        Blow::Connected => desk.client(ClientInput::Connection(Connection::Connected)),
        Blow::Switched => {
            if let Some((id, _)) = desk.switch() {
                let id = id.to_owned();
                desk.client(ClientInput::Switched { id });
            }
        }
        Blow::NextGone => desk.upstream(UpstreamInput::NextGone),
        Blow::Leaves => desk.client(ClientInput::Detached),
        Blow::Returns => desk.client(ClientInput::Attached),
        Blow::Speaks(on) => {
            desk.feed(Input::Fact(Source::Sideband, Fact::Floor { speaker: Speaker::Candidate, on: *on }))
        }
        Blow::Passes(ms) => desk.pass(*ms),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: no call is left behind or ended twice, calls follow one another on the record,
    /// a core made from it stands where this one does, and the interview ends.
    #[test]
    fn no_call_is_left_behind(blows in prop::collection::vec(blow(), 1..60)) {
        let mut desk = Desk::new();
        for blow in &blows {
            if desk.closed.is_some() {
                break;
            }
            strike(&mut desk, blow);
            if desk.closed.is_none() && desk.core.is_live() {
                let again = CallCore::resume(desk.setup.clone(), &desk.journal, at(desk.now)).expect("goes on");
                prop_assert_eq!(again.call, desk.core.call);
                prop_assert_eq!(again.stage(), desk.core.stage());
            }
        }
        desk.pass(3 * 3_600_000);
        prop_assert_eq!(desk.closed, Some(CloseReason::Done));
        // What waited for a core that was over is ended by the shell itself.
        let left: Vec<_> = desk.lines.next.into_iter().chain(desk.lines.old).chain(desk.lines.now).collect();
        let mut ended = desk.lines.ended.clone();
        ended.extend(&left);
        ended.sort_unstable();
        prop_assert_eq!(ended, (1..=desk.lines.made + 1).collect::<Vec<_>>());
        let calls: Vec<u32> =
            desk.calls().into_iter().filter(|(_, event)| *event == "answered").map(|(call, _)| call).collect();
        prop_assert_eq!(calls.clone(), (1..=u32::try_from(calls.len()).expect("few")).collect::<Vec<_>>());
        let stages = desk.entries().iter().filter(|entry| matches!(entry, Entry::Stage(stage) if stage.reason == StageReason::Start)).count();
        prop_assert_eq!(stages, 1);
    }
}
