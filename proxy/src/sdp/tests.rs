//! Every rule has a case that breaks it and nothing else, and no input whatever makes the scanner panic.

use proptest::prelude::*;

use super::fixtures::{AIORTC, ANSWER, CHROME, FIREFOX, OFFERS, SAFARI, audio_only, without};
use super::{MAX_BYTES, MAX_LINE_BYTES, Rule, check_answer, check_offer};

fn refused(text: &str) -> Option<Rule> {
    check_offer(text.as_bytes()).err()
}

/// Each occurrence of `from` in Chrome's offer replaced.
fn changed(from: &str, to: &str) -> Option<Rule> {
    assert!(CHROME.contains(from), "the case must change something: {from}");
    refused(&CHROME.replace(from, to))
}

fn less(starts: &[&str]) -> Option<Rule> {
    refused(&without(CHROME, starts))
}

#[test]
fn offers_of_all_stacks_are_accepted() {
    for (name, offer) in OFFERS {
        let facts = check_offer(offer.as_bytes());
        assert!(facts.is_ok_and(|facts| facts.has_data_channel()), "{name}: {:?}", refused(offer));
        let facts = check_offer(audio_only(offer).as_bytes());
        assert!(
            facts.is_ok_and(|facts| !facts.has_data_channel()),
            "{name}, audio only: {:?}",
            refused(&audio_only(offer))
        );
    }
}

