//! Durations as people read them.

/// `m:ss`, or `h:mm:ss` from an hour on.
pub(super) fn elapsed(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Seconds with one decimal.
pub(super) fn seconds(ms: u64) -> String {
    format!("{}.{}", ms / 1_000, ms % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_a_clock() {
        assert_eq!((elapsed(61_999), elapsed(3_600_000)), ("1:01".to_owned(), "1:00:00".to_owned()));
        assert_eq!(seconds(2_340), "2.3");
    }
}
