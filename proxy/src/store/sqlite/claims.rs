//! An interview that was held without an account becomes an account's: one transaction, in which the candidate's rows
//! change hands and the candidate is no more.

use rusqlite::{OptionalExtension as _, params};

use super::audit;
use super::codec::{Key as _, Refusal, id};
use super::job::Db;
use crate::identity::{Actor, TenantCtx};
use crate::ids::UserId;
use crate::store::audit::{Action, Note};
use crate::store::invitations::{Claim, Claimed, INVITATION_ISSUER};

pub(super) fn claim(db: &mut Db, claim: Claim, now: i64) -> Result<Claimed, Refusal> {
    db.atomically(|db| {
        let conn = &db.conn;
        let Claim { tenant, session, candidate, claimant } = claim;
        let (from, to) = (candidate.key(), claimant.key());
        let owner = conn
            .prepare_cached("SELECT user_id FROM interview_sessions WHERE id = ?1 AND tenant_id = ?2")?
            .query_row(params![session.key(), tenant.key()], |row| id(row, "user_id").map(UserId))
            .optional()?;
        let issuer = |user: [u8; 16]| {
            conn.prepare_cached("SELECT issuer FROM users WHERE id = ?1")?
                .query_row([user], |row| row.get::<_, String>(0))
                .optional()
        };
        let (Some(owner), Some(account)) = (owner, issuer(to)?) else { return Ok(Claimed::Missing) };
        let has_no_account = issuer(from)?.is_some_and(|issuer| issuer == INVITATION_ISSUER);
        if owner != candidate || !has_no_account || account == INVITATION_ISSUER {
            return Ok(Claimed::Taken);
        }
        // Interviews point at a membership: first there is one, then they move.
        conn.prepare_cached(
            "INSERT INTO memberships (tenant_id, user_id, role, created_at)
             SELECT tenant_id, ?2, role, ?3 FROM memberships WHERE user_id = ?1
             ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role, created_at = excluded.created_at, removed_at = NULL
                 WHERE removed_at IS NOT NULL",
        )?
        .execute(params![from, to, now])?;
        conn.prepare_cached("UPDATE interview_sessions SET user_id = ?2 WHERE user_id = ?1")?.execute([from, to])?;
        conn.prepare_cached("UPDATE interview_invitations SET accepted_by = ?2 WHERE accepted_by = ?1")?
            .execute([from, to])?;
        // Memberships, sign-ins and keys of the candidate go with them.
        conn.prepare_cached("DELETE FROM users WHERE id = ?1")?.execute([from])?;
        let ctx = TenantCtx { tenant, actor: Actor::User(claimant) };
        audit::note(conn, ctx, now, &Note::of(Action::SessionClaimed, session.0))?;
        Ok(Claimed::Done)
    })
}
