//! What a request for a session says where nobody is asked anything: which languages, and nothing that belongs to an
//! interview. A tag that the model does not know is refused with those it does, since it would be ignored upstream.

use super::super::{Code, Problem};
use super::fields::invalid;
use super::wanted::Wanted;
use crate::interview::listening::{HEARD, SPOKEN, primary};
use crate::interview::{Listening, SessionKind};
use crate::upstream::Upstream;

/// Languages of one transcription: more than this is not a list but a guess.
const MAX_LANGUAGES: usize = 8;

/// What is to be listened for; `None`: it is an interview.
///
/// # Errors
/// `VALIDATION_FAILED` with the field's name.
pub(super) fn listening(wanted: &Wanted, upstream: &Upstream) -> Result<Option<Listening>, Problem> {
    let kind = wanted.kind;
    if !upstream.takes(kind) {
        let detail = format!("`kind`: this server's model takes no sessions of the kind {}.", kind.as_str());
        return Err(invalid("kind", detail));
    }
    let listening = match kind {
        SessionKind::Interview => {
            refuse(kind, "languages", wanted.languages.is_some())?;
            refuse(kind, "target_language", wanted.target_language.is_some())?;
            return Ok(None);
        }
        SessionKind::Transcription => {
            refuse(kind, "target_language", wanted.target_language.is_some())?;
            Listening::Transcription { languages: languages(wanted)? }
        }
        SessionKind::Translation => {
            refuse(kind, "language", wanted.language.is_some())?;
            refuse(kind, "languages", wanted.languages.is_some())?;
            Listening::Translation { target: target(wanted.target_language.as_deref())? }
        }
    };
    let of_interviews = [
        ("plan", wanted.plan.is_some()),
        ("candidate_email", wanted.candidate_email.is_some()),
        ("job_role", wanted.job_role.is_some()),
        ("experience_level", wanted.experience_level.is_some()),
        ("resume_text", wanted.resume_text.is_some()),
        ("job_description", wanted.job_description.is_some()),
        ("include_profile", wanted.include_profile.is_some()),
        ("extra_instructions", wanted.extra_instructions.is_some()),
        ("voice", wanted.voice.is_some()),
        ("time_percent", wanted.time_percent.is_some()),
    ];
    of_interviews.into_iter().try_for_each(|(field, is_told)| refuse(kind, field, is_told))?;
    Ok(Some(listening))
}

/// What a change may not touch once the session is of this kind: what it is for was settled when it was made.
pub(super) fn fixed(kind: SessionKind, field: &'static str, is_told: bool) -> Result<(), Problem> {
    if kind == SessionKind::Interview { Ok(()) } else { refuse(kind, field, is_told) }
}

fn refuse(kind: SessionKind, field: &'static str, is_told: bool) -> Result<(), Problem> {
    if !is_told {
        return Ok(());
    }
    Err(invalid(field, format!("`{field}` means nothing in a session of the kind {}: leave it out.", kind.as_str())))
}

fn languages(wanted: &Wanted) -> Result<Vec<String>, Problem> {
    let (field, tags) = match (&wanted.language, &wanted.languages) {
        (Some(_), Some(_)) => {
            return Err(invalid("languages", "`languages` and `language` say the same: send one of them."));
        }
        (Some(one), None) => ("language", std::slice::from_ref(one)),
        (None, Some(several)) => ("languages", several.as_slice()),
        (None, None) => return Ok(Vec::new()),
    };
    if tags.is_empty() || tags.len() > MAX_LANGUAGES {
        let detail = format!("`{field}` names 1 to {MAX_LANGUAGES} languages; left out, the model hears for itself.");
        return Err(invalid(field, detail));
    }
    for (place, tag) in tags.iter().enumerate() {
        let known = known(field, tag, &HEARD)?;
        if tags[..place].iter().any(|other| primary(other, &HEARD) == Some(known)) {
            return Err(invalid(field, format!("`{field}` names {known} twice.")));
        }
    }
    Ok(tags.to_vec())
}

fn target(tag: Option<&str>) -> Result<String, Problem> {
    let field = "target_language";
    let tag = tag.ok_or_else(|| {
        let detail = format!("`{field}` is missing: into which language? The model speaks {}.", SPOKEN.join(", "));
        Problem::new(Code::ValidationFailed, detail).of_field(field)
    })?;
    known(field, tag, &SPOKEN).map(|_| tag.to_owned())
}

/// Never quotes what was sent: it could be anything.
fn known(field: &'static str, tag: &str, known: &[&'static str]) -> Result<&'static str, Problem> {
    primary(tag, known).ok_or_else(|| {
        let detail = format!("`{field}` must be a tag of a language that the model knows: {}.", known.join(", "));
        invalid(field, detail)
    })
}