#[test]
fn what_is_no_sdp_is_told_so() {
    assert_eq!(refused(""), Some(Rule::Empty));
    assert_eq!(refused(" \r\n"), Some(Rule::Empty));
    assert_eq!(refused(r#"{"type":"offer","sdp":"v=0\r\n"}"#), Some(Rule::NotSdp));
    assert_eq!(refused(r#""v=0\r\n""#), Some(Rule::NotSdp));
    assert_eq!(refused("v%3D0%0D%0A"), Some(Rule::NotSdp));
    assert_eq!(refused("sdp=v%3D0"), Some(Rule::NotSdp));
    assert_eq!(refused("hello\r\n"), Some(Rule::LineForm));
}

#[test]
fn line_ends_are_refused_not_repaired() {
    assert_eq!(refused(&CHROME.replace("\r\n", "\n")), Some(Rule::LineEnding));
    assert_eq!(refused(CHROME.trim_end()), Some(Rule::FinalNewline));
    assert_eq!(refused(CHROME.trim_end_matches('\n')), Some(Rule::LineEnding));
    assert_eq!(refused(&CHROME.replace("\r\n", "\r")), Some(Rule::LineEnding));
    assert_eq!(refused(&format!("{CHROME}\r\n")), Some(Rule::LineForm));
    assert_eq!(changed("s=-\r\n", "s=\r-\r\n"), Some(Rule::LineEnding));
}

#[test]
fn sizes_are_bounded() {
    let grown = |lines: usize, line: &str| format!("{CHROME}{}", line.repeat(lines));
    let filler = format!("a=x:{}\r\n", "y".repeat(1017));
    assert_eq!(refused(&grown(33, &filler)), Some(Rule::Size));
    assert_eq!(refused(&grown(1_000, "a=x\r\n")), Some(Rule::LineCount));
    assert_eq!(refused(&grown(900, "a=x\r\n")), None);
    let line = |bytes: usize| grown(1, &format!("a={}\r\n", "y".repeat(bytes - 2)));
    assert_eq!(refused(&line(MAX_LINE_BYTES)), None);
    assert_eq!(refused(&line(MAX_LINE_BYTES + 1)), Some(Rule::LineLength));
    assert_eq!(check_offer(&vec![b'a'; MAX_BYTES + 1]), Err(Rule::Size));
}

#[test]
fn bytes_must_be_clean_text() {
    assert_eq!(changed("s=-", "s=\0"), Some(Rule::ControlCharacter));
    assert_eq!(changed("s=-", "s=\u{7f}"), Some(Rule::ControlCharacter));
    assert_eq!(changed("s=-", "s=\u{85}"), Some(Rule::ControlCharacter));
    assert_eq!(changed("s=-", "s=Übung"), None);
    let mut bytes = CHROME.as_bytes().to_vec();
    bytes[60] = 0xff;
    assert_eq!(check_offer(&bytes), Err(Rule::Utf8));
}

#[test]
fn the_head_must_be_in_order() {
    assert_eq!(changed("v=0", "v=1"), Some(Rule::Version));
    assert_eq!(less(&["v="]), Some(Rule::Version));
    for line in ["o=", "s=", "t="] {
        assert_eq!(less(&[line]), Some(Rule::SessionLines), "{line}");
    }
    assert_eq!(changed("t=0 0", "t=0"), Some(Rule::SessionLines));
    assert_eq!(changed("IN IP4 127.0.0.1", "IN IP4"), Some(Rule::SessionLines));
    assert_eq!(changed("s=-\r\n", "s=-\r\ni=a call\r\nb=AS:64\r\n"), None);
}

#[test]
fn only_one_voice_and_one_data_channel() {
    let head = &CHROME[..CHROME.find("m=audio").expect("it has one")];
    assert_eq!(refused(head), Some(Rule::MediaAudio));
    assert_eq!(changed("UDP/TLS/RTP/SAVPF", "RTP/AVP"), Some(Rule::MediaAudio));
    assert_eq!(changed("m=audio 9", "m=audio 0"), Some(Rule::MediaAudio));
    assert_eq!(changed("m=audio 9", "m=audio 65536"), Some(Rule::MediaAudio));
    let twice = |from: &str| format!("{CHROME}{}", &CHROME[CHROME.find(from).expect("it has one")..]);
    assert_eq!(refused(&twice("m=audio")), Some(Rule::MediaAudio));
    assert_eq!(refused(&twice("m=application")), Some(Rule::MediaApplication));
    assert_eq!(changed("webrtc-datachannel", "wb"), Some(Rule::MediaApplication));
    assert_eq!(refused(&format!("{CHROME}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n")), Some(Rule::MediaKind));
}

#[test]
fn opus_must_be_offered_under_a_legal_number() {
    assert_eq!(changed("opus/48000/2", "L16/48000/2"), Some(Rule::Opus));
    assert_eq!(changed("opus/48000/2", "OPUS/48000/2"), None);
    assert_eq!(changed("SAVPF 111", "SAVPF 112"), Some(Rule::Opus));
    for bad in ["128", "311", "-1", "+1", "x", ""] {
        assert_eq!(changed("SAVPF 111", &format!("SAVPF {bad}")), Some(Rule::PayloadType), "{bad}");
    }
    assert_eq!(changed("rtpmap:63", "rtpmap:300"), Some(Rule::PayloadType));
    assert_eq!(changed("fmtp:63", "fmtp:300"), Some(Rule::PayloadType));
}

#[test]
fn the_caller_must_send() {
    assert_eq!(changed("a=sendrecv", "a=sendonly"), None);
    assert_eq!(less(&["a=sendrecv"]), None);
    assert_eq!(changed("a=sendrecv", "a=recvonly"), Some(Rule::Direction));
    assert_eq!(changed("a=sendrecv", "a=inactive"), Some(Rule::Direction));
    assert_eq!(refused(&FIREFOX.replace("a=sendrecv", "a=inactive")), Some(Rule::Direction), "at session level");
}

#[test]
fn several_sections_are_one_bundle() {
    assert_eq!(less(&["a=group"]), Some(Rule::Bundle));
    assert_eq!(changed("BUNDLE 0 1", "BUNDLE 0"), Some(Rule::Bundle));
    assert_eq!(changed("BUNDLE 0 1", "BUNDLE 0 1 2"), Some(Rule::Bundle));
    assert_eq!(changed("a=group:BUNDLE 0 1\r\n", "a=group:BUNDLE 0 1\r\na=group:BUNDLE 0 1\r\n"), Some(Rule::Bundle));
    assert_eq!(changed("a=group:BUNDLE 0 1\r\n", "a=group:BUNDLE 0 1\r\na=group:LS 0\r\n"), None);
    assert_eq!(less(&["a=mid:1"]), Some(Rule::Mid));
    assert_eq!(changed("a=mid:1", "a=mid:0"), Some(Rule::Mid));
    assert_eq!(changed("a=mid:1", "a=mid:"), Some(Rule::Mid));
    assert_eq!(less(&["a=rtcp-mux"]), Some(Rule::RtcpMux));
    let single = audio_only(CHROME);
    assert_eq!(refused(&without(&single, &["a=mid"])), None);
    assert_eq!(refused(&single.replace("t=0 0\r\n", "t=0 0\r\na=group:BUNDLE 7\r\n")), Some(Rule::Bundle));
}

#[test]
fn the_transport_is_ice_and_dtls() {
    assert_eq!(less(&["a=ice-ufrag"]), Some(Rule::IceUfrag));
    assert_eq!(changed("ufrag:4ZcD", "ufrag:4Zc"), Some(Rule::IceUfrag));
    assert_eq!(changed("ufrag:4ZcD", &format!("ufrag:{}", "a".repeat(257))), Some(Rule::IceUfrag));
    assert_eq!(changed("ufrag:4ZcD", "ufrag:4Z-D"), Some(Rule::IceUfrag));
    assert_eq!(less(&["a=ice-pwd"]), Some(Rule::IcePwd));
    assert_eq!(changed("2/1muCWoOi3uLifh0NuRHlXs", "2/1muCWoOi3uLifh0NuRH"), Some(Rule::IcePwd));
    assert_eq!(less(&["a=fingerprint"]), Some(Rule::Fingerprint));
    assert_eq!(changed("sha-256 ", "SHA-256 "), None);
    for bad in ["sha-1 ", "md5 ", "sha-512 ", "sha-256 00:", "sha-256 0"] {
        assert_eq!(changed("sha-256 ", bad), Some(Rule::Fingerprint), "{bad}");
    }
    assert_eq!(refused(&AIORTC.replace("sha-384", "sha-1")), Some(Rule::Fingerprint), "no weak one beside strong ones");
    assert_eq!(less(&["a=setup"]), Some(Rule::Setup));
    assert_eq!(changed("setup:actpass", "setup:active"), None);
    assert_eq!(changed("setup:actpass", "setup:passive"), Some(Rule::Setup));
    assert_eq!(changed("a=rtcp-mux", "a=rtcp-mux\r\na=crypto:1 AES_CM_128 inline:x"), Some(Rule::Crypto));
}

#[test]
fn candidates_are_syntax_only() {
    let candidate = |text: &str| refused(&format!("{CHROME}a=candidate:{text}\r\n"));
    assert_eq!(candidate("1 1 udp 2122260223 192.0.2.1 54400 typ host generation 0"), None);
    assert_eq!(candidate("1 1 udp 2122260223 no-such-name.local 54400 typ host"), None);
    for bad in [
        "",
        "1 1 udp 2122260223 192.0.2.1 54400",
        "1 0 udp 2122260223 192.0.2.1 54400 typ host",
        "1 1 udp x 192.0.2.1 54400 typ host",
        "1 1 udp 2122260223 192.0.2.1 70000 typ host",
        "? 1 udp 2122260223 192.0.2.1 54400 typ host",
    ] {
        assert_eq!(candidate(bad), Some(Rule::Candidate), "{bad}");
    }
}

#[test]
fn an_answer_must_fit_its_offer() {
    let offer = check_offer(SAFARI.as_bytes()).expect("a good offer");
    let single = check_offer(audio_only(SAFARI).as_bytes()).expect("a good offer");
    let judge = |text: &str| check_answer(&offer, text.as_bytes()).err();
    assert_eq!(judge(ANSWER), None);
    assert_eq!(check_answer(&single, audio_only(ANSWER).as_bytes()), Ok(()));
    assert_eq!(check_answer(&single, ANSWER.as_bytes()), Err(Rule::MediaKind));
    assert_eq!(judge(&audio_only(ANSWER)), Some(Rule::MediaKind));
    assert_eq!(judge(&ANSWER.replace("m=application 9", "m=application 0")), None, "a rejected data channel");
    assert_eq!(judge(&ANSWER.replace("m=audio 9", "m=audio 0")), Some(Rule::MediaAudio));
    assert_eq!(judge(&without(ANSWER, &["a=fingerprint"])), Some(Rule::Fingerprint));
    assert_eq!(judge(&ANSWER.replace("setup:active", "setup:actpass")), Some(Rule::Setup));
    assert_eq!(judge(&ANSWER.replace("a=sendrecv", "a=inactive")), Some(Rule::Direction));
    assert_eq!(judge(ANSWER.trim_end()), Some(Rule::FinalNewline));
    assert_eq!(judge("<html>gateway</html>"), Some(Rule::FinalNewline));
    assert_eq!(judge("{}"), Some(Rule::NotSdp));
}

#[test]
fn names_are_unique_and_advice_is_there() {
    let mut names: Vec<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Rule::ALL.len());
    assert!(Rule::ALL.iter().all(|rule| rule.to_string().ends_with('.')));
}

fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 0..24);
    (0..OFFERS.len(), edits).prop_map(|(which, edits)| {
        let mut bytes = OFFERS[which].1.as_bytes().to_vec();
        for (at, byte, what) in edits {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn mangled_bytes_never_panic(bytes in mangled()) {
        if let Ok(facts) = check_offer(&bytes) {
            let _ = check_answer(&facts, &bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert!(check_offer(&bytes).is_err());
    }

    #[test]
    fn unknown_attributes_change_no_verdict(which in 0..OFFERS.len(), at in any::<prop::sample::Index>(), name in "x-[a-z]{1,20}", value in "[ -~]{0,80}") {
        let lines: Vec<_> = OFFERS[which].1.split_inclusive('\n').collect();
        let (before, after) = lines.split_at(4 + at.index(lines.len() - 3));
        let text = format!("{}a={name}:{value}\r\n{}", before.concat(), after.concat());
        prop_assert_eq!(check_offer(text.as_bytes()), check_offer(OFFERS[which].1.as_bytes()));
    }
}
