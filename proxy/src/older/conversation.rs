//! What was said, in the forms that older systems kept it: one list, or a list of the interviewer's words and one of the
//! candidate's (`{"agent": […], "user": […]}`). Two lists are brought into one order by their times.

use serde_json::Value;

use super::Refusal;
use super::fields::stage;
use super::moment::Moment;
use crate::transcript::Speaker;
use crate::transcript::timeline::MAX_WORDS;

/// More than any interview has; a journal is read as a whole.
const MAX_TURNS: usize = 5_000;

/// One turn.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) speaker: Speaker,
    pub(super) text: String,
    pub(super) is_cut: bool,
    pub(super) at: Option<Moment>,
    pub(super) stage: Option<String>,
}

/// The turns with words, in order.
pub(super) fn read(conversation: &Value) -> Result<Vec<Said>, Refusal> {
    let parsed;
    let conversation = match conversation {
        // A column of a CSV, or JSON that was stored as text.
        Value::String(text) => {
            parsed = serde_json::from_str(text).map_err(|_| Refusal::Conversation)?;
            &parsed
        }
        other => other,
    };
    let said = match conversation {
        Value::Array(list) => turns(list, None)?,
        Value::Object(lists) => {
            if let Some(Value::Array(list)) = lists.get("ordered_conversation") {
                turns(list, None)?
            } else {
                let of = |names: &[&str], speaker| match names.iter().find_map(|name| lists.get(*name)) {
                    Some(Value::Array(list)) => turns(list, Some(speaker)).map(Some),
                    Some(_) => Err(Refusal::Conversation),
                    None => Ok(None),
                };
                let (asked, answered) = (of(&["agent", "assistant"], Speaker::Ai)?, of(&["user"], Speaker::Candidate)?);
                if asked.is_none() && answered.is_none() {
                    return Err(Refusal::Conversation);
                }
                merged(asked.unwrap_or_default(), answered.unwrap_or_default())
            }
        }
        _ => return Err(Refusal::Conversation),
    };
    match said.len() {
        0 => Err(Refusal::Empty),
        1..=MAX_TURNS => Ok(said),
        _ => Err(Refusal::Long),
    }
}

fn turns(list: &[Value], whose: Option<Speaker>) -> Result<Vec<Said>, Refusal> {
    let mut said = Vec::with_capacity(list.len());
    for item in list {
        let Value::Object(item) = item else { return Err(Refusal::Conversation) };
        let told = |names: &[&str]| names.iter().find_map(|name| item.get(*name)).filter(|value| !value.is_null());
        let text = match told(&["text", "content", "message"]) {
            Some(Value::String(text)) => text,
            None => continue,
            Some(_) => return Err(Refusal::Conversation),
        };
        let role = told(&["role", "speaker"]).and_then(Value::as_str);
        let speaker = role.and_then(speaker_of).or(whose).ok_or(Refusal::Conversation)?;
        let (text, is_cut) = words(text);
        if !text.is_empty() {
            let at = told(&["timestamp", "time", "created_at"]).and_then(Moment::read);
            said.push(Said { speaker, text, is_cut, at, stage: told(&["stage"]).and_then(stage) });
        }
    }
    Ok(said)
}

fn speaker_of(role: &str) -> Option<Speaker> {
    match role.trim().to_ascii_lowercase().as_str() {
        "agent" | "assistant" | "ai" | "interviewer" => Some(Speaker::Ai),
        "user" | "candidate" | "human" => Some(Speaker::Candidate),
        "system" => Some(Speaker::System),
        _ => None,
    }
}

/// As a turn of ours holds them: no character that Postgres cannot store, and no more than a turn may have.
fn words(text: &str) -> (String, bool) {
    let text = text.trim().replace('\0', "");
    match text.char_indices().find(|(at, c)| at + c.len_utf8() > MAX_WORDS) {
        Some((end, _)) => (text[..end].to_owned(), true),
        None => (text, false),
    }
}

