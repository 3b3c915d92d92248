//! The purse over a log that is a list: what is admitted, when a call must end, and that nothing spent is forgotten.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use futures_util::future::ready;

use super::*;
use crate::clock::At;
use crate::identity::TenantCtx;
use crate::store::Answer;
use crate::store::usage::{Payer, UsageQuery};

/// 2026-11-21T00:00Z.
const TODAY: i64 = 1_795_219_200_000;
const HOUR: i64 = 3_600_000;

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> At {
        let ms = self.0.load(Ordering::Relaxed);
        At { mono_ms: u64::try_from(ms).expect("after 1970"), unix_ms: ms }
    }
}

#[derive(Default)]
struct Log {
    budgets: Mutex<Vec<Budget>>,
    /// Seconds of transcription: what, whose, when.
    rows: Mutex<Vec<(UserId, i64, u64)>>,
    asked: AtomicUsize,
}

impl UsageLog for Log {
    fn usage(&self, _: TenantCtx, _: UsageQuery) -> Answer<'_, Vec<UsageSum>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn spent(&self, _: TenantId, user: Option<UserId>, since: i64) -> Answer<'_, Vec<UsageSum>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let rows = self.rows.lock().expect("whole");
        let of = rows.iter().filter(|(whose, at, _)| *at >= since && user.is_none_or(|user| user == *whose));
        let sums = of.map(|(_, at, s)| UsageSum {
            day: Period::Day.start(*at),
            session: None,
            model: "gpt-realtime-whisper".into(),
            operation: crate::upstream::facts::Operation::Transcription,
            payer: Payer::Server,
            confirmed: true,
            figures: 1,
            used: Measure { ms: s * 1_000, ..Measure::default() },
        });
        Box::pin(ready(Ok(sums.collect())))
    }

    fn budgets(&self, _: TenantId) -> Answer<'_, Vec<Budget>> {
        Box::pin(ready(Ok(self.budgets.lock().expect("whole").clone())))
    }

    fn set_budget(&self, _: TenantCtx, _: Budget) -> Answer<'_, ()> {
        Box::pin(ready(Ok(())))
    }

    fn remove_budget(&self, _: TenantCtx, _: Scope, _: Period) -> Answer<'_, bool> {
        Box::pin(ready(Ok(false)))
    }
}

struct Desk {
    purse: Purse,
    log: Arc<Log>,
    hands: Arc<Hands>,
    tenant: TenantId,
    user: UserId,
}

impl Desk {
    fn with(budgets: &[(Scope, Period, u64, bool)]) -> Self {
        let (log, hands) = (Arc::new(Log::default()), Arc::new(Hands(AtomicI64::new(TODAY + 12 * HOUR))));
        let purse = Purse::new(log.clone(), Arc::new(Prices::built_in()), hands.clone());
        let desk = Self { purse, log, hands, tenant: TenantId::fresh(), user: UserId::fresh() };
        desk.set(budgets);
        desk
    }

    /// Limits in thousandths of a dollar, of which a minute of transcription is 17.
    fn set(&self, budgets: &[(Scope, Period, u64, bool)]) {
        let budget = |&(scope, period, limit, hard): &(Scope, Period, u64, bool)| Budget {
            scope,
            period,
            limit: Nanos(limit * 1_000_000),
            hard,
        };
        *self.log.budgets.lock().expect("whole") = budgets.iter().map(budget).collect();
    }

    fn charge(&self, user: UserId, s: u64) -> Verdict {
        let used = Measure { ms: s * 1_000, ..Measure::default() };
        self.purse.charge((self.tenant, user), "gpt-realtime-whisper", &used).1
    }

    async fn admit(&self, user: UserId) -> Result<(), NoCall> {
        self.purse.admit(self.tenant, user).await
    }

