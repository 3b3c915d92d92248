//! What the fields of a request must look like. Some of them end up in the model's instructions, so they are short,
//! printable and on one line.

use std::borrow::Cow;

use super::super::{Code, Problem};
use crate::identity::Consent;

/// Longest name or role, characters.
const MAX_LABEL: usize = 120;

/// A name or role: trimmed; blank counts as absent.
pub(in crate::api) fn label(field: &'static str, value: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > MAX_LABEL || text.chars().any(char::is_control) {
        return Err(invalid(field, format!("`{field}` must be one line of at most {MAX_LABEL} characters.")));
    }
    Ok(Some(text))
}

/// A document or wishes: blank counts as absent; at most so many characters.
pub(in crate::api) fn text(field: &'static str, value: Option<String>, most: usize) -> Result<Option<String>, Problem> {
    let Some(text) = value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > most || text.contains('\0') {
        return Err(invalid(field, format!("`{field}` must be text of at most {most} characters.")));
    }
    Ok(Some(text))
}

/// An address that a message could be sent to, as far as its form tells (RFC 5321 §4.5.3.1: at most 254 characters).
pub(in crate::api) fn email(field: &'static str, value: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) else { return Ok(None) };
    let has_form = text.len() <= 254
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.contains('@') && domain.trim_matches('.').contains('.')
        });
    if has_form { Ok(Some(text)) } else { Err(invalid(field, format!("`{field}` must be an e-mail address."))) }
}

/// A language tag in the form of BCP 47; whether the model knows the language is not ours to say.
pub(super) fn language(value: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = value else { return Ok(None) };
    let mut subtags = text.split('-');
    let primary =
        subtags.next().is_some_and(|tag| (2..=3).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphabetic()));
    let rest = subtags.all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric()));
    if primary && rest && text.len() <= 35 {
        return Ok(Some(text));
    }
    Err(invalid("language", "`language` must be a language tag such as en or pt-BR."))
}

/// A voice's name. Not checked against a list: providers add voices.
pub(super) fn voice(value: Option<String>) -> Result<Option<String>, Problem> {
    let legal = |text: &String| {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    match value {
        Some(text) if !legal(&text) => Err(invalid("voice", "`voice` must be a voice's name such as marin.")),
        value => Ok(value),
    }
}

/// No consent, no ticket.
pub(in crate::api) fn consent(value: Option<Consent>) -> Result<Consent, Problem> {
    let consent = value.ok_or_else(|| {
        let how = "Send `consent` with the version and locale of the notice that the candidate agreed to.";
        Problem::new(Code::ConsentRequired, how).of_field("consent")
    })?;
    if consent.is_well_formed() {
        return Ok(consent);
    }
    Err(invalid("consent", "`consent` needs a short version and locale; text_hash, if sent, is 64 hex digits."))
}

/// A field that has a value which it cannot have.
pub(in crate::api) fn invalid(field: &'static str, detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(Code::ValidationFailed, detail).of_field(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn labels_are_trimmed_and_on_one_line() {
        assert_eq!(label("job_role", some("  Engineer ")), Ok(some("Engineer")));
        assert_eq!(label("job_role", some("  ")), Ok(None));
        assert!(label("job_role", some("a\nb")).is_err());
        assert!(label("job_role", some(&"ä".repeat(120))).is_ok());
        assert!(label("job_role", some(&"ä".repeat(121))).is_err());
    }

    #[test]
    fn texts_are_bounded_and_addresses_have_a_form() {
        assert_eq!(text("resume_text", some(" a\nb "), 3), Ok(some("a\nb")));
        assert!(text("resume_text", some("abcd"), 3).is_err() && text("resume_text", some("a\0"), 3).is_err());
        assert_eq!(email("candidate_email", some(" robin@example.org ")), Ok(some("robin@example.org")));
        for wrong in ["robin", "@example.org", "robin@", "robin@example", "a b@example.org", "a@b@c.org"] {
            assert!(email("candidate_email", some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tags_and_voices_have_a_form() {
        assert!(["en", "pt-BR", "zh-Hant-TW"].into_iter().all(|tag| language(some(tag)).is_ok()));
        assert!(["", "e", "english", "en_GB", "en-", "en\n"].into_iter().all(|tag| language(some(tag)).is_err()));
        assert!(voice(some("marin")).is_ok() && voice(some("")).is_err() && voice(some("a b")).is_err());
    }

    #[test]
    fn consent_is_needed_and_has_a_form() {
        assert_eq!(consent(None).expect_err("none").code(), Code::ConsentRequired);
        let given = |version: &str| Consent { version: version.to_owned(), locale: "en".to_owned(), text_hash: None };
        assert!(consent(Some(given("2026-11"))).is_ok());
        assert_eq!(consent(Some(given(""))).expect_err("empty").code(), Code::ValidationFailed);
    }
}
