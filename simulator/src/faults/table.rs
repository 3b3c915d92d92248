//! How faults are named, read and listed. What they are is said in `failures` and `quirks`.

use std::time::Duration;

use super::{Faults, failures, quirks};

/// A fault's name with what it does, for `--list-faults`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultInfo {
    /// The name, with the form of its value if it has one: `words_late=MS`.
    pub form: &'static str,
    /// One sentence.
    pub explanation: &'static str,
    /// Whether it is known to happen.
    pub known: Known,
}

/// How well it is known that the provider does this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It happens.
    Failure,
    /// It may be how the provider behaves.
    Quirk,
}

/// A fault that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is no fault of that name.
    #[error("unknown fault `{0}`; --list-faults shows the names")]
    Unknown(String),
    /// The fault needs another value, or none.
    #[error("fault `{name}`: expected {expected}, found `{found}`")]
    Value {
        /// The fault.
        name: String,
        /// What its value must be.
        expected: &'static str,
        /// What it was.
        found: String,
    },
}

/// How a fault takes its value.
pub(super) enum Kind {
    Flag(fn(&mut Faults)),
    Millis(fn(&mut Faults, Duration)),
    Seconds(fn(&mut Faults, Duration)),
    Bytes(fn(&mut Faults, usize)),
    Count(fn(&mut Faults, u32)),
    Percent(fn(&mut Faults, u8)),
    Status(fn(&mut Faults, u16)),
    CloseCode(fn(&mut Faults, u16)),
}

pub(super) struct Entry {
    pub(super) info: FaultInfo,
    kind: Kind,
}

/// A failure: `form` is its name, with the form of its value.
pub(super) const fn failure(form: &'static str, explanation: &'static str, kind: Kind) -> Entry {
    Entry { info: FaultInfo { form, explanation, known: Known::Failure }, kind }
}

/// A quirk, likewise.
pub(super) const fn quirk(form: &'static str, explanation: &'static str, kind: Kind) -> Entry {
    Entry { info: FaultInfo { form, explanation, known: Known::Quirk }, kind }
}

pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    failures::ENTRIES.iter().chain(quirks::ENTRIES)
}

/// Put the faults that a text names on top of others.
pub(super) fn apply(faults: &mut Faults, text: &str) -> Result<(), FaultError> {
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (part, None),
        };
        let entry = entries().find(|entry| entry.name() == name).ok_or_else(|| FaultError::Unknown(name.to_owned()))?;
        entry.apply(faults, value)?;
    }
    Ok(())
}

impl Entry {
    fn name(&self) -> &'static str {
        self.info.form.split_once('=').map_or(self.info.form, |(name, _)| name)
    }

    fn apply(&self, faults: &mut Faults, value: Option<&str>) -> Result<(), FaultError> {
        let wrong = |expected| FaultError::Value {
            name: self.name().to_owned(),
            expected,
            found: value.unwrap_or_default().to_owned(),
        };
        let number = |expected| value.and_then(|v| v.parse::<u32>().ok()).ok_or_else(|| wrong(expected));
        let among = |least: u16, most: u16, expected| match u16::try_from(number(expected)?) {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(wrong(expected)),
        };
        match self.kind {
            Kind::Flag(set) if value.is_none() => set(faults),
            Kind::Flag(_) => return Err(wrong("no value")),
            Kind::Millis(set) => set(faults, Duration::from_millis(number("milliseconds")?.into())),
            Kind::Seconds(set) => set(faults, Duration::from_secs(number("seconds")?.into())),
            Kind::Bytes(set) => set(faults, number("bytes")? as usize),
            Kind::Count(set) => set(faults, number("a number")?),
            Kind::Percent(set) => {
                let expected = "percent, 0 to 100";
                let percent = u8::try_from(among(0, 100, expected)?).map_err(|_| wrong(expected))?;
                set(faults, percent);
            }
            Kind::Status(set) => set(faults, among(400, 599, "an HTTP status from 400 to 599")?),
            Kind::CloseCode(set) => {
                // What a server may put into a close frame, RFC 6455 section 7.4.
                let expected = "a close code: 1000 to 1003, 1007 to 1014, or 3000 to 4999";
                match among(1_000, 4_999, expected)? {
                    1_004..=1_006 | 1_015..=2_999 => return Err(wrong(expected)),
                    code => set(faults, code),
                }
            }
        }
        Ok(())
    }
}
