//! Recorded speech: its pauses, and nothing else, make turns.

use std::fs;
use std::path::Path;
use std::process::Command;

use viva_simulator::speech::wav::Recording;
use viva_simulator::speech::{SAMPLE_RATE, voice::Voice};

use super::command::viva_call;
use super::house::House;

const UTTERANCES: [&str; 3] = [
    "I build payment systems in a small team.",
    "Last year I led the move to a new ledger.",
    "I would like to work on search.",
];

/// One utterance: by espeak-ng where it is installed, else by the simulator's voice.
fn spoken(text: &str, scratch: &Path) -> Vec<i16> {
    let file = scratch.join("utterance.wav");
    let made = Command::new("espeak-ng").args(["-v", "en", "-s", "160", "-w"]).arg(&file).arg(text).status();
    if made.is_ok_and(|status| status.success()) {
        Recording::open(&file).unwrap().frames().flatten().collect()
    } else {
        Voice::CALLER.speak(text, 1.0).flatten().collect()
    }
}

/// A WAV file of 16 bits, mono.
fn wav(samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let length = u32::try_from(data.len()).unwrap();
    let mut file = Vec::with_capacity(data.len() + 44);
    file.extend(b"RIFF");
    file.extend((length + 36).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1_u16, 1].into_iter().flat_map(u16::to_le_bytes));
    file.extend([SAMPLE_RATE, SAMPLE_RATE * 2].into_iter().flat_map(u32::to_le_bytes));
    file.extend([2_u16, 16].into_iter().flat_map(u16::to_le_bytes));
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(data);
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_speech_makes_as_many_turns_as_it_has_utterances() {
    let scratch = tempfile::tempdir().unwrap();
    let second = SAMPLE_RATE as usize;
    let mut samples = vec![0; second];
    for text in UTTERANCES {
        samples.extend(spoken(text, scratch.path()));
        // Longer than any pause inside of an utterance, and than the silence that ends one.
        samples.extend(vec![0; 2 * second]);
    }
    let path = scratch.path().join("answers.wav");
    fs::write(&path, wav(&samples)).unwrap();

    let house = House::open(&[]).await;
    let (code, lines) = viva_call(&house, &["--audio", path.to_str().unwrap()]).await;
    let summary = lines.last().unwrap();
    assert_eq!(code, Some(0), "{summary}");
    let turns = summary["turns"].as_array().unwrap();
    let heard: Vec<_> = turns.iter().filter(|turn| turn["speaker"] == "candidate").collect();
    assert_eq!(heard.len(), UTTERANCES.len(), "{turns:#?}");
    assert!(heard.iter().all(|turn| turn["duration_ms"].as_u64().is_some_and(|ms| ms > 700)), "{heard:#?}");
}
