//! How much of their budgets the tenants have spent, as far as this process knows: what the store had when it was last
//! asked, and what calls consumed here since. Asked before a call is made and after every figure of one. It decides
//! nothing about calls; no lock is held while the store is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::budget::{Budget, Period, Scope, Standing};
use super::prices::Prices;
use super::{Measure, Nanos};
use crate::clock::{Clock, Millis};
use crate::ids::{TenantId, UserId};
use crate::store::StoreError;
use crate::store::usage::{UsageLog, UsageSum};

/// What was read is good for so long when a call is about to be made …
const FRESH_MS: Millis = 5_000;
/// … and for so long while one runs: other machines spend too.
const CURRENT_MS: Millis = 30_000;
/// Tenants whose books are kept. When there are more, those that nobody asked for lately are forgotten and read again.
const MOST_BOOKS: usize = 16_384;

/// The purse. Cheap to clone.
#[derive(Clone)]
pub struct Purse(Arc<Inner>);

struct Inner {
    log: Arc<dyn UsageLog>,
    prices: Arc<Prices>,
    clock: Arc<dyn Clock>,
    books: Mutex<HashMap<TenantId, Books>>,
}

/// One tenant's budgets and what is spent of them.
#[derive(Default)]
struct Books {
    budgets: Vec<Budget>,
    /// The tenant as a whole (`None`) and people who called since; bounded by those of one period.
    spent: HashMap<(Option<UserId>, Period), Spent>,
    read_at: Millis,
    /// People whose own sums were read, and when.
    people: HashMap<UserId, Millis>,
}

/// A sum and the stretch it belongs to.
#[derive(Clone, Copy, Default)]
struct Spent {
    start: i64,
    sum: Nanos,
}

/// What a running call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Go on.
    GoOn,
    /// Go on; little is left.
    Low,
    /// Go on, but nothing new begins.
    NoMore,
    /// A hard budget is used up: end.
    End,
}

/// Why a call may not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCall {
    /// A budget is used up.
    #[error("the budget for calls is used up until {}", period(*.0))]
    Exhausted(Period),
    /// Nobody knows.
    #[error(transparent)]
    Store(StoreError),
}

fn period(period: Period) -> &'static str {
    match period {
        Period::Day => "tomorrow",
        Period::Month => "the next month",
    }
}

