//! What may go wrong at the provider, as probabilities, and what is drawn from them. One seed gives the same draws; when
//! they meet the server depends on the machine.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::call::USUAL_LIFE;

/// Probabilities. Of an event of their kind unless said otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Words of the candidate come seconds late.
    pub(crate) late_words: f64,
    /// They never come.
    pub(crate) missing_words: f64,
    /// The transcription fails.
    pub(crate) failed_words: f64,
    /// It finds nothing.
    pub(crate) empty_words: f64,
    /// An event is sent twice, with the same id.
    pub(crate) repeated_event: f64,
    /// A finished transcription is finished again, under another event id.
    pub(crate) repeated_words: f64,
    /// `session.updated` takes up to a second.
    pub(crate) slow_update: f64,
    /// A reply fails.
    pub(crate) failed_reply: f64,
    /// `previous_item_id` of `conversation.item.done` is null.
    pub(crate) null_link: f64,
    /// Of a sideband: its first dials get 404.
    pub(crate) early_404: f64,
    /// Of a sideband: it is cut within seconds.
    pub(crate) cut: f64,
    /// Of a sideband: it falls silent within seconds, pongs included.
    pub(crate) silent: f64,
    /// Of a call: the first attempts to hang it up fail.
    pub(crate) hang_up_fails: f64,
    /// Of a call: the provider keeps it for less than a minute, and says so.
    pub(crate) short_life: f64,
    /// Of a call: the provider drops it without a word.
    pub(crate) dropped: f64,
    /// Of an offer: refused with a retryable status.
    pub(crate) refused_offer: f64,
    /// Of an offer: answered later than anybody waits for.
    pub(crate) late_answer: f64,
}

impl Weather {
    /// Nothing goes wrong.
    pub(crate) fn calm() -> Self {
        Self::default()
    }

    /// Everything goes wrong now and then.
    pub(crate) fn stormy() -> Self {
        Self {
            late_words: 0.10,
            missing_words: 0.02,
            failed_words: 0.02,
            empty_words: 0.02,
            repeated_event: 0.02,
            repeated_words: 0.05,
            slow_update: 0.20,
            failed_reply: 0.03,
            null_link: 0.20,
            early_404: 0.10,
            cut: 0.25,
            silent: 0.05,
            hang_up_fails: 0.15,
            short_life: 0.15,
            dropped: 0.12,
            refused_offer: 0.03,
            late_answer: 0.01,
        }
    }
}

/// The draws of one call.
#[derive(Debug)]
pub(crate) struct Quirks {
    weather: Weather,
    random: StdRng,
}

/// What becomes of the candidate's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transcription {
    After(Duration),
    Never,
    Failed(Duration),
    Empty(Duration),
}

/// How a sideband ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Course {
    Whole,
    Cut(Duration),
    Silent(Duration),
}

/// What becomes of an offer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Answered,
    Refused(u16),
    Late(Duration),
}

impl Quirks {
    pub(super) fn new(weather: Weather, seed: u64, number: u64) -> Self {
        // Any odd constant spreads neighbouring numbers.
        Self { weather, random: StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) }
    }

    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.random.random_bool(probability)
    }

    fn within(&mut self, ms: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.random.random_range(ms))
    }

    pub(super) fn transcription(&mut self, usual: Duration) -> Transcription {
        let weather = self.weather;
        if self.happens(weather.missing_words) {
            Transcription::Never
        } else if self.happens(weather.failed_words) {
            Transcription::Failed(usual)
        } else if self.happens(weather.empty_words) {
            Transcription::Empty(usual)
        } else if self.happens(weather.late_words) {
            // Beyond the fifteen seconds after which a turn counts as settled, too.
            Transcription::After(self.within(1_000..18_000))
        } else {
            Transcription::After(usual)
        }
    }

    pub(super) fn event_is_repeated(&mut self) -> bool {
        self.happens(self.weather.repeated_event)
    }

    pub(super) fn words_are_repeated(&mut self) -> bool {
        self.happens(self.weather.repeated_words)
    }

    pub(super) fn update_takes(&mut self) -> Duration {
        if self.happens(self.weather.slow_update) { self.within(20..1_000) } else { Duration::ZERO }
    }

    pub(super) fn reply_fails(&mut self) -> bool {
        self.happens(self.weather.failed_reply)
    }

    pub(super) fn link_is_null(&mut self) -> bool {
        self.happens(self.weather.null_link)
    }

    pub(super) fn unknown_for(&mut self) -> Duration {
        if self.happens(self.weather.early_404) { self.within(200..4_000) } else { Duration::ZERO }
    }

    pub(super) fn course(&mut self) -> Course {
        if self.happens(self.weather.cut) {
            Course::Cut(self.within(200..15_000))
        } else if self.happens(self.weather.silent) {
            Course::Silent(self.within(200..15_000))
        } else {
            Course::Whole
        }
    }

    pub(super) fn lasts(&mut self) -> Duration {
        if self.happens(self.weather.short_life) { self.within(15_000..55_000) } else { USUAL_LIFE }
    }

    pub(super) fn drops_after(&mut self) -> Option<Duration> {
        self.happens(self.weather.dropped).then(|| self.within(1_000..40_000))
    }

    pub(super) fn failing_hang_ups(&mut self) -> u32 {
        if self.happens(self.weather.hang_up_fails) { self.random.random_range(1..4) } else { 0 }
    }

    pub(super) fn fate(&mut self) -> Fate {
        if self.happens(self.weather.refused_offer) {
            Fate::Refused(if self.random.random_bool(0.5) { 429 } else { 500 })
        } else if self.happens(self.weather.late_answer) {
            Fate::Late(self.within(3_000..5_000))
        } else {
            Fate::Answered
        }
    }
}
