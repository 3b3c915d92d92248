//! Points in time as older systems wrote them: text of any ISO form, or numbers since 1970 or since the beginning.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// The first day of 2000. A number of seconds that is smaller counts from the beginning of the interview.
const YEAR_2000_S: f64 = 946_684_800.0;
/// Numbers from here on are milliseconds: as seconds they would be in the year 5138.
const MILLISECONDS: f64 = 1.0e11;

/// When something was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Unix milliseconds.
    At(i64),
    /// Milliseconds after the beginning.
    After(i64),
}

impl Moment {
    /// `None`: it says nothing that is a time.
    pub(super) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::of_number(number.as_f64()?),
            Value::String(text) => {
                text.trim().parse().ok().and_then(Self::of_number).or_else(|| of_text(text.trim()).map(Self::At))
            }
            _ => None,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "both branches stay far below 2^53")]
    fn of_number(number: f64) -> Option<Self> {
        if !(0.0..1.0e14).contains(&number) {
            return None;
        }
        let milliseconds = if number >= MILLISECONDS { number } else { number * 1_000.0 }.round() as i64;
        Some(if number < YEAR_2000_S { Self::After(milliseconds) } else { Self::At(milliseconds) })
    }

    /// On the clock, for an interview that began at `began`.
    pub(super) fn from(self, began: i64) -> i64 {
        match self {
            Self::At(at) => at,
            Self::After(after) => began + after,
        }
    }
}

/// Without an offset it is UTC, as the older systems meant it.
fn of_text(text: &str) -> Option<i64> {
    let instant = text.parse::<Timestamp>().ok();
    let instant =
        instant.or_else(|| text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp()));
    let at = instant?.as_millisecond();
    (at >= 0).then_some(at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_in_the_forms_that_were_written() {
        let at = Some(Moment::At(1_762_164_000_123));
        for told in [
            json!("2025-11-03T10:00:00.123Z"),
            json!("2025-11-03 10:00:00.123+00"),
            json!("2025-11-03T11:00:00.123+01:00"),
            json!("2025-11-03T10:00:00.123"),
            json!("2025-11-03 10:00:00.123"),
            json!(1_762_164_000.123),
            json!("1762164000.123"),
            json!(1_762_164_000_123_i64),
        ] {
            assert_eq!(Moment::read(&told), at, "{told}");
        }
        assert_eq!(Moment::read(&json!(12.5)), Some(Moment::After(12_500)));
        assert_eq!(Moment::After(12_500).from(1_000), 13_500);
        for none in [json!(null), json!(""), json!("yesterday"), json!(-1), json!(1.0e300), json!([1])] {
            assert_eq!(Moment::read(&none), None, "{none}");
        }
    }
}