impl Purse {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(log: Arc<dyn UsageLog>, prices: Arc<Prices>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { log, prices, clock, books: Mutex::default() }))
    }

    /// The price list.
    #[must_use]
    pub fn prices(&self) -> &Prices {
        &self.0.prices
    }

    /// Whether a call of this person's may begin on the server's bill.
    ///
    /// # Errors
    /// [`NoCall`].
    pub async fn admit(&self, tenant: TenantId, user: UserId) -> Result<(), NoCall> {
        if !self.is_read(tenant, user, FRESH_MS) {
            self.read(tenant, user).await.map_err(NoCall::Store)?;
        }
        let now = self.0.clock.now().unix_ms;
        let mut books = self.books();
        let Some(books) = books.get_mut(&tenant) else { return Ok(()) };
        let exhausted = books.standings(user, now).find(|(_, standing)| *standing == Standing::Exhausted);
        exhausted.map_or(Ok(()), |(budget, _)| Err(NoCall::Exhausted(budget.period)))
    }

    /// Each budget that concerns a person and what is spent of it, as the store has it now.
    ///
    /// # Errors
    /// The store's.
    pub async fn standings(&self, tenant: TenantId, user: UserId) -> Result<Vec<(Budget, Nanos)>, StoreError> {
        self.read(tenant, user).await?;
        let now = self.0.clock.now().unix_ms;
        let mut books = self.books();
        Ok(books.get_mut(&tenant).map(|books| books.spent_of(user, now).collect()).unwrap_or_default())
    }

    /// The budgets were changed: what is known of the tenant is read again before it counts.
    pub fn forget(&self, tenant: TenantId) {
        if let Some(books) = self.books().get_mut(&tenant) {
            books.read_at = 0;
            books.people.clear();
        }
    }

    /// The day it is, UTC.
    #[must_use]
    pub fn today(&self) -> Date {
        let now = Timestamp::from_millisecond(self.0.clock.now().unix_ms).unwrap_or_default();
        now.to_zoned(TimeZone::UTC).date()
    }

    /// Something was consumed on the server's bill. What it cost, if that is known, and what the call may do now.
    pub fn charge(&self, (tenant, user): (TenantId, UserId), model: &str, used: &Measure) -> (Option<Nanos>, Verdict) {
        let now = self.0.clock.now().unix_ms;
        let cost = self.0.prices.cost(model, now, used);
        let mut books = self.books();
        let Some(books) = books.get_mut(&tenant) else { return (cost, Verdict::GoOn) };
        for ((whose, period), spent) in &mut books.spent {
            if whose.is_none_or(|whose| whose == user) {
                spent.turn_to(period.start(now));
                spent.sum += cost.unwrap_or_default();
            }
        }
        let verdict = books.standings(user, now).map(|(budget, standing)| match standing {
            Standing::Ok => Verdict::GoOn,
            Standing::Low => Verdict::Low,
            Standing::Exhausted if budget.hard => Verdict::End,
            Standing::Exhausted => Verdict::NoMore,
        });
        (cost, verdict.max().unwrap_or(Verdict::GoOn))
    }

    /// Whether what is known is too old, or nothing, while a call runs: then [`Purse::read`].
    #[must_use]
    pub fn is_outdated(&self, tenant: TenantId, user: UserId) -> bool {
        !self.is_read(tenant, user, CURRENT_MS)
    }

    /// Asks the store. What was consumed here and is not there yet is not forgotten: a sum never shrinks within its time.
    ///
    /// # Errors
    /// The store's.
    pub async fn read(&self, tenant: TenantId, user: UserId) -> Result<(), StoreError> {
        let Inner { log, prices, clock, .. } = &*self.0;
        let now = clock.now();
        let budgets = log.budgets(tenant).await?;
        let mut sums = Vec::with_capacity(budgets.len());
        for budget in &budgets {
            let whose = (budget.scope == Scope::User).then_some(user);
            let start = budget.period.start(now.unix_ms);
            let rows = log.spent(tenant, whose, start).await?;
            sums.push((
                (whose, budget.period),
                Spent { start, sum: rows.iter().filter_map(|row| cost(prices, row)).sum() },
            ));
        }
        let mut all = self.books();
        if all.len() >= MOST_BOOKS && !all.contains_key(&tenant) {
            all.retain(|_, books| now.mono_ms.saturating_sub(books.read_at) < CURRENT_MS);
        }
        let books = all.entry(tenant).or_default();
        books.spent.retain(|_, spent| spent.start >= Period::Month.start(now.unix_ms));
        books.people.retain(|_, read_at| now.mono_ms.saturating_sub(*read_at) < CURRENT_MS);
        for (account, read) in sums {
            let known = books.spent.entry(account).or_default();
            known.turn_to(read.start);
            known.sum = known.sum.max(read.sum);
        }
        books.budgets = budgets;
        books.read_at = now.mono_ms;
        books.people.insert(user, now.mono_ms);
        Ok(())
    }

    fn is_read(&self, tenant: TenantId, user: UserId, within: Millis) -> bool {
        let now = self.0.clock.now().mono_ms;
        let books = self.books();
        let is_fresh = |read_at: Millis| now.saturating_sub(read_at) < within;
        books.get(&tenant).is_some_and(|books| match books.budgets.iter().any(|budget| budget.scope == Scope::User) {
            true => books.people.get(&user).is_some_and(|read_at| is_fresh(*read_at)),
            false => is_fresh(books.read_at),
        })
    }

    fn books(&self) -> MutexGuard<'_, HashMap<TenantId, Books>> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spent {
    /// Another stretch began: nothing is spent of it.
    fn turn_to(&mut self, start: i64) {
        if self.start != start {
            *self = Self { start, sum: Nanos::default() };
        }
    }
}

impl Books {
    /// Each budget that concerns a person, and where they stand in it.
    fn standings(&mut self, user: UserId, now_unix_ms: i64) -> impl Iterator<Item = (Budget, Standing)> {
        self.spent_of(user, now_unix_ms).map(|(budget, spent)| (budget, budget.standing(spent)))
    }

    /// Each budget that concerns a person, and what is spent of it.
    fn spent_of(&mut self, user: UserId, now_unix_ms: i64) -> impl Iterator<Item = (Budget, Nanos)> {
        let Self { budgets, spent, .. } = self;
        budgets.iter().map(move |budget| {
            let whose = (budget.scope == Scope::User).then_some(user);
            let spent = spent.entry((whose, budget.period)).or_default();
            spent.turn_to(budget.period.start(now_unix_ms));
            (*budget, spent.sum)
        })
    }
}

/// What a sum costs; `None`: its model has no price.
#[must_use]
pub fn cost(prices: &Prices, sum: &UsageSum) -> Option<Nanos> {
    prices.cost(&sum.model, sum.day, &sum.used)
}

#[cfg(test)]
#[path = "purse_tests.rs"]
mod tests;
