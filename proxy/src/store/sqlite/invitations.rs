//! Invitations in SQLite. Accepting is one transaction: either the candidate has a session, a consent and a sign-in, or the
//! invitation is still pending.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::codec::{Key as _, Named as _, Refusal, id, named};
use super::job::Db;
use super::{SqliteStore, audit, calls, claims};
use crate::identity::{Actor, Role, TenantCtx};
use crate::ids::{InvitationId, SessionId, TenantId, UserId};
use crate::store::audit::{Action, Note};
use crate::store::invitations::{
    Acceptance, Claim, Claimed, INVITATION_ISSUER, Invitation, InvitationPage, Invitations, Invited, NewInvitation,
    Settled, Status,
};
use crate::store::people::TenantKind;
use crate::store::request::Request;
use crate::store::{Answer, NewSession, StoreError};

impl Invitations for SqliteStore {
    fn invite(&self, ctx: TenantCtx, new: NewInvitation) -> Answer<'_, Invitation> {
        self.write(move |db| invite(db, ctx, new))
    }

    fn invitations(&self, ctx: TenantCtx, page: InvitationPage) -> Answer<'_, Vec<Invitation>> {
        self.read(move |conn| {
            let before = page.before.map_or([0xff; 16], |id| id.key());
            conn.prepare_cached(
                "SELECT * FROM interview_invitations WHERE tenant_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            )?
            .query_map(params![ctx.tenant.key(), before, page.limit.clamp(1, 100)], invitation)?
            .collect()
        })
    }

    fn revoke(&self, ctx: TenantCtx, id: InvitationId) -> Answer<'_, Settled> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| revoke(db, ctx, id, now))
    }

    fn invited(&self, token: [u8; 32]) -> Answer<'_, Option<Invited>> {
        self.read(move |conn| invited(conn, token))
    }

    fn accept(&self, token: [u8; 32], acceptance: Box<Acceptance>) -> Answer<'_, Settled> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| accept(db, token, *acceptance, now))
    }

    fn decline(&self, token: [u8; 32]) -> Answer<'_, Settled> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| decline(db, token, now))
    }

    fn claim(&self, claim: Claim) -> Answer<'_, Claimed> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| claims::claim(db, claim, now))
    }
}

fn invite(db: &mut Db, ctx: TenantCtx, new: NewInvitation) -> Result<Invitation, Refusal> {
    let kind: Option<TenantKind> = db
        .conn
        .prepare_cached("SELECT kind FROM tenants WHERE id = ?1")?
        .query_row([ctx.tenant.key()], |row| named(row, "kind"))
        .optional()?;
    // A personal tenant is one person's and stays so.
    if kind != Some(TenantKind::Organisation) || matches!(ctx.actor, Actor::Ticket(_)) {
        return Err(StoreError::Missing.into());
    }
    db.atomically(|db| {
        let request = serde_json::to_string(&Request::from(&new.request)).map_err(|_| StoreError::Internal)?;
        db.conn
            .prepare_cached(
                "INSERT INTO interview_invitations (id, tenant_id, session_id, token_hash, email, contact, request, expires_at, created_by, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                new.id.key(),
                ctx.tenant.key(),
                new.request.id.key(),
                new.token,
                new.email,
                new.contact,
                request,
                new.expires_at,
                new.created_by.key(),
                new.created_at,
            ])?;
        audit::note(&db.conn, ctx, new.created_at, &Note::of(Action::InvitationMade, new.id.0))?;
        Ok(())
    })?;
    Ok(new.pending(ctx.tenant))
}

fn revoke(db: &mut Db, ctx: TenantCtx, id: InvitationId, now: i64) -> Result<Settled, Refusal> {
    db.atomically(|db| {
        let found: Option<Status> = db
            .conn
            .prepare_cached("SELECT status FROM interview_invitations WHERE id = ?1 AND tenant_id = ?2")?
            .query_row(params![id.key(), ctx.tenant.key()], |row| named(row, "status"))
            .optional()?;
        match found {
            None => return Ok(Settled::Missing),
            Some(Status::Pending) => {}
            // Taken back twice is taken back.
            Some(Status::Revoked) => return Ok(Settled::Done),
            Some(Status::Accepted | Status::Declined) => return Ok(Settled::Gone),
        }
        settle(&db.conn, id, Status::Revoked, None, now)?;
        audit::note(&db.conn, ctx, now, &Note::of(Action::InvitationRevoked, id.0))?;
        Ok(Settled::Done)
    })
}

