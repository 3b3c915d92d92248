//! The served document: complete, the same as was last agreed on, and made of nothing but what is registered with a
//! description.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::Viva;

/// A type in a few words.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if let Some(all) = schema[several].as_array() {
            return all.iter().map(type_of).collect::<Vec<_>>().join(if several == "allOf" { " & " } else { " | " });
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    let name = |kind: &Value| match kind.as_str().unwrap_or_default() {
        "array" => format!("[{}]", type_of(&schema["items"])),
        kind => schema["format"].as_str().filter(|_| kind != "null").unwrap_or(kind).to_owned(),
    };
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(name).collect::<Vec<_>>().join(" | "),
        kind => name(kind),
    }
}

/// The document as lines that a reviewer can read: an operation, then its answers; a schema, then its fields.
fn summary(document: &Value) -> String {
    let mut text = String::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let ways = operation.get("security").unwrap_or(&document["security"]);
            let id = operation["operationId"].as_str().expect("every operation has a name");
            let _ = writeln!(text, "{} {path} {id} {ways}", method.to_uppercase());
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let (name, place) = (&parameter["name"], &parameter["in"]);
                let _ = writeln!(text, "  {place} {name}: {}", type_of(&parameter["schema"]));
            }
            for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                let _ = writeln!(text, "  body {kind}: {}", type_of(&content["schema"]));
            }
            for (status, answer) in operation["responses"].as_object().expect("answers") {
                let contents = answer["content"].as_object().into_iter().flatten();
                let kinds: Vec<_> =
                    contents.map(|(kind, content)| format!("{kind} {}", type_of(&content["schema"]))).collect();
                let said = answer["description"].as_str().unwrap_or_default();
                let _ = writeln!(text, "  {status} {said} [{}]", kinds.join(", "));
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        let _ = writeln!(text, "{name}");
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
        for (field, of) in schema["properties"].as_object().into_iter().flatten() {
            let mark = if required.iter().any(|name| *name == field) { "" } else { "?" };
            let _ = writeln!(text, "  {field}{mark}: {}", type_of(of));
        }
        if schema["properties"].is_null() {
            let _ = writeln!(text, "  = {}", type_of(schema));
        }
    }
    text
}

/// Every name that something refers to.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_is_whole_and_as_it_was() {
    let viva = Viva::start();
    let response = viva.get("/api/openapi.json").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = Vec::new();
    references(&document, &mut names);
    for name in names {
        assert!(document.pointer(name.trim_start_matches('#')).is_some(), "{name} leads nowhere");
    }
    let mut ids: Vec<_> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "two operations have one name");
    insta::assert_snapshot!(summary(&document));
}

/// A router cannot be asked for its routes. So none of the interface may be registered but by its description.
#[test]
fn nothing_is_registered_without_a_description() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![source.join("api"), source.join("signaling"), source.join("ops")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for forbidden in [".route(", ".route_service(", ".nest(", ".nest_service("] {
                assert!(!text.contains(forbidden), "{} registers something without a description", path.display());
            }
            read += 1;
        }
    }
    assert!(read > 30, "only {read} files were read");
}
