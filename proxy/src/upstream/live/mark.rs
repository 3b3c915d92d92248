//! The mark by which an answer is recognised: what an event of ours told, as a fingerprint in its id, which the provider
//! returns. So nothing about events under way has to be remembered, by any process.

/// Ids of ours begin so.
const OURS: &str = "viva_";
const BETWEEN: char = '.';
/// Hex digits of a fingerprint.
const LENGTH: usize = 16;

/// An id that says what it told.
#[must_use]
pub fn with(id: &str, fingerprint: &str) -> String {
    format!("{id}{BETWEEN}{fingerprint}")
}

/// The fingerprint in an id; `None`: it has none, or is not ours.
#[must_use]
pub fn of(id: &str) -> Option<&str> {
    let (_, mark) = id.strip_prefix(OURS)?.split_once(BETWEEN)?;
    (mark.len() == LENGTH && mark.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(mark)
}

/// The id of the directive in it.
#[must_use]
pub fn id_of(id: &str) -> &str {
    id.split_once(BETWEEN).map_or(id, |(id, _)| id)
}

/// Whether an id is of an event that we sent.
#[must_use]
pub fn is_ours(id: &str) -> bool {
    id.starts_with(OURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_made() {
        let id = with("viva_1_2", "0123456789abcdef");
        assert_eq!((of(&id), id_of(&id)), (Some("0123456789abcdef"), "viva_1_2"));
        for other in ["viva_1_2", "viva_1_2.", "viva_1_2.0123456789abcdeg", "x_1.0123456789abcdef", "", "."] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(id_of("viva_1_2"), "viva_1_2");
    }
}
