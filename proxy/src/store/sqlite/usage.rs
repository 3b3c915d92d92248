//! Usage and budgets in SQLite: rows are projected with the rest of a session, and summed here.

use rusqlite::{Connection, Row, named_params, params};

use super::SqliteStore;
use super::codec::{Key as _, Named as _, Sight, count, id, named, signed};
use crate::identity::TenantCtx;
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::Answer;
use crate::store::projection::Figure;
use crate::store::usage::{MOST_SUMS, Sessions, UsageLog, UsageQuery, UsageSum};
use crate::usage::budget::{Budget, Period, Scope};
use crate::usage::{Measure, Nanos};

const SUMS: &str = "operation, model, payer, min(confirmed) AS confirmed, count(*) AS figures,
    sum(text_in) AS text_in, sum(audio_in) AS audio_in, sum(image_in) AS image_in,
    sum(text_cached) AS text_cached, sum(audio_cached) AS audio_cached, sum(image_cached) AS image_cached,
    sum(text_out) AS text_out, sum(audio_out) AS audio_out, sum(ms) AS ms, at - at % 86400000 AS day";

impl UsageLog for SqliteStore {
    fn usage(&self, ctx: TenantCtx, query: UsageQuery) -> Answer<'_, Vec<UsageSum>> {
        self.read(move |conn| usage(conn, ctx, query))
    }

    fn spent(&self, tenant: TenantId, user: Option<UserId>, since_unix_ms: i64) -> Answer<'_, Vec<UsageSum>> {
        self.read(move |conn| {
            conn.prepare_cached(&format!(
                "SELECT {SUMS}, NULL AS session FROM usage_logs
                 WHERE tenant_id = ?1 AND at >= ?2 AND (?3 IS NULL OR user_id = ?3) AND payer = 'server'
                 GROUP BY day, operation, model, payer"
            ))?
            .query_map(params![tenant.key(), since_unix_ms, user.map(|user| user.key())], sum)?
            .collect()
        })
    }

    fn budgets(&self, tenant: TenantId) -> Answer<'_, Vec<Budget>> {
        self.read(move |conn| {
            conn.prepare_cached(
                "SELECT scope, period, limit_nanos, is_hard FROM budgets WHERE tenant_id = ?1 ORDER BY scope, period",
            )?
            .query_map([tenant.key()], |row| {
                Ok(Budget {
                    scope: named(row, "scope")?,
                    period: named(row, "period")?,
                    limit: Nanos(count(row, "limit_nanos")?),
                    hard: row.get("is_hard")?,
                })
            })?
            .collect()
        })
    }

    fn set_budget(&self, ctx: TenantCtx, budget: Budget) -> Answer<'_, ()> {
        self.write(move |db| {
            db.conn
                .prepare_cached(
                    "INSERT INTO budgets (tenant_id, scope, period, limit_nanos, is_hard) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET limit_nanos = excluded.limit_nanos, is_hard = excluded.is_hard",
                )?
                .execute(params![
                    ctx.tenant.key(),
                    budget.scope.name(),
                    budget.period.name(),
                    signed(budget.limit.0),
                    budget.hard
                ])?;
            Ok(())
        })
    }

    fn remove_budget(&self, ctx: TenantCtx, scope: Scope, period: Period) -> Answer<'_, bool> {
        self.write(move |db| {
            let removed = db
                .conn
                .prepare_cached("DELETE FROM budgets WHERE tenant_id = ?1 AND scope = ?2 AND period = ?3")?
                .execute(params![ctx.tenant.key(), scope.name(), period.name()])?;
            Ok(removed > 0)
        })
    }
}

fn usage(conn: &Connection, ctx: TenantCtx, query: UsageQuery) -> rusqlite::Result<Vec<UsageSum>> {
    let sight = Sight::of(ctx);
    let (session, only) = match query.sessions {
        Sessions::Together => ("NULL", None),
        Sessions::Apart => ("session_id", None),
        Sessions::Only(session) => ("session_id", Some(session.key())),
    };
    conn.prepare_cached(&format!(
        "SELECT {SUMS}, {session} AS session FROM usage_logs
         WHERE tenant_id = :tenant AND at >= :from AND at < :until AND (:user IS NULL OR user_id = :user)
             AND (:bound IS NULL OR session_id = :bound) AND (:only IS NULL OR session_id = :only)
         GROUP BY day, session, operation, model, payer ORDER BY day DESC, max(at) DESC LIMIT :most"
    ))?
    .query_map(
        named_params! {
            ":tenant": sight.tenant,
            ":user": sight.user,
            ":bound": sight.session,
            ":only": only,
            ":from": query.from,
            ":until": query.until,
            ":most": MOST_SUMS,
        },
        sum,
    )?
    .collect()
}

fn sum(row: &Row<'_>) -> rusqlite::Result<UsageSum> {
    let session = match row.get_ref("session")? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(SessionId(id(row, "session")?)),
    };
    Ok(UsageSum {
        day: row.get("day")?,
        session,
        model: row.get("model")?,
        operation: named(row, "operation")?,
        payer: named(row, "payer")?,
        confirmed: row.get("confirmed")?,
        figures: count(row, "figures")?,
        used: Measure {
            text_in: count(row, "text_in")?,
            audio_in: count(row, "audio_in")?,
            image_in: count(row, "image_in")?,
            text_cached: count(row, "text_cached")?,
            audio_cached: count(row, "audio_cached")?,
            image_cached: count(row, "image_cached")?,
            text_out: count(row, "text_out")?,
            audio_out: count(row, "audio_out")?,
            ms: count(row, "ms")?,
        },
    })
}

/// Writes a projected figure, once: it never changes.
pub(super) fn save(conn: &Connection, session: SessionId, figure: &Figure) -> rusqlite::Result<()> {
    let used = &figure.used;
    conn.prepare_cached(
        "INSERT INTO usage_logs (tenant_id, session_id, user_id, operation, ref, call_ordinal, model, payer, text_in, audio_in,
             image_in, text_cached, audio_cached, image_cached, text_out, audio_out, ms, confirmed, at)
         SELECT s.tenant_id, s.id, s.user_id, :operation, :ref, :call, :model,
             CASE WHEN coalesce(c.key_ref, 'server') = 'server' THEN 'server' ELSE 'key_owner' END, :text_in, :audio_in,
             :image_in, :text_cached, :audio_cached, :image_cached, :text_out, :audio_out, :ms, :confirmed, :at
         FROM interview_sessions s LEFT JOIN calls c ON c.session_id = s.id AND c.ordinal = :call
         WHERE s.id = :session ON CONFLICT DO NOTHING",
    )?
    .execute(named_params! {
        ":session": session.key(),
        ":operation": figure.operation.name(),
        ":ref": figure.key,
        ":call": figure.call,
        ":model": figure.model,
        ":text_in": signed(used.text_in),
        ":audio_in": signed(used.audio_in),
        ":image_in": signed(used.image_in),
        ":text_cached": signed(used.text_cached),
        ":audio_cached": signed(used.audio_cached),
        ":image_cached": signed(used.image_cached),
        ":text_out": signed(used.text_out),
        ":audio_out": signed(used.audio_out),
        ":ms": signed(used.ms),
        ":confirmed": figure.confirmed,
        ":at": figure.at,
    })?;
    Ok(())
}
