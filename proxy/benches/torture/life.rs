//! What one candidate will do, drawn from the seed before it begins.

use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;

use crate::options::Trouble;

/// A candidate's course.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) plan: &'static str,
    pub(crate) talks_for: Duration,
    pub(crate) end: End,
    /// When the socket is cut, after each joining.
    pub(crate) cut_after: Option<Duration>,
    pub(crate) skips_after: Option<Duration>,
    /// When the page is loaded anew: everything is forgotten, and the media is gone.
    pub(crate) reloads_after: Option<Duration>,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By asking for it.
    Asks,
    /// By closing the page for good.
    Leaves,
    /// When the interview is over.
    Stays,
}

impl Life {
    pub(crate) fn draw(random: &mut StdRng) -> Self {
        let stays = random.random_bool(0.15);
        let seconds =
            |random: &mut StdRng, least: f64, most: f64| Duration::from_secs_f64(random.random_range(least..most));
        Self {
            plan: if stays { "short" } else { "default" },
            talks_for: if stays { Duration::from_secs(240) } else { seconds(random, 5.0, 75.0) },
            end: if stays {
                End::Stays
            } else if random.random_bool(0.25) {
                End::Leaves
            } else {
                End::Asks
            },
            cut_after: random.random_bool(0.5).then(|| seconds(random, 1.0, 20.0)),
            skips_after: random.random_bool(0.15).then(|| seconds(random, 3.0, 30.0)),
            reloads_after: random.random_bool(0.2).then(|| seconds(random, 4.0, 30.0)),
        }
    }

    /// Leaves troubles out, after they were drawn: the others stay what they were.
    pub(crate) fn without(mut self, troubles: &[Trouble]) -> Self {
        for trouble in troubles {
            match trouble {
                Trouble::Reloads => self.reloads_after = None,
                Trouble::Cuts => self.cut_after = None,
                Trouble::Skips => self.skips_after = None,
                Trouble::HandOvers | Trouble::Weather => {}
            }
        }
        self
    }

    /// Talks until everybody is asked to end; every second one loses its socket now and then.
    pub(crate) fn lasting(random: &mut StdRng) -> Self {
        let cut_after = random.random_bool(0.5).then(|| Duration::from_secs_f64(random.random_range(5.0..20.0)));
        Self { plan: "lasting", talks_for: Duration::from_secs(6 * 3_600), cut_after, ..Self::short() }
    }

    /// Nothing happens but one exchange.
    pub(crate) fn short() -> Self {
        Self {
            plan: "default",
            talks_for: Duration::from_millis(1_000),
            end: End::Asks,
            cut_after: None,
            skips_after: None,
            reloads_after: None,
        }
    }
}
