//! What may be spent in a day or a month, by a tenant or by each of its people, and where a sum stands in it. Pure.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Nanos;

/// From here on it is said that little is left, percent.
const WARN: u64 = 80;

/// A calendar's stretch in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From the first of a month.
    Month,
}

impl Period {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];

    /// The name in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// When the stretch began that holds this moment; Unix milliseconds.
    #[must_use]
    pub fn start(self, at_unix_ms: i64) -> i64 {
        let Ok(at) = Timestamp::from_millisecond(at_unix_ms) else { return 0 };
        let date = at.to_zoned(TimeZone::UTC).date();
        let first = match self {
            Self::Day => date,
            Self::Month => date.first_of_month(),
        };
        first.to_zoned(TimeZone::UTC).map_or(0, |start| start.timestamp().as_millisecond())
    }
}

/// Whose spending is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everybody's in the tenant.
    Tenant,
    /// Each person's for themselves.
    User,
}

impl Scope {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tenant, Self::User];

    /// The name in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::User => "user",
        }
    }
}

/// What may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// By whom.
    pub scope: Scope,
    /// In which time.
    pub period: Period,
    /// How much.
    pub limit: Nanos,
    /// Whether running calls end when it is used up. New ones are refused either way.
    pub hard: bool,
}

/// Where a sum stands in a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// There is enough.
    Ok,
    /// Four fifths are used.
    Low,
    /// Nothing is left.
    Exhausted,
}

impl Budget {
    /// Where this sum stands in it.
    #[must_use]
    pub fn standing(&self, spent: Nanos) -> Standing {
        if spent >= self.limit {
            Standing::Exhausted
        } else if spent >= self.limit.percent(WARN) {
            Standing::Low
        } else {
            Standing::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_at_midnight_in_utc() {
        // 2026-11-21T13:14:15.678Z
        let at = 1_795_266_855_678;
        assert_eq!(Period::Day.start(at), 1_795_219_200_000);
        assert_eq!(Period::Month.start(at), 1_793_491_200_000);
        assert_eq!(Period::Month.start(1_793_491_200_000), 1_793_491_200_000);
        assert_eq!(Period::Month.start(1_793_491_199_999), 1_790_812_800_000);
    }

    #[test]
    fn four_fifths_warn_and_the_whole_is_enough() {
        let budget = Budget { scope: Scope::Tenant, period: Period::Month, limit: Nanos(1_000), hard: true };
        assert_eq!(budget.standing(Nanos(799)), Standing::Ok);
        assert_eq!(budget.standing(Nanos(800)), Standing::Low);
        assert_eq!(budget.standing(Nanos(999)), Standing::Low);
        assert_eq!(budget.standing(Nanos(1_000)), Standing::Exhausted);
        assert_eq!(Budget { limit: Nanos(0), ..budget }.standing(Nanos(0)), Standing::Exhausted);
    }
}
