//! Candidates, so many at any time, each with a life of its own. When a life begins and what it holds follows from the seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::task::JoinSet;

use crate::browser::Browser;
use crate::life::Life;
use crate::outcome::Outcome;
use crate::world::World;

/// Candidates that began have so long to come to an end.
const LAST_WORDS: Duration = Duration::from_secs(90);

/// So many candidates at any time; whoever is done makes room for the next.
pub(crate) struct Crowd {
    places: JoinSet<Vec<Outcome>>,
    begun: Arc<AtomicU64>,
}

impl Crowd {
    /// Everybody gets the life that is drawn for them.
    pub(crate) fn gather(
        world: &Arc<World>,
        seed: u64,
        candidates: usize,
        life: impl Fn(&mut StdRng) -> Life + Send + Sync + 'static,
    ) -> Self {
        let life = Arc::new(life);
        let begun = Arc::new(AtomicU64::new(0));
        let mut places = JoinSet::new();
        for place in 0..candidates {
            let (world, begun, life) = (Arc::clone(world), Arc::clone(&begun), Arc::clone(&life));
            // Not all at once: an interview begins while others are in the middle.
            let first = Duration::from_millis(u64::try_from(place).unwrap_or(0) * 150);
            places.spawn(async move {
                let mut outcomes = Vec::new();
                tokio::time::sleep(first).await;
                while !world.winding_up.is_cancelled() {
                    let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
                    let mut random =
                        StdRng::seed_from_u64(seed.wrapping_add(number.wrapping_mul(0x2545_f491_4f6c_dd1d)));
                    match Browser::live(Arc::clone(&world), number, seed, life(&mut random)).await {
                        Ok(outcome) => outcomes.push(outcome),
                        // Without a session there is no candidate. The server was away for longer than a restart takes.
                        Err(error) => println!("  candidate {number} could not begin: {error:#}"),
                    }
                }
                outcomes
            });
        }
        Self { places, begun }
    }

    /// Candidates so far.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Everybody comes to an end. Returns what became of them, and how many places did not come back.
    pub(crate) async fn disperse(&mut self) -> (Vec<Outcome>, usize) {
        let mut outcomes = Vec::new();
        let all = async {
            while let Some(place) = self.places.join_next().await {
                match place {
                    Ok(theirs) => outcomes.extend(theirs),
                    Err(error) => println!("  a candidate broke: {error}"),
                }
            }
        };
        // Whoever is stuck is counted below.
        let _all_came = tokio::time::timeout(LAST_WORDS, all).await;
        let stuck = self.places.len();
        self.places.abort_all();
        outcomes.sort_by_key(|outcome| outcome.number);
        (outcomes, stuck)
    }
}