/// By time, each list in its own order. A turn without a time follows the one before it in its list.
fn merged(asked: Vec<Said>, answered: Vec<Said>) -> Vec<Said> {
    let timed = |list: Vec<Said>| {
        let mut last = i64::MIN;
        list.into_iter().map(move |said| {
            last = said.at.map_or(last, |at| at.from(0).max(last));
            (last, said)
        })
    };
    let (mut asked, mut answered) = (timed(asked).peekable(), timed(answered).peekable());
    let mut both = Vec::new();
    loop {
        // Whoever asks speaks first when two times are the same.
        let first = match (asked.peek(), answered.peek()) {
            (Some((asked_at, _)), Some((answered_at, _))) if asked_at <= answered_at => asked.next(),
            (_, Some(_)) => answered.next(),
            (_, None) => asked.next(),
        };
        match first {
            Some((_, said)) => both.push(said),
            None => return both,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(conversation: &Value) -> Vec<String> {
        let said = read(conversation).unwrap_or_else(|refusal| panic!("{refusal}"));
        said.into_iter().map(|said| format!("{}: {}", said.speaker.as_str(), said.text)).collect()
    }

    #[test]
    fn two_lists_become_one_conversation_by_their_times() {
        let lists = json!({
            "agent": [
                { "role": "agent", "text": "Welcome.", "timestamp": 1_762_164_000.0, "stage": "welcome" },
                { "role": "agent", "text": "And then?", "timestamp": 1_762_164_020.0 },
                { "role": "agent", "text": "Right after." },
            ],
            "user": [{ "text": " Hello. ", "timestamp": 1_762_164_010.0 }, { "text": "Bye.", "timestamp": 1_762_164_030 }],
        });
        let told = ["ai: Welcome.", "candidate: Hello.", "ai: And then?", "ai: Right after.", "candidate: Bye."];
        assert_eq!(texts(&lists), told);
        assert_eq!(texts(&Value::String(lists.to_string())), told, "as text");
        assert_eq!(read(&lists).unwrap_or_default()[0].stage.as_deref(), Some("welcome"));
    }

    #[test]
    fn one_list_keeps_its_order_and_loses_what_has_no_words() {
        let list = json!([
            { "speaker": "Interviewer", "content": "One?", "timestamp": 20 },
            { "role": "user", "text": "   " },
            { "role": "candidate", "message": "Two\u{0}.", "timestamp": 10 },
            { "role": "user", "text": null },
        ]);
        assert_eq!(texts(&list), ["ai: One?", "candidate: Two."]);
        assert_eq!(texts(&json!({ "ordered_conversation": list })), ["ai: One?", "candidate: Two."]);
    }

    #[test]
    fn what_is_longer_than_a_turn_is_cut_between_two_characters() {
        let (text, is_cut) = words(&"ä".repeat(MAX_WORDS));
        assert!(is_cut && text.len() == MAX_WORDS && text.ends_with('ä'));
        let (text, is_cut) = words(&format!("x{}", "ä".repeat(MAX_WORDS)));
        assert!(is_cut && text.len() == MAX_WORDS - 1 && text.ends_with('ä'));
    }

    #[test]
    fn what_is_no_conversation_is_refused() {
        for (told, refusal) in [
            (json!(7), Refusal::Conversation),
            (json!("no JSON"), Refusal::Conversation),
            (json!({ "x": [] }), Refusal::Conversation),
            (json!({ "agent": "x" }), Refusal::Conversation),
            (json!(["x"]), Refusal::Conversation),
            (json!([{ "text": "whose?" }]), Refusal::Conversation),
            (json!([{ "role": "somebody", "text": "whose?" }]), Refusal::Conversation),
            (json!([{ "role": "user", "text": 7 }]), Refusal::Conversation),
            (json!([]), Refusal::Empty),
            (json!({ "agent": [], "user": [{ "text": "" }] }), Refusal::Empty),
            (json!(vec![json!({ "role": "user", "text": "x" }); MAX_TURNS + 1]), Refusal::Long),
        ] {
            assert_eq!(read(&told).err(), Some(refusal));
        }
    }
}
