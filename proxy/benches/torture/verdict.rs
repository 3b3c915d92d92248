//! What was told, what was really said and what is stored, held against each other after the server has stopped.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use viva_proxy::identity::TenantCtx;
use viva_proxy::store::{SessionStatus, Store, Transcript};
use viva_proxy::transcript::{Entry, Record, TurnState, chain};

use crate::evidence;
use crate::outcome::{Outcome, Why};
use crate::rig::provider::Provider;
use crate::rig::provider::call::{Call, Item, Life};
use crate::server::Stop;

/// From an answer to the moment its id is durable; a kill within this loses the id, unless a page comes back with it.
/// Far less on a machine that is not busy.
const ID_IS_DURABLE: Duration = Duration::from_secs(1);
/// The server gives an offer up after two seconds.
const GIVEN_UP: Duration = Duration::from_millis(1_900);
/// Findings that are printed of each kind.
const SHOWN: usize = 12;

/// The count. The first block must be all zeros.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    lost: Findings,
    duplicates: Findings,
    stuck: Findings,
    orphans: Findings,
    disorder: Findings,
    invented: Findings,
    altered: Findings,
    broken: Findings,
    /// Not promises, but part of the story.
    orphans_of_the_window: usize,
    orphans_of_late_answers: usize,
    displaced: usize,
    said: usize,
    acknowledged: usize,
    stored: usize,
    unrecorded: usize,
    sealed: usize,
    statuses: HashMap<&'static str, usize>,
}

#[derive(Debug, Default)]
struct Findings {
    count: usize,
    shown: Vec<String>,
}

impl Findings {
    fn add(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(what());
        }
    }
}

/// What was still going on when everybody had gone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    /// Sessions that the server counted as live.
    pub(crate) live: u64,
    /// Candidates that did not come to an end.
    pub(crate) unfinished: usize,
}

/// Holds everything against what the server left in the store; what a finding rests on goes to the folder `evidence`.
pub(crate) async fn judge(
    store: &dyn Store,
    evidence: &Path,
    outcomes: &[Outcome],
    provider: &Provider,
    stops: &[Stop],
    left: Left,
) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    for outcome in outcomes {
        verdict.one(store, outcome, provider, evidence).await?;
    }
    for row in store.unfinished().await?.into_iter().filter(|left| left.call.closed_at.is_none()) {
        verdict.stuck.add(|| format!("session {}: call {} was never closed", row.ticket.session, row.call.ordinal));
    }
    for _ in 0..left.live {
        verdict.stuck.add(|| "the server still counted a live session".into());
    }
    for _ in 0..left.unfinished {
        verdict.stuck.add(|| "a candidate did not come to an end".into());
    }
    for call in provider.calls() {
        verdict.orphan(call.number, &call.life(), stops);
    }
    Ok(verdict)
}

impl Verdict {
    /// Whether every promise was kept.
    pub(crate) fn is_good(&self) -> bool {
        self.found() == 0
    }

    fn found(&self) -> usize {
        self.promises().iter().map(|(_, findings)| findings.count).sum()
    }

