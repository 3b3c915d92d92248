//! A model that misbehaves, one fault a test, through real sockets: what the candidate sees, what is stored, how it ends.
//! The name of each test is the promise that is kept. Faults of a create stand in `upstream_faults`, those that end a call
//! in `continuation` and `endings`, sidebands that come late or never in `relay`.

mod endings;
mod media;
mod order;
mod quirks;
mod replies;
mod sideband;
mod words;

use std::time::Duration;

use serde_json::Value;
use viva_proxy::store::TurnRow;
use viva_proxy::transcript::{Entry, HangUp, Record, Speaker};
use viva_simulator::Faults;

use super::browser::{Browser, brief};
use super::house::{Booked, Books, House};
use super::socket::Log;

/// An interview that is over, as its client saw it and as it is stored.
struct Held {
    booked: Booked,
    browser: Browser,
    books: Books,
    calls: usize,
    hang_ups: usize,
}

/// An interview whose client is still there.
struct Talk {
    house: House,
    booked: Booked,
    browser: Browser,
}

impl Talk {
    async fn begin(faults: &str) -> Self {
        Self::with(faults, &[], "default").await
    }

    async fn with(faults: &str, settings: &[(&str, &str)], plan: &str) -> Self {
        let house = House::with(Faults::parse(faults).unwrap(), settings).await;
        let booked = house.book(plan).await;
        let browser = Browser::call(&house, &booked, brief()).await;
        Self { house, booked, browser }
    }

    fn log(&self) -> &Log {
        self.browser.log()
    }

    /// Takes part until so many turns of both sides have words.
    async fn turns(&mut self, turns: usize) {
        self.browser.until_within(Duration::from_secs(60), "turns", |log| log.turns().len() >= turns).await;
    }

    /// Takes part until the interview has moved on to its third stage.
    async fn third_stage(&mut self) {
        let is_so = |log: &Log| log.stages().iter().any(|(stage, _)| *stage == "past_experience");
        self.browser.until_within(Duration::from_secs(60), "the third stage", is_so).await;
    }

    /// The candidate ends it; everything is checked that holds for every interview.
    async fn end(mut self) -> Held {
        self.browser.end().await;
        self.over().await
    }

    /// It ends by itself.
    async fn over(mut self) -> Held {
        assert_eq!(self.browser.until_closed(Duration::from_secs(90)).await, 1000, "{:?}", self.log().kinds());
        let Self { house, booked, browser } = self;
        let (calls, hang_ups) = (house.probe().calls().len(), house.probe().hangups().len());
        let held = Held { booked: booked.clone(), browser, books: house.closed(), calls, hang_ups };
        held.is_sound().await;
        held
    }
}

impl Held {
    /// What was shown as recorded is stored as it was shown, or as it was shown later; each turn once; sealed.
    async fn is_sound(&self) {
        self.books.sealed(&self.booked).await;
        let journal = self.journal().await;
        for (n, words) in self.browser.log().turns() {
            let record = &journal[usize::try_from(n - 1).unwrap()];
            assert_eq!(record.text.as_deref(), Some(words), "what is shown as recorded is stored");
        }
        let turns = self.turns().await;
        let mut names: Vec<_> = turns.iter().map(|turn| (turn.call, &turn.item_id, turn.content_index)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), turns.len(), "each turn once");
        let stages: Vec<_> = journal
            .iter()
            .filter_map(|record| match record.entry() {
                Ok(Entry::Stage(stage)) => Some(stage.to),
                _ => None,
            })
            .collect();
        assert_eq!(stages.first().map(String::as_str), Some("welcome"));
    }

    async fn journal(&self) -> Vec<Record> {
        self.books.journal(&self.booked).await
    }

    async fn entries(&self) -> Vec<Entry> {
        self.journal().await.iter().map(|record| record.entry().unwrap()).collect()
    }

    /// Turns in conversation order.
    async fn turns(&self) -> Vec<TurnRow> {
        self.books.transcript(&self.booked).await.turns
    }

    async fn of(&self, speaker: Speaker) -> Vec<TurnRow> {
        self.turns().await.into_iter().filter(|turn| turn.speaker == speaker).collect()
    }

    fn ended_by(&self) -> &str {
        self.browser.log().last("session_ended").unwrap()["ended_by"].as_str().unwrap()
    }

    /// Turns stand as the model said that they follow one another, and the greeting stands first.
    async fn is_in_order(&self) {
        let turns = self.turns().await;
        assert_eq!(turns.first().map(|turn| turn.speaker), Some(Speaker::Ai), "the greeting");
        let place = |item: &str| turns.iter().position(|turn| turn.item_id == item);
        let mut links = 0;
        for event in &self.browser.channel {
            if let (
                Some("conversation.item.added" | "conversation.item.created" | "input_audio_buffer.committed"),
                Some(before),
            ) = (event["type"].as_str(), event["previous_item_id"].as_str())
                && let Some(item) = event["item"]["id"].as_str().or(event["item_id"].as_str())
                && let (Some(before), Some(after)) = (place(before), place(item))
            {
                links += 1;
                assert_eq!(after, before + 1, "{item} stands right behind what it follows");
            }
        }
        assert!(links >= 2, "there was something to compare");
    }

    /// Every turn that the model told the page of is stored with its words. What came after the candidate's end may be
    /// missing.
    async fn has_what_was_said(&self) {
        let turns = self.turns().await;
        let words = |event: &Value| {
            let kind = event["type"].as_str()?;
            let is_whole =
                kind.ends_with("input_audio_transcription.completed") || kind.ends_with("audio_transcript.done");
            is_whole.then(|| {
                (event["item_id"].as_str().unwrap().to_owned(), event["transcript"].as_str().unwrap().to_owned())
            })
        };
        let mut heard: Vec<(String, String)> = Vec::new();
        for (item, words) in self.browser.channel.iter().filter_map(words).filter(|(_, words)| !words.is_empty()) {
            match heard.iter_mut().find(|(known, _)| *known == item) {
                // Said again, better: the last word counts.
                Some((_, known)) => *known = words,
                None => heard.push((item, words)),
            }
        }
        assert!(heard.len() >= 3, "{heard:?}");
        let stored = |item: &str| turns.iter().find(|turn| turn.item_id == item);
        for (item, words) in &heard[..heard.len() - 2] {
            assert_eq!(stored(item).map(|turn| turn.text.as_str()), Some(words.as_str()), "{item}");
        }
    }

    async fn is_hung_up(&self) {
        assert_eq!(self.calls, self.hang_ups, "every call was hung up");
        let calls = self.books.calls(&self.booked).await;
        assert!(calls.iter().all(|call| call.hang_up == Some(HangUp::Confirmed)), "{calls:?}");
    }
}
