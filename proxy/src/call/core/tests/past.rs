//! What a client kept while nobody listened, and tells when another call is in force already.

use super::desk::{Desk, at};
use crate::call::core::{CallCore, ClientInput, Connection, Notice, Sideband, UpstreamInput};
use crate::transcript::turn::{After, End, TurnFact, TurnRef};
use crate::transcript::{Entry, Origin, Source, Speaker, TurnEntry};
use crate::upstream::facts::Fact;

/// What a transcription that is complete says of an item.
fn completed(item: &str, words: &str) -> Vec<Fact> {
    let turn = TurnRef::Item(item.into(), 0);
    let began =
        TurnFact::Began { speaker: Speaker::Candidate, after: After::Unknown, origin: Origin::Speech, reply: None };
    let facts = [began, TurnFact::Replace(words.into()), TurnFact::Ended(End::Complete)];
    facts.into_iter().map(|fact| Fact::Turn(turn.clone(), fact)).collect()
}

fn tell(desk: &mut Desk, seq: u64, call_id: &str, facts: Vec<Fact>) {
    desk.client(ClientInput::Past { call_id: call_id.into(), facts });
    desk.client(ClientInput::Relayed { seq });
}

fn turns(desk: &Desk) -> Vec<TurnEntry> {
    let turn = |entry| if let Entry::Turn(turn) = entry { Some(turn) } else { None };
    desk.entries().into_iter().filter_map(turn).filter(|turn| turn.speaker == Speaker::Candidate).collect()
}

fn acknowledged(desk: &Desk) -> Option<u64> {
    desk.told.iter().rev().find_map(|notice| match notice {
        Notice::TranscriptAcknowledged { seq, .. } => Some(*seq),
        _ => None,
    })
}

/// The second call of an interview, and nobody but the client hears it.
fn second_call() -> Desk {
    let mut desk = Desk::new();
    desk.upstream(UpstreamInput::Gone);
    let id = desk.asked_id();
    desk.next_answered(Some(id), 2);
    desk.upstream(UpstreamInput::Sideband(Sideband::Lost));
    desk.client(ClientInput::Connection(Connection::Connected));
    desk
}

#[test]
fn what_is_acknowledged_of_a_call_that_is_over_is_on_its_record_once() {
    let mut desk = second_call();
    tell(&mut desk, 1, "rtc_viva_1", completed("item_U1", "Late words."));
    assert_eq!(acknowledged(&desk), Some(1));
    let told = turns(&desk);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].call, told[0].item.as_str()), (1, "item_U1"));
    assert_eq!(desk.journal.iter().filter(|record| record.text.as_deref() == Some("Late words.")).count(), 1);
    assert!(desk.journal.iter().rev().any(|record| record.source == Source::Client));

    tell(&mut desk, 2, "rtc_viva_1", completed("item_U1", "Late words."));
    assert_eq!((turns(&desk).len(), acknowledged(&desk)), (1, Some(2)), "told twice, recorded once");

    // The same after a restart, which knows the calls from the record.
    desk.core = CallCore::resume(desk.setup.clone(), &desk.journal, at(desk.now)).expect("goes on");
    desk.client(ClientInput::RelaysFrom { seq: 1 });
    desk.client(ClientInput::Attached);
    desk.upstream(UpstreamInput::Sideband(Sideband::Lost));
    tell(&mut desk, 2, "rtc_viva_1", completed("item_U1", "Late words."));
    tell(&mut desk, 3, "rtc_viva_1", completed("item_U2", "And more."));
    assert_eq!(
        turns(&desk).iter().map(|turn| (turn.call, turn.item.as_str())).collect::<Vec<_>>(),
        [(1, "item_U1"), (1, "item_U2")]
    );
}

#[test]
fn of_calls_that_never_were_and_of_the_one_in_force_nothing_is_taken_so() {
    let mut desk = second_call();
    tell(&mut desk, 1, "rtc_viva_9", completed("item_U1", "Never said."));
    tell(&mut desk, 2, "rtc_viva_2", completed("item_U2", "Said elsewhere."));
    assert!(turns(&desk).is_empty());
}

#[test]
fn while_our_own_socket_listens_nobody_else_is_heard() {
    let mut desk = second_call();
    desk.upstream(UpstreamInput::Sideband(Sideband::Attached));
    desk.pass(10_000);
    tell(&mut desk, 1, "rtc_viva_1", completed("item_U1", "Forged."));
    assert!(turns(&desk).is_empty());
}