    fn wait(&self, ms: i64) {
        self.hands.0.fetch_add(ms, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn without_a_budget_nothing_is_counted() {
    let desk = Desk::with(&[]);
    assert_eq!(desk.admit(desk.user).await, Ok(()));
    assert_eq!(desk.charge(desk.user, 1_000_000), Verdict::GoOn);
    assert_eq!(desk.log.asked.load(Ordering::Relaxed), 0, "no sums are asked for");
}

#[tokio::test]
async fn a_hard_budget_warns_ends_and_refuses() {
    let desk = Desk::with(&[(Scope::Tenant, Period::Month, 17, true)]);
    let other = UserId::fresh();
    desk.admit(desk.user).await.expect("nothing spent");
    assert_eq!(desk.charge(desk.user, 40), Verdict::GoOn);
    assert_eq!(desk.charge(other, 10), Verdict::Low);
    // Eleven: each of the three was rounded.
    assert_eq!(desk.charge(desk.user, 11), Verdict::End);
    assert_eq!(desk.admit(other).await, Err(NoCall::Exhausted(Period::Month)));
}

#[tokio::test]
async fn a_soft_budget_only_refuses_and_each_person_has_their_own() {
    let desk = Desk::with(&[(Scope::User, Period::Day, 17, false)]);
    let other = UserId::fresh();
    desk.admit(desk.user).await.expect("nothing spent");
    desk.admit(other).await.expect("nothing spent");
    assert_eq!(desk.charge(desk.user, 61), Verdict::NoMore);
    assert_eq!(desk.charge(other, 1), Verdict::GoOn);
    assert_eq!(desk.admit(desk.user).await, Err(NoCall::Exhausted(Period::Day)));
    assert_eq!(desk.admit(other).await, Ok(()));
    desk.wait(12 * HOUR);
    assert_eq!(desk.admit(desk.user).await, Ok(()), "another day");
}

#[tokio::test]
async fn what_the_store_has_counts_and_what_it_has_not_yet_is_not_forgotten() {
    let desk = Desk::with(&[(Scope::Tenant, Period::Month, 17, true)]);
    desk.log.rows.lock().expect("whole").push((desk.user, TODAY, 30));
    desk.admit(desk.user).await.expect("half");
    assert_eq!(desk.charge(desk.user, 20), Verdict::Low, "30 of the store and 20 of ours");
    desk.wait(60_000);
    assert!(desk.purse.is_outdated(desk.tenant, desk.user));
    // The store is behind: it has only the 30.
    desk.purse.read(desk.tenant, desk.user).await.expect("read");
    assert!(!desk.purse.is_outdated(desk.tenant, desk.user));
    assert_eq!(desk.charge(desk.user, 11), Verdict::End);
}

#[tokio::test]
async fn other_machines_and_other_limits_are_noticed() {
    let desk = Desk::with(&[(Scope::Tenant, Period::Month, 17, true)]);
    desk.admit(desk.user).await.expect("nothing spent");
    desk.log.rows.lock().expect("whole").push((UserId::fresh(), TODAY, 60));
    assert_eq!(desk.admit(desk.user).await, Ok(()), "known well enough");
    desk.wait(6_000);
    assert_eq!(desk.admit(desk.user).await, Err(NoCall::Exhausted(Period::Month)));
    desk.set(&[(Scope::Tenant, Period::Month, 34, true)]);
    desk.wait(6_000);
    assert_eq!(desk.admit(desk.user).await, Ok(()));
    assert_eq!(desk.charge(desk.user, 0), Verdict::GoOn);
}

#[tokio::test]
async fn what_has_no_price_costs_nothing_and_says_so() {
    let desk = Desk::with(&[(Scope::Tenant, Period::Month, 17, true)]);
    desk.admit(desk.user).await.expect("nothing spent");
    let used = Measure { text_in: 1_000_000, ..Measure::default() };
    let charged = desk.purse.charge((desk.tenant, desk.user), "somebody-elses-model", &used);
    assert_eq!(charged, (None, Verdict::GoOn));
}
