//! The model greets once an interview, whoever asks it to.

use serde_json::json;

use super::candidate::Candidate;
use super::provider::Quirks;
use super::world::{Happening, Setting, World};
use crate::call::core::{Directive, Pipe};
use crate::transcript::Speaker;

/// Way and time of every request for a reply up to `ms`; and how many replies there were by then.
fn asked(setting: Setting, ms: u64, also: &[(u64, Happening)]) -> (Vec<(u64, Pipe)>, usize) {
    let mut world = World::new(Setting { candidate: Candidate::silent(), ..setting });
    for (at, what) in also {
        world.at(*at, what.clone());
    }
    world.run(ms);
    let speak = |directive: &Directive| matches!(directive, Directive::Speak { .. });
    let asked = world
        .watchman
        .directed
        .iter()
        .filter(|(.., directive)| speak(directive))
        .map(|(at, pipe, ..)| (*at, *pipe))
        .collect();
    (asked, world.provider.said.iter().filter(|said| said.speaker == Speaker::Ai).count())
}

#[test]
fn the_sideband_asks_for_it_as_soon_as_media_is_up() {
    assert_eq!(asked(Setting::default(), 20_000, &[]), (vec![(300, Pipe::Sideband)], 1));
}

#[test]
fn the_client_asks_for_it_after_700_ms_without_a_sideband() {
    for attach_ms in [Some(1_100), Some(2_000), Some(3_900), None] {
        assert_eq!(
            asked(Setting { attach_ms, ..Setting::default() }, 20_000, &[]),
            (vec![(1_000, Pipe::Client)], 1),
            "{attach_ms:?}"
        );
    }
}

#[test]
fn a_greeting_by_the_client_is_on_the_record_whenever_the_sideband_comes() {
    for attach_ms in [1_001, 1_150, 1_190, 1_300, 2_000, 3_900] {
        let mut world = World::new(Setting { attach_ms: Some(attach_ms), ..Setting::default() });
        world.run_to_end();
        super::course::is_as_planned(&world);
        assert_eq!(world.checked()[0].entry.stage, "welcome", "{attach_ms}");
    }
}

#[test]
fn a_sideband_that_comes_in_time_asks_at_once() {
    assert_eq!(
        asked(Setting { attach_ms: Some(600), ..Setting::default() }, 20_000, &[]),
        (vec![(600, Pipe::Sideband)], 1)
    );
}

#[test]
fn whoever_speaks_first_is_answered_instead() {
    let (asked, replies) = asked(Setting::default(), 20_000, &[(290, Happening::Speech(2_000))]);
    assert_eq!((asked.as_slice(), replies), ([(2_295, Pipe::Sideband)].as_slice(), 1));
}

#[test]
fn a_client_that_greets_by_itself_is_not_greeted() {
    assert_eq!(asked(Setting { greets: false, ..Setting::default() }, 20_000, &[]), (vec![], 0));
}

#[test]
fn a_greeting_that_does_not_begin_is_asked_for_by_the_other_way() {
    let quirks = Quirks { swallowed: 1, ..Quirks::default() };
    assert_eq!(
        asked(Setting { quirks, ..Setting::default() }, 20_000, &[]),
        (vec![(300, Pipe::Sideband), (2_300, Pipe::Client)], 1)
    );
}

#[test]
fn a_reply_that_is_active_already_counts_as_the_greeting() {
    let by_the_client = json!({"type": "response.create", "response": {"metadata": {"viva": "autopilot"}}});
    let (asked, replies) = asked(Setting::default(), 20_000, &[(301, Happening::Order(by_the_client))]);
    assert_eq!((asked.len(), replies), (1, 1));
}
