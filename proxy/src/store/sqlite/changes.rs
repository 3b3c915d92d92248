//! A session is changed before its interview begins: only the columns that the change names.

use rusqlite::ToSql;
use rusqlite::types::Value;

use super::codec::{Key as _, Refusal};
use super::job::Db;
use super::{rows, views};
use crate::identity::TenantCtx;
use crate::ids::SessionId;
use crate::store::{Changed, Profile, SessionChange};

/// Columns and what they hold from now on.
fn columns(change: SessionChange) -> Vec<(&'static str, Value)> {
    let text = |value: Option<String>| value.map_or(Value::Null, Value::Text);
    let mut columns = Vec::new();
    if let Some((name, plan)) = change.plan {
        columns.push(("plan", Value::Text(name)));
        columns.push(("stage_plan", Value::Text(plan.to_string())));
    }
    let texts = [
        ("title", change.title),
        ("candidate_name", change.candidate_name),
        ("candidate_email", change.candidate_email),
        ("job_role", change.job_role),
        ("experience_level", change.experience_level.map(|level| level.map(|level| level.as_str().to_owned()))),
        ("resume_text", change.resume_text),
        ("job_description", change.job_description),
        ("extra_instructions", change.extra_instructions),
        ("language", change.language),
        ("voice", change.voice.map(Some)),
    ];
    columns.extend(texts.into_iter().filter_map(|(column, value)| Some((column, text(value?)))));
    let is_included = |profile| Value::Integer(i64::from(profile == Profile::Included));
    columns.extend(change.profile.map(|profile| ("include_profile", is_included(profile))));
    columns
}

pub(super) fn change(db: &mut Db, ctx: TenantCtx, id: SessionId, change: SessionChange) -> Result<Changed, Refusal> {
    if !rows::sees(&db.conn, ctx, id)? {
        return Ok(Changed::Missing);
    }
    let key = id.key();
    let has_begun: bool = db
        .conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM journal WHERE session_id = ?1)
                 OR EXISTS (SELECT 1 FROM calls WHERE session_id = ?1 AND closed_at IS NULL)",
        )?
        .query_row([key], |row| row.get(0))?;
    if has_begun {
        return Ok(Changed::Begun);
    }
    let columns = columns(change);
    if !columns.is_empty() {
        // Names of our own; what somebody sent is bound.
        let set: Vec<_> = columns.iter().map(|(column, _)| format!("{column} = ?")).collect();
        let mut values: Vec<&dyn ToSql> = columns.iter().map(|(_, value)| value as &dyn ToSql).collect();
        values.push(&key);
        db.conn
            .prepare(&format!("UPDATE interview_sessions SET {} WHERE id = ?", set.join(", ")))?
            .execute(values.as_slice())?;
    }
    let now = views::session(&db.conn, ctx, id)?;
    Ok(now.map_or(Changed::Missing, |session| Changed::Done(Box::new(session))))
}
