//! What lets a socket stay: an issuer's token ends, unlike a ticket. The client is warned a minute before, may show a fresh
//! token, and is let go a minute after. Every few minutes it is asked again whether the person still belongs there.
//! Who may come in at all is not decided here.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, Sleep};

/// Before the end of a token its holder is warned.
const WARNING_MS: i64 = 60_000;
/// After its end it is still good for so long: a renewal that is on its way is not cut off.
const PATIENCE_MS: i64 = 60_000;
/// How often a person's standing is looked at again. A membership that was taken away ends within this.
const CHECK: Duration = Duration::from_secs(300);

/// Judges what a socket shows while it is open.
pub trait Judge: Send + Sync + 'static {
    /// The present, Unix milliseconds.
    fn now_unix_ms(&self) -> i64;

    /// Until when a fresh token of the same person is good, Unix milliseconds; `None` for any other.
    fn renew(&self, token: String) -> BoxFuture<'static, Option<i64>>;

    /// Whether the person still belongs to the tenant. A judge that cannot tell says yes.
    fn still_belongs(&self) -> BoxFuture<'static, bool>;
}

/// A socket's permission to stay.
pub struct Pass {
    judge: Arc<dyn Judge>,
    until_unix_ms: i64,
    warned: bool,
    timer: Pin<Box<Sleep>>,
    check: Pin<Box<Sleep>>,
    /// One question at a time; a token that is shown meanwhile replaces the one being looked at.
    asked: Option<BoxFuture<'static, Event>>,
}

/// What happens to a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It ends soon.
    Ending {
        /// In so many seconds; 0 when it has.
        seconds_left: u64,
    },
    /// It was prolonged.
    Renewed {
        /// Until when, Unix milliseconds.
        until_unix_ms: i64,
    },
    /// The token that was shown is not good.
    Refused,
    /// Nothing has changed.
    Unchanged,
    /// It is over.
    Over,
}

impl Pass {
    /// A permission that ends with a token.
    #[must_use]
    pub fn new(until_unix_ms: i64, judge: Arc<dyn Judge>) -> Self {
        let now = Instant::now();
        let mut pass = Self {
            judge,
            until_unix_ms,
            warned: false,
            timer: Box::pin(tokio::time::sleep_until(now)),
            check: Box::pin(tokio::time::sleep_until(now + CHECK)),
            asked: None,
        };
        pass.arm();
        pass
    }

    /// A fresh token was shown.
    pub(super) fn shown(&mut self, token: String) {
        let renewed = self.judge.renew(token);
        let told = renewed.map(|until| until.map_or(Event::Refused, |until_unix_ms| Event::Renewed { until_unix_ms }));
        self.asked = Some(told.boxed());
    }

    /// The next thing that happens. Safe to drop at any await.
    pub(super) async fn next(&mut self) -> Event {
        let event = tokio::select! {
            event = answer(&mut self.asked) => {
                self.asked = None;
                event
            }
            () = self.timer.as_mut() => return self.due(),
            () = self.check.as_mut() => {
                self.check.as_mut().reset(Instant::now() + CHECK);
                if self.asked.is_none() {
                    let belongs = self.judge.still_belongs();
                    self.asked = Some(belongs.map(|yes| if yes { Event::Unchanged } else { Event::Over }).boxed());
                }
                Event::Unchanged
            }
        };
        if let Event::Renewed { until_unix_ms } = event {
            (self.until_unix_ms, self.warned) = (until_unix_ms, false);
            self.arm();
        }
        event
    }

    fn due(&mut self) -> Event {
        if self.warned {
            return Event::Over;
        }
        self.warned = true;
        self.arm();
        let left_ms = self.until_unix_ms.saturating_sub(self.judge.now_unix_ms());
        Event::Ending { seconds_left: u64::try_from(left_ms).unwrap_or(0).div_ceil(1_000) }
    }

    fn arm(&mut self) {
        let at = if self.warned { self.until_unix_ms + PATIENCE_MS } else { self.until_unix_ms - WARNING_MS };
        let wait = u64::try_from(at.saturating_sub(self.judge.now_unix_ms())).unwrap_or(0);
        // A token may be good for years; timers are not made for that.
        self.timer.as_mut().reset(Instant::now() + Duration::from_millis(wait.min(86_400_000 * 365)));
    }
}

async fn answer(asked: &mut Option<BoxFuture<'static, Event>>) -> Event {
    match asked {
        Some(asked) => asked.await,
        None => std::future::pending().await,
    }
}

/// [`Pass::next`] of a socket that may have none.
pub(super) async fn next(pass: &mut Option<Pass>) -> Event {
    match pass {
        Some(pass) => pass.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Time begins at 0 with the judge; a token's text is how long it is good.
    struct Desk {
        opened: Instant,
        gone: AtomicBool,
    }

    impl Desk {
        fn open() -> Arc<Self> {
            Arc::new(Self { opened: Instant::now(), gone: AtomicBool::new(false) })
        }
    }

    impl Judge for Desk {
        fn now_unix_ms(&self) -> i64 {
            i64::try_from(self.opened.elapsed().as_millis()).expect("a short test")
        }

        fn renew(&self, token: String) -> BoxFuture<'static, Option<i64>> {
            std::future::ready(token.parse().ok()).boxed()
        }

        fn still_belongs(&self) -> BoxFuture<'static, bool> {
            std::future::ready(!self.gone.load(Ordering::Relaxed)).boxed()
        }
    }

    async fn seconds(pass: &mut Pass, desk: &Desk) -> (i64, Event) {
        let event = pass.next().await;
        (desk.now_unix_ms() / 1_000, event)
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_not_renewed_ends_a_minute_after_it_did() {
        let desk = Desk::open();
        let mut pass = Pass::new(100_000, desk.clone());
        assert_eq!(seconds(&mut pass, &desk).await, (40, Event::Ending { seconds_left: 60 }));
        pass.shown("not a token".to_owned());
        assert_eq!(pass.next().await, Event::Refused);
        assert_eq!(seconds(&mut pass, &desk).await, (160, Event::Over));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fresh_token_begins_anew() {
        let desk = Desk::open();
        let mut pass = Pass::new(10_000, desk.clone());
        assert_eq!(seconds(&mut pass, &desk).await, (0, Event::Ending { seconds_left: 10 }));
        tokio::time::sleep(Duration::from_secs(20)).await;
        pass.shown("200000".to_owned());
        assert_eq!(pass.next().await, Event::Renewed { until_unix_ms: 200_000 });
        assert_eq!(seconds(&mut pass, &desk).await, (140, Event::Ending { seconds_left: 60 }));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_taken_out_is_let_go_within_five_minutes() {
        let desk = Desk::open();
        let mut pass = Pass::new(i64::MAX - PATIENCE_MS, desk.clone());
        assert_eq!(seconds(&mut pass, &desk).await, (300, Event::Unchanged), "it is time to ask");
        assert_eq!(pass.next().await, Event::Unchanged);
        desk.gone.store(true, Ordering::Relaxed);
        assert_eq!(seconds(&mut pass, &desk).await, (600, Event::Unchanged));
        assert_eq!(pass.next().await, Event::Over);
    }
}
