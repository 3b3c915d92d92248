//! What people say and who they are is in the core, and `{:?}` of the core, of what goes in and of what comes out must not
//! show it: one log line would be enough.

use serde_json::Value;

use super::world::{Happening, Setting, World};
use crate::call::core::{CallCore, Sideband};
use crate::call::recording::{Recording, replay};

/// Every text of what was said in a recorded input.
fn words(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if ["Append", "Replace", "text"].contains(&name.as_str()) => {
                        found.push(text.clone());
                    }
                    _ => words(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| words(value, found)),
        _ => {}
    }
}

#[test]
fn nothing_that_is_printed_holds_what_was_said() {
    let mut world = World::new(Setting { recorded: true, ..Setting::default() });
    world.at(9_000, Happening::Socket(Sideband::Retrying));
    world.at(17_000, Happening::Socket(Sideband::Attached));
    world.run_to_end();
    let recording = Recording::parse(&world.recordings[0]).expect("a recording");
    let mut said = Vec::new();
    for step in &recording.steps {
        words(&serde_json::to_value(&step.input).expect("serialises"), &mut said);
    }
    said.retain(|text| text.trim().len() >= 8);
    said.sort();
    said.dedup();
    assert!(said.len() >= 10, "a call in which something is said: {said:?}");
    let check = |what: &str, printed: &str| {
        let leak = said.iter().find(|text| printed.contains(text.trim()));
        assert_eq!(leak, None, "{what}");
    };
    replay(&recording, None, |replayed| {
        check("an input", &format!("{:?}", replayed.step.input));
        check("effects", &format!("{:?}", replayed.effects));
    })
    .expect("it can be begun");
    for part in 1..=8 {
        let until = recording.steps.len() * part / 8;
        let outcome = replay(&recording, Some(until), |_| {}).expect("it can be begun");
        check("the core", &format!("{:?} {:#?}", outcome.core, outcome.core));
    }
}

#[test]
fn nothing_that_is_printed_holds_who_somebody_is() {
    let mut world = World::new(Setting { recorded: true, ..Setting::default() });
    world.run_to_end();
    let recording = Recording::parse(&world.recordings[0]).expect("a recording");
    let mut setup = recording.header.setup.clone();
    setup.brief.candidate_name = Some("Perpetua Quillfeather".to_owned());
    setup.brief.job_role = Some("Lighthouse keeper".to_owned());
    setup.brief.resume = Some("planted résumé".to_owned());
    setup.brief.job_description = Some("planted description".to_owned());
    let core = CallCore::new(setup.clone(), recording.header.at);
    let (instructions, _) = core.opening();
    assert!(instructions.contains("Perpetua"), "it is in there");
    let printed = format!("{core:?} {core:#?} {setup:?} {:?}", setup.brief);
    for text in ["Perpetua", "Lighthouse", "planted"] {
        assert!(!printed.contains(text), "{text}");
    }
}
