//! The contract of the readable record: the fold over a journal as any store shows it.

use std::sync::Arc;

use viva_proxy::transcript::{Entry, Speaker, TurnEntry, TurnState};

use super::fixture::{Ground, Pen, Person, opened, turn, turn_entry};

pub(super) async fn the_readable_record_follows_the_conversation(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    // The reply settles before the words of the question it answers: arrival is not the conversation's order.
    let batch = pen.batch([
        (opened("hello", None, Speaker::Ai), None),
        (turn("hello", None, Speaker::Ai), Some("Hello. Who are you?")),
        (opened("answer", Some("hello"), Speaker::Candidate), None),
        (opened("reply", Some("answer"), Speaker::Ai), None),
        (turn("reply", Some("answer".into()), Speaker::Ai), Some("Thank you.")),
        (turn("answer", Some("hello".into()), Speaker::Candidate), Some("I am Robin.")),
        (opened("unheard", Some("reply"), Speaker::Candidate), None),
    ]);
    store.commit(person.service(), batch).await.unwrap();
    let transcript = store.transcript(person.ctx, session).await.unwrap().unwrap();
    let rows: Vec<_> = transcript
        .turns
        .iter()
        .map(|turn| (turn.position, turn.seq, turn.n, turn.item_id.as_str(), turn.text.as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            (1, 1, 2, "hello", "Hello. Who are you?"),
            (2, 3, 6, "answer", "I am Robin."),
            (3, 2, 5, "reply", "Thank you.")
        ]
    );
    assert_eq!((transcript.session.agent_turns, transcript.session.candidate_turns), (2, 1));
}

pub(super) async fn late_words_and_links_change_place_and_text_only(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    let timed_out = TurnEntry { state: TurnState::TimedOut, ..turn_entry("b", None, Speaker::Candidate) };
    let first = pen.batch([
        (Entry::Turn(timed_out), None),
        (turn("a", None, Speaker::Ai), Some("A?")),
        (turn("c", Some("b".into()), Speaker::Ai), Some("C.")),
    ]);
    store.commit(person.service(), first).await.unwrap();
    let shown = async || {
        let turns = store.transcript(person.ctx, session).await.unwrap().unwrap().turns;
        turns
            .iter()
            .map(|turn| (turn.item_id.clone(), turn.seq, turn.n, turn.text.clone(), turn.state))
            .collect::<Vec<_>>()
    };
    let row = |item: &str, seq, n, text: &str, state| (item.to_owned(), seq, n, text.to_owned(), state);
    let (c, a) = (row("c", 3, 3, "C.", TurnState::Final), row("a", 2, 2, "A?", TurnState::Final));
    assert_eq!(shown().await, [row("b", 1, 1, "", TurnState::TimedOut), c.clone(), a.clone()]);

    let revised = Entry::Revised(turn_entry("b", Some("a".into()), Speaker::Candidate));
    store.commit(person.service(), pen.batch([(revised, Some("B."))])).await.unwrap();
    let b = row("b", 1, 1, "B.", TurnState::Final);
    assert_eq!(shown().await, [a.clone(), b.clone(), c]);

    // A revision without words leaves them as they were.
    let cut = TurnEntry { state: TurnState::Interrupted, ..turn_entry("c", Some("b".into()), Speaker::Ai) };
    store.commit(person.service(), pen.batch([(Entry::Revised(cut), None)])).await.unwrap();
    assert_eq!(shown().await, [a, b, row("c", 3, 3, "C.", TurnState::Interrupted)]);
    let session = store.session(person.ctx, session).await.unwrap().unwrap();
    assert_eq!((session.agent_turns, session.candidate_turns), (2, 1));
}

pub(super) async fn what_is_readable_does_not_depend_on_when_it_is_read(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let (watched, unwatched) = (person.session().await, person.session().await);
    let entries = || {
        let mut entries = Vec::new();
        for n in 0..30_usize {
            let item = format!("i{}", n * 7 % 30);
            let after = (n * 7 % 30).checked_sub(1).map(|before| format!("i{before}"));
            let speaker = if n % 2 == 0 { Speaker::Ai } else { Speaker::Candidate };
            entries.push((opened(&item, None, speaker), None));
            entries.push((turn(&item, after, speaker), Some("Words.")));
        }
        entries
    };
    let mut pen = Pen::new(watched);
    for entry in entries() {
        store.commit(person.service(), pen.batch([entry])).await.unwrap();
        store.transcript(person.ctx, watched).await.unwrap();
    }
    store.commit(person.service(), Pen::new(unwatched).batch(entries())).await.unwrap();
    let turns = async |session| store.transcript(person.ctx, session).await.unwrap().unwrap().turns;
    assert_eq!(turns(watched).await, turns(unwatched).await);
    assert!(turns(watched).await.iter().zip(0..).all(|(turn, n)| turn.item_id == format!("i{n}")));
}