fn decline(db: &mut Db, token: [u8; 32], now: i64) -> Result<Settled, Refusal> {
    db.atomically(|db| {
        let (tenant, id) = match open(&db.conn, token, now)? {
            Ok(open) => open,
            Err(settled) => return Ok(settled),
        };
        settle(&db.conn, id, Status::Declined, None, now)?;
        let note = Note::of(Action::InvitationDeclined, id.0);
        audit::note(&db.conn, TenantCtx::service(tenant), now, &note)?;
        Ok(Settled::Done)
    })
}

fn accept(db: &mut Db, token: [u8; 32], acceptance: Acceptance, now: i64) -> Result<Settled, Refusal> {
    db.atomically(|db| {
        let (tenant, id) = match open(&db.conn, token, now)? {
            Ok(open) => open,
            Err(settled) => return Ok(settled),
        };
        let Acceptance { user, name, session, ticket, consent, sign_in, signed_in_until } = acceptance;
        if session.user != user {
            return Err(StoreError::Missing.into());
        }
        let conn = &db.conn;
        // An address is not stored with the person: nobody vouched that it is theirs.
        conn.prepare_cached(
            "INSERT INTO users (id, issuer, subject, name, default_tenant, created_at, last_seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        )?
        .execute(params![user.key(), INVITATION_ISSUER, id.to_string(), name, tenant.key(), now])?;
        conn.prepare_cached("INSERT INTO memberships (tenant_id, user_id, role, created_at) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![tenant.key(), user.key(), Role::Candidate.name(), now])?;
        conn.prepare_cached(
            "INSERT INTO auth_sessions (hash, tenant_id, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![sign_in, tenant.key(), user.key(), now, signed_in_until])?;
        settle(conn, id, Status::Accepted, Some(user), now)?;
        let ctx = TenantCtx { tenant, actor: Actor::User(user) };
        audit::note(conn, ctx, now, &Note::of(Action::InvitationAccepted, id.0))?;
        calls::create_session(db, ctx, session, &ticket, &consent)?;
        Ok(Settled::Done)
    })
}

/// The tenant and id of an invitation that can still be answered.
fn open(conn: &Connection, token: [u8; 32], now: i64) -> rusqlite::Result<Result<(TenantId, InvitationId), Settled>> {
    let found = conn
        .prepare_cached("SELECT id, tenant_id, status, expires_at FROM interview_invitations WHERE token_hash = ?1")?
        .query_row([token], |row| {
            let is_open = named::<Status>(row, "status")? == Status::Pending && now < row.get("expires_at")?;
            Ok((TenantId(id(row, "tenant_id")?), InvitationId(id(row, "id")?), is_open))
        })
        .optional()?;
    Ok(match found {
        None => Err(Settled::Missing),
        Some((_, _, false)) => Err(Settled::Gone),
        Some((tenant, invitation, true)) => Ok((tenant, invitation)),
    })
}

/// What it said of a person is not needed any more.
fn settle(conn: &Connection, id: InvitationId, to: Status, by: Option<UserId>, now: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE interview_invitations SET status = ?2, accepted_by = ?3, settled_at = ?4, request = NULL, email = NULL WHERE id = ?1",
    )?
    .execute(params![id.key(), to.name(), by.map(|user| user.key()), now])?;
    Ok(())
}

fn invited(conn: &Connection, token: [u8; 32]) -> rusqlite::Result<Option<Invited>> {
    conn.prepare_cached(
        "SELECT i.*, t.name AS organisation, t.retention_days FROM interview_invitations i JOIN tenants t ON t.id = i.tenant_id
         WHERE i.token_hash = ?1",
    )?
    .query_row([token], |row| {
        Ok(Invited {
            invitation: invitation(row)?,
            organisation: row.get("organisation")?,
            retention_days: row.get("retention_days")?,
        })
    })
    .optional()
}

fn invitation(row: &Row<'_>) -> rusqlite::Result<Invitation> {
    let user = |column: &str| {
        row.get::<_, Option<[u8; 16]>>(column).map(|id| id.map(|bytes| UserId(uuid::Uuid::from_bytes(bytes))))
    };
    let request =
        row.get::<_, Option<String>>("request")?.map(|text| serde_json::from_str::<Request>(&text)).transpose();
    Ok(Invitation {
        id: InvitationId(id(row, "id")?),
        tenant: TenantId(id(row, "tenant_id")?),
        session: SessionId(id(row, "session_id")?),
        email: row.get("email")?,
        contact: row.get("contact")?,
        request: request
            .map_err(|_| rusqlite::Error::InvalidColumnType(0, "request".to_owned(), rusqlite::types::Type::Text))?
            .map(NewSession::from),
        status: named(row, "status")?,
        expires_at: row.get("expires_at")?,
        created_by: user("created_by")?,
        created_at: row.get("created_at")?,
        accepted_by: user("accepted_by")?,
        settled_at: row.get("settled_at")?,
    })
}
