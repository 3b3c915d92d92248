//! Money. Whole billionths of a US dollar, so that every published price of a token and of a second of sound adds up
//! without a rounding of its own. No floating point is ever summed.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul};

use serde::{Deserialize, Serialize};

/// Billionths of a US dollar. Holds 18 billion dollars; past that it stays there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanos(pub u64);

/// In a dollar.
const DOLLAR: f64 = 1e9;

impl Nanos {
    /// From dollars as somebody wrote them; `None` when that is no amount.
    #[must_use]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        let nanos = (dollars * DOLLAR).round();
        // Above this an f64 does not hold every whole number any more.
        (nanos.is_finite() && (0.0..9e15).contains(&nanos)).then_some(Self(nanos as u64))
    }

    /// In dollars, to the nearest millionth; for showing, not for reckoning.
    #[must_use]
    pub fn dollars(self) -> f64 {
        let micros = self.0.saturating_add(500) / 1_000;
        micros as f64 / 1e6
    }

    /// So many hundredths of it.
    #[must_use]
    pub fn percent(self, percent: u64) -> Self {
        let share = u128::from(self.0) * u128::from(percent) / 100;
        Self(u64::try_from(share).unwrap_or(u64::MAX))
    }

    /// The cost of so many milliseconds at so much a minute, to the nearest billionth.
    #[must_use]
    pub fn of_minute(self, ms: u64) -> Self {
        let exact = (u128::from(self.0) * u128::from(ms) + 30_000) / 60_000;
        Self(u64::try_from(exact).unwrap_or(u64::MAX))
    }
}

impl Add for Nanos {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Nanos {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<u64> for Nanos {
    type Output = Self;

    fn mul(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl Sum for Nanos {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_come_and_go_to_the_millionth() {
        assert_eq!(Nanos::from_dollars(0.05), Some(Nanos(50_000_000)));
        assert_eq!(Nanos(12_345_499).dollars(), 0.012_345);
        assert_eq!(Nanos(12_345_500).dollars(), 0.012_346);
        for wrong in [-0.01, f64::NAN, f64::INFINITY, 1e10] {
            assert_eq!(Nanos::from_dollars(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_minute_is_charged_by_the_millisecond() {
        let minute = Nanos(17_000_000);
        assert_eq!(minute.of_minute(60_000), minute);
        assert_eq!(minute.of_minute(3_000), Nanos(850_000));
        assert_eq!(minute.of_minute(1), Nanos(283));
        assert_eq!(Nanos(u64::MAX).of_minute(u64::MAX), Nanos(u64::MAX));
        assert_eq!(Nanos(50_000_000).percent(80), Nanos(40_000_000));
    }
}
