//! The record as subtitles, for whoever plays a recording of their own beside it: SubRip and WebVTT (W3C). Turns without
//! words or without a time are left out: a cue has both.

use std::fmt::Write as _;

use super::{Interview, TurnLine};

/// Shown for so long when nobody measured how long it was said, and at least for so long.
const UNMEASURED_MS: u64 = 2_000;
const LEAST_MS: u64 = 500;

struct Cue<'a> {
    from: u64,
    to: u64,
    /// None where one voice is all there is.
    speaker: Option<&'a str>,
    text: &'a str,
}

fn cues<'a>(interview: &'a Interview) -> Vec<Cue<'a>> {
    let cue = |turn: &'a TurnLine| {
        let TurnLine { since_start_ms, duration_ms, text, .. } = turn;
        let from = since_start_ms.filter(|_| !text.trim().is_empty())?;
        let to = from.saturating_add(duration_ms.unwrap_or(UNMEASURED_MS).max(LEAST_MS));
        Some(Cue { from, to, speaker: interview.voice(turn), text })
    };
    interview.turns.iter().filter_map(cue).collect()
}

/// SubRip: numbered cues, a comma before the milliseconds.
#[must_use]
pub fn to_srt(interview: &Interview) -> String {
    let mut out = String::new();
    for (number, cue) in cues(interview).iter().enumerate() {
        // The arrow alone would be read as a time.
        let speaker = cue.speaker.map(|speaker| format!("{speaker}: ")).unwrap_or_default();
        let text = lines(&format!("{speaker}{}", cue.text)).replace("-->", "→");
        let _ = write!(out, "{}\n{} --> {}\n{text}\n\n", number + 1, at(cue.from, ','), at(cue.to, ','));
    }
    out
}

/// WebVTT: who speaks is a voice span.
#[must_use]
pub fn to_vtt(interview: &Interview) -> String {
    let mut out = String::from("WEBVTT\n\n");
    for cue in cues(interview) {
        let voice = |speaker| format!("<v {}>", escaped(&lines(speaker).replace('\n', " ")));
        let (voice, text) = (cue.speaker.map(voice).unwrap_or_default(), escaped(&lines(cue.text)));
        let _ = write!(out, "{} --> {}\n{voice}{text}\n\n", at(cue.from, '.'), at(cue.to, '.'));
    }
    out
}

/// A blank line would end the cue.
fn lines(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn at(ms: u64, point: char) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}{point}{:03}", ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_can_neither_end_a_cue_nor_look_like_one() {
        assert_eq!(lines("a\n\n  b  \r\n\nc"), "a\nb\nc");
        assert_eq!(escaped("1 --> 2 <b>&"), "1 --&gt; 2 &lt;b&gt;&amp;");
        assert_eq!((at(3_661_042, ','), at(0, '.')), ("01:01:01,042".to_owned(), "00:00:00.000".to_owned()));
    }
}