    fn promises(&self) -> [(&'static str, &Findings); 8] {
        [
            ("acknowledged turns lost", &self.lost),
            ("turns stored twice", &self.duplicates),
            ("stuck sessions", &self.stuck),
            ("orphaned calls", &self.orphans),
            ("turns out of order", &self.disorder),
            ("turns nobody said", &self.invented),
            ("turns with other words", &self.altered),
            ("records that do not verify", &self.broken),
        ]
    }

    async fn one(&mut self, store: &dyn Store, outcome: &Outcome, provider: &Provider, evidence: &Path) -> Result<()> {
        let before = self.found();
        let ctx = TenantCtx::service(outcome.booked.tenant);
        let session = outcome.booked.session;
        let who = format!("candidate {}, session {session}", outcome.number);
        let journal = store.journal(ctx, session, 0).await?;
        let transcript = store.transcript(ctx, session).await?.context("a session is missing")?;
        // Also of a call whose answer never reached the browser: its model spoke all the same, and was heard.
        let made: HashSet<String> = store
            .calls(ctx, session)
            .await?
            .into_iter()
            .filter_map(|call| call.provider)
            .map(|id| id.expose().to_owned())
            .collect();
        let is_theirs = |call: &Arc<Call>| {
            made.contains(&format!("rtc_rig{}", call.number))
                || outcome.calls.iter().any(|own| own.number == call.number)
        };
        let mut calls: Vec<_> = provider.calls().into_iter().filter(is_theirs).collect();
        calls.sort_by_key(|call| call.number);
        let truth: Vec<Item> = calls.iter().flat_map(|call| call.items()).collect();
        self.said += truth.len();
        self.stored += transcript.turns.len();
        *self.statuses.entry(transcript.session.status.as_str()).or_default() += 1;

        if let Err(error) = chain::verify(session, &journal) {
            self.broken.add(|| format!("{who}: {error}"));
        }
        self.told_is_stored(&who, outcome, &journal, &transcript);
        self.stored_was_said(&who, &truth, &journal, &transcript);
        if transcript.session.status == SessionStatus::InProgress {
            self.stuck.add(|| format!("{who}: in progress, the browser stopped with {:?}", outcome.why));
        }
        if outcome.why == Why::NotEnded {
            self.stuck.add(|| format!("{who}: the browser stopped with {:?}", outcome.why));
        }
        if self.found() > before {
            evidence::write(evidence, outcome.number, &truth, &journal, &transcript)?;
        }
        Ok(())
    }

    /// Nothing that a client was told may be missing or different.
    fn told_is_stored(&mut self, who: &str, outcome: &Outcome, journal: &[Record], transcript: &Transcript) {
        let told = &outcome.told;
        let record = |n: u64| usize::try_from(n).ok().and_then(|n| journal.get(n.checked_sub(1)?));
        if record(told.saved).is_none() && told.saved > 0 {
            self.lost.add(|| format!("{who}: {} called saved, {} records", told.saved, journal.len()));
        }
        for (n, caption) in told.acknowledged() {
            self.acknowledged += 1;
            let is_there = record(n).is_some_and(|record| {
                let same_words = record.text.as_deref().unwrap_or_default() == caption.words;
                let entry = record.entry();
                same_words
                    && matches!(&entry, Ok(Entry::Turn(turn) | Entry::Revised(turn)) if turn.item == caption.item)
            });
            if !is_there {
                self.lost.add(|| format!("{who}: record {n} is not the turn {} that was told", caption.item));
            }
            if !transcript.turns.iter().any(|turn| turn.item_id == caption.item) {
                self.lost.add(|| format!("{who}: {} is not in the transcript", caption.item));
            }
        }
        for item in &told.relayed {
            self.acknowledged += 1;
            if !transcript.turns.iter().any(|turn| turn.item_id == *item) {
                self.lost.add(|| format!("{who}: {item} was acknowledged as relayed and is not in the transcript"));
            }
        }
        for (n, stage) in &told.stages {
            let is_there = record(*n)
                .is_some_and(|record| matches!(record.entry(), Ok(Entry::Stage(entry)) if entry.to == *stage));
            if !is_there {
                self.lost.add(|| format!("{who}: record {n} is not the change to {stage} that was told"));
            }
        }
        for n in &told.renumbered {
            self.broken.add(|| format!("{who}: number {n} was given to two things"));
        }
        let is_sealed = journal.iter().any(|record| matches!(record.entry(), Ok(Entry::Seal { .. })));
        self.sealed += usize::from(is_sealed);
        if told.sealed && !is_sealed {
            self.lost.add(|| format!("{who}: called complete, and not sealed"));
        }
    }

    /// Nothing may be stored that was not said so, or twice, or in another order.
    fn stored_was_said(&mut self, who: &str, truth: &[Item], journal: &[Record], transcript: &Transcript) {
        let unplaced = unplaced(journal);
        let place: HashMap<&str, usize> = truth.iter().enumerate().map(|(at, item)| (item.id.as_str(), at)).collect();
        let mut seen = HashSet::new();
        // Somebody who is asked again after a reload may say the same again.
        let mut words: HashMap<&str, usize> = HashMap::new();
        for said in truth.iter().filter_map(|item| item.words.as_deref()) {
            *words.entry(said.trim()).or_default() += 1;
        }
        let mut last = 0;
        for turn in &transcript.turns {
            if !seen.insert((&turn.item_id, turn.content_index)) {
                self.duplicates.add(|| format!("{who}: {} is stored twice", turn.item_id));
            }
            // A turn without words repeats nobody's.
            if let Some(left) = words.get_mut(turn.text.as_str()).filter(|_| !turn.text.is_empty()) {
                if *left == 0 {
                    self.duplicates.add(|| format!("{who}: the words of {} are stored twice", turn.item_id));
                }
                *left = left.saturating_sub(1);
            }
            let Some(at) = place.get(turn.item_id.as_str()).copied() else {
                self.invented.add(|| format!("{who}: {}", turn.item_id));
                continue;
            };
            if at < last && unplaced.contains(&turn.item_id) {
                self.displaced += 1;
            } else if at < last {
                self.disorder.add(|| format!("{who}: {} stands after {}", turn.item_id, truth[last].id));
            }
            // One without a place says nothing about the others.
            if !unplaced.contains(&turn.item_id) {
                last = last.max(at);
            }
            let said = truth[at].words.as_deref().unwrap_or_default().trim();
            let is_so = match turn.state {
                // Never heard to its end, and perhaps not from its beginning.
                TurnState::TimedOut => said.contains(turn.text.as_str()),
                TurnState::Interrupted => said.starts_with(turn.text.as_str()),
                TurnState::Final | TurnState::Failed | TurnState::Empty => turn.text.is_empty() || turn.text == said,
            };
            if !is_so {
                self.altered.add(|| format!("{who}: {} ({:?})", turn.item_id, turn.state));
            }
        }
        self.unrecorded +=
            truth.iter().filter(|item| !transcript.turns.iter().any(|turn| turn.item_id == item.id)).count();
    }

    /// A call at the provider that nobody hung up.
    fn orphan(&mut self, number: u64, life: &Life, stops: &[Stop]) {
        let Some(answered) = life.answered.filter(|_| life.hung_up.is_none() && life.gone.is_none()) else { return };
        // Without media no page ever had the answer: the server that was killed had it in hand, however slow it was.
        let window = if life.had_peer { ID_IS_DURABLE } else { GIVEN_UP };
        let in_window = |stop: &Stop| stop.at >= life.posted && stop.at <= answered + window;
        if answered - life.posted >= GIVEN_UP {
            self.orphans_of_late_answers += 1;
        } else if stops.iter().any(in_window) {
            self.orphans_of_the_window += 1;
        } else {
            let had_peer = if life.had_peer { "with" } else { "without" };
            let next = stops.iter().find(|stop| stop.at >= life.posted).map(|stop| stop.at - life.posted);
            let took = answered - life.posted;
            self.orphans.add(|| {
                format!("call rtc_rig{number}, {had_peer} media, answered after {took:?}, next stop after {next:?}")
            });
        }
    }
}

/// Turns whose place nobody could know: it was told while nobody listened, and the record has the gap.
fn unplaced(journal: &[Record]) -> HashSet<String> {
    let entries = || journal.iter().filter_map(|record| record.entry().ok());
    if !entries().any(|entry| matches!(entry, Entry::Gap { .. })) {
        return HashSet::new();
    }
    let mut unplaced = HashSet::new();
    let mut first = true;
    for entry in entries() {
        let (Entry::Turn(turn) | Entry::Revised(turn)) = entry else { continue };
        if turn.after.is_some() || std::mem::take(&mut first) {
            unplaced.remove(&turn.item);
        } else {
            unplaced.insert(turn.item);
        }
    }
    unplaced
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "turns: {} said, {} acknowledged, {} stored, {} never recorded (and never acknowledged)",
            self.said, self.acknowledged, self.stored, self.unrecorded
        )?;
        let mut statuses: Vec<_> = self.statuses.iter().map(|(status, count)| format!("{status} {count}")).collect();
        statuses.sort();
        writeln!(f, "sessions: {}; {} sealed", statuses.join(", "), self.sealed)?;
        writeln!(
            f,
            "calls that only the provider can end: {} killed before their id was durable, {} answered too late",
            self.orphans_of_the_window, self.orphans_of_late_answers
        )?;
        writeln!(f, "turns whose place was told while nobody listened, and that stand elsewhere: {}", self.displaced)?;
        writeln!(f, "\nmust be zero:")?;
        for (name, findings) in self.promises() {
            writeln!(f, "  {:>6}  {name}", findings.count)?;
            for finding in &findings.shown {
                writeln!(f, "          {finding}")?;
            }
        }
        write!(f, "{}", if self.is_good() { "every promise was kept" } else { "PROMISES WERE BROKEN" })
    }
}
