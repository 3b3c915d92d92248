//! What must be true of every call, whatever befell it: of its stages, its record, and those who waited.

use super::reference::Shown;
use super::world::World;
use crate::call::core::{CallCore, CloseReason};
use crate::clock::{At, Millis};
use crate::store::projection::Projection;
use crate::transcript::{CallEvent, Entry, Speaker, StageReason};

/// A candidate's turn is followed by a reply or by the end within this time: three attempts, the time after which an
/// upstream counts as silent, the longest stage change, and what the slowest provider takes.
const ANSWERED_MS: Millis = 32_000;

/// The clock ends a stage, and the model is told within this time, however slow it is and whatever is not answered.
const TOLD_MS: Millis = 120_000;

/// A request that gets lost is made again at the next quiet moment.
const SWALLOWED_MS: Millis = 20_000;

/// All of them, for a call that ran to its end in one process or in several.
pub(super) fn hold(world: &World) {
    stages_go_on(world);
    nobody_waits(world);
    let shown = super::reference::shown(&world.store);
    world.checked_as(shown.turns.clone());
    the_journal_tells_it_all(world, shown);
}

/// Several calls, one interview: it begins once, its calls are numbered one by one, and none is left behind.
pub(super) fn one_interview(world: &World) {
    let starts = world.stage_entries().iter().filter(|entry| entry.reason == StageReason::Start).count();
    assert!(starts <= 1, "it begins once");
    let mut answered = 0;
    for entry in &world.store.entries {
        if let Entry::Call { call, event: CallEvent::Answered { .. }, .. } = entry {
            answered += 1;
            assert_eq!(*call, answered, "calls are numbered as they follow one another");
        }
    }
    let seals = world.store.entries.iter().position(|entry| matches!(entry, Entry::Seal { .. }));
    assert!(seals.is_none_or(|place| place + 1 == world.store.entries.len()), "nothing follows the seal");
    if world.watchman.closed == Some(CloseReason::Done) {
        assert!(world.calls.none_is_left() && !world.provider.open, "a call is left behind");
    }
}

/// Stages only go on, one event for each change, and each event follows from the one before.
fn stages_go_on(world: &World) {
    let plan = world.setup().plan;
    let entries = world.stage_entries();
    let index = |name: &str| plan.position(name).expect("a stage of the plan");
    for pair in entries.windows(2) {
        assert_eq!(pair[1].from.as_deref(), Some(pair[0].to.as_str()), "each event goes on where the last one was");
        match pair[1].reason {
            StageReason::Ended => assert_eq!(pair[1].to, pair[0].to),
            StageReason::Skipped => {
                let between = &plan.stages[index(&pair[0].to) + 1..index(&pair[1].to)];
                let between: Vec<_> = between.iter().map(|stage| stage.name.clone()).collect();
                assert!(pair[1].skipped.ends_with(&between), "{entries:?}");
            }
            // Also from further back, when only a goodbye fits into what is left of the session.
            StageReason::Closing => assert_eq!(index(&pair[1].to), plan.stages.len() - 1, "{entries:?}"),
            StageReason::Start | StageReason::Completed | StageReason::Forced => {
                assert_eq!(index(&pair[1].to), index(&pair[0].to) + 1, "{entries:?}");
            }
        }
        let stage = &plan.stages[index(&pair[0].to)];
        let (dark, pieces) = world.dark.of(world.mono(pair[0].at), world.mono(pair[1].at));
        let limit = u64::from(stage.limit_s + stage.grace_s) * 1_000
            + TOLD_MS * (1 + pieces)
            + dark
            + world.swallowed * SWALLOWED_MS;
        assert!(pair[1].in_stage_ms <= limit, "the clock ends a stage within {limit} ms: {entries:?}");
        assert!(pair[1].reason == StageReason::Ended || index(&pair[1].to) > index(&pair[0].to), "{entries:?}");
    }
    let sealed = matches!(world.store.entries.last(), Some(Entry::Seal { .. }));
    let ends = entries.iter().filter(|entry| entry.reason == StageReason::Ended).count();
    assert_eq!(ends, usize::from(sealed), "one end");
    assert!(!sealed || entries.last().is_some_and(|entry| entry.reason == StageReason::Ended));
}

/// Whoever spoke got an answer, or the call ended. Where nobody could hear them, the clock begins anew.
fn nobody_waits(world: &World) {
    let over = world.hung_up_at.unwrap_or(world.now);
    let (said, _) = world.everything_said();
    for (place, turn) in said.iter().enumerate().filter(|(_, turn)| turn.speaker == Speaker::Candidate) {
        let next = said[place + 1..].first().map_or(over, |next| next.at.min(over));
        let (dark, pieces) = world.dark.of(turn.at, next);
        let waited = next.saturating_sub(turn.at) - dark;
        assert!(waited <= ANSWERED_MS * (1 + pieces), "{} at {} waited until {next}", turn.item, turn.at);
    }
}

/// A projection that is kept up to date while the journal grows is the one made of the whole journal, and shows what is
/// recorded, in the order of the conversation.
fn the_journal_tells_it_all(world: &World, shown: Shown) {
    let Shown { turns, whole } = shown;
    let mut kept = Projection::default();
    for (place, (record, entry)) in world.store.read().enumerate() {
        kept.fold_read(record, entry.clone());
        if place % 25 == 0 {
            kept.arrange();
        }
    }
    kept.arrange();
    assert_eq!(whole.stages.len(), world.stage_entries().len());
    assert_eq!(whole.session, kept.session);
    let rows = whole.into_turn_rows();
    assert_eq!(rows, kept.into_turn_rows());
    let shown: Vec<_> = rows.iter().map(|row| (&row.item_id, &row.text, row.state, row.source)).collect();
    let recorded: Vec<_> =
        turns.iter().map(|turn| (&turn.entry.item, &turn.words, turn.entry.state, turn.source)).collect();
    assert_eq!(shown, recorded);
}

/// A core made from the journal stands where the one that wrote it stands, in everything that lasts.
pub(super) fn the_journal_makes_the_same_core(world: &World, at: At) {
    let twin =
        CallCore::resume(world.setup(), &world.store.journal, at).expect("a journal of ours can be gone on with");
    assert_eq!(lasting(&twin), lasting(&world.core), "at {}", world.now);
}

/// What does not depend on what is under way: where the stages are, what is recorded, what was noticed.
fn lasting(core: &CallCore) -> serde_json::Value {
    let mut state = serde_json::to_value(core.state()).expect("serialises");
    let mut machine = state["machine"].take();
    // Told again by the clock.
    machine["nudge"] = serde_json::Value::Null;
    let settled = core.timeline.settled();
    serde_json::json!({
        "machine": machine,
        "settled": settled,
        "past": state["timeline"]["settled"]["past"],
        "incidents": state["noticed"]["incidents"],
        "journal": [state["journal"]["n"], state["journal"]["head"]],
    })
}
