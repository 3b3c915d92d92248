//! What was heard, as one JSON object a line, fit to be kept: no sound, no instructions, no id that means anything to
//! the provider. And what it used.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde_json::{Value, json};

use crate::call::{Call, From};
use crate::checks::Findings;
use crate::provider::Provider;
use crate::spent::Spent;

/// Longer texts than this are no words of a short test.
const LONGEST: usize = 400;

/// A directory of recorded events.
#[derive(Debug)]
pub(crate) struct Fixtures {
    to: PathBuf,
    names: HashMap<String, String>,
    tokens: [u64; 2],
    transcribed_seconds: f64,
}

impl Fixtures {
    pub(crate) fn create(to: &Path) -> Result<Self> {
        fs::create_dir_all(to)?;
        Ok(Self { to: to.to_owned(), names: HashMap::new(), tokens: [0; 2], transcribed_seconds: 0.0 })
    }

    /// Writes one call down.
    pub(crate) fn write(&mut self, call: &Call) -> Result<()> {
        let mut file = fs::File::create(self.to.join(format!("{}.jsonl", call.name)))?;
        for heard in &call.heard {
            if heard.from == From::Sideband {
                self.count(&heard.event);
            }
            let mut event = heard.event.clone();
            self.clean(&mut event);
            let from = match heard.from {
                From::Channel => "channel",
                From::Sideband => "sideband",
                From::Second => "second_sideband",
            };
            let millis = u64::try_from(heard.after.as_millis())?;
            writeln!(file, "{}", json!({ "ms": millis, "from": from, "event": event }))?;
        }
        Ok(())
    }

    /// Writes down what was found, of whom, when, and what it cost.
    pub(crate) fn write_findings(&self, provider: &Provider, findings: &Findings, spent: &Spent) -> Result<()> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let found = json!({ "provider": provider.base(), "model": provider.model(), "at_unix_s": at,
            "spent_usd": spent.dollars(), "findings": findings.to_value() });
        Ok(fs::write(self.to.join("findings.json"), format!("{found:#}\n"))?)
    }

    /// In words.
    pub(crate) fn used(&self) -> String {
        let [input, output] = self.tokens;
        format!("{input} tokens in, {output} out, {:.0} s transcribed by duration", self.transcribed_seconds)
    }

    fn count(&mut self, event: &Value) {
        let usage = if event["type"] == "response.done" { &event["response"]["usage"] } else { &event["usage"] };
        self.tokens[0] += usage["input_tokens"].as_u64().unwrap_or(0);
        self.tokens[1] += usage["output_tokens"].as_u64().unwrap_or(0);
        self.transcribed_seconds += usage["seconds"].as_f64().unwrap_or(0.0);
    }

    fn clean(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields.iter_mut() {
                    match name.as_str() {
                        "audio" | "instructions" | "obfuscation" if field.is_string() => *field = "[removed]".into(),
                        _ => self.clean(field),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean(item)),
            Value::String(text) => *text = self.clean_text(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn clean_text(&mut self, text: &str) -> String {
        const IDS: [&str; 8] = ["event_", "item_", "resp_", "sess_", "conv_", "call_", "rtc_", "msg_"];
        if let Some(kind) = IDS.iter().find(|kind| text.starts_with(**kind)) {
            let next = self.names.len() + 1;
            return self.names.entry(text.to_owned()).or_insert_with(|| format!("{kind}{next}")).clone();
        }
        if text.len() > LONGEST { "[long]".into() } else { text.to_owned() }
    }
}
