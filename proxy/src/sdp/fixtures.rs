//! Descriptions as real stacks write them, in `tests/fixtures/sdp`: addresses are from the documentation ranges and
//! the fingerprints are those of nothing. Small edits of them are the bad cases.

/// What Chrome 156 sends right after `setLocalDescription`: no candidates yet.
pub(super) const CHROME: &str = include_str!("../../tests/fixtures/sdp/chrome.offer.sdp");
/// Firefox: fingerprint and direction at session level, Opus as 109, `.local` candidates, RTCP components.
pub(super) const FIREFOX: &str = include_str!("../../tests/fixtures/sdp/firefox.offer.sdp");
/// Safari with gathered candidates.
pub(super) const SAFARI: &str = include_str!("../../tests/fixtures/sdp/safari.offer.sdp");
/// aiortc: three fingerprints, Opus as 96.
pub(super) const AIORTC: &str = include_str!("../../tests/fixtures/sdp/aiortc.offer.sdp");
/// The crate `webrtc`, as the native caller uses it.
pub(super) const WEBRTC_RS: &str = include_str!("../../tests/fixtures/sdp/webrtc-rs.offer.sdp");
/// An answer in the provider's form: ICE lite, session-level fingerprint, TCP candidates.
pub(super) const ANSWER: &str = include_str!("../../tests/fixtures/sdp/provider.answer.sdp");

/// Every offer with its name.
pub(super) const OFFERS: [(&str, &str); 5] =
    [("chrome", CHROME), ("firefox", FIREFOX), ("safari", SAFARI), ("aiortc", AIORTC), ("webrtc-rs", WEBRTC_RS)];

/// A description without the lines that start with one of `starts`.
pub(super) fn without(text: &str, starts: &[&str]) -> String {
    text.split_inclusive('\n').filter(|line| !starts.iter().any(|start| line.starts_with(start))).collect()
}

/// A description cut off before its data channel section, and without its group.
pub(super) fn audio_only(text: &str) -> String {
    let end = text.find("m=application").expect("every fixture has a data channel");
    without(&text[..end], &["a=group"])
}
