-- The embedded store's first schema. Applied once, in one transaction, and never edited afterwards: its SHA-256 is kept
-- in schema_migrations and checked at every start.
--
-- Ids of tenants, users and sessions are the 16 bytes of a UUID. Times are Unix milliseconds. Every row of a tenant
-- carries tenant_id, and references are composite, so that a row can never point into another tenant.

CREATE TABLE schema_migrations (
    version     INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL,
    checksum    BLOB    NOT NULL CHECK (length(checksum) = 32),   -- of the migration's text
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32), -- of every table and index as it stood afterwards
    applied_at  INTEGER NOT NULL
) STRICT;

-- === who ===

CREATE TABLE tenants (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('personal', 'organisation')),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    issuer       TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    UNIQUE (issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE memberships (
    tenant_id  BLOB    NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id    BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT    NOT NULL CHECK (role IN ('admin', 'interviewer', 'member', 'candidate')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE auth_sessions (
    hash       BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    tenant_id  BLOB    NOT NULL,
    user_id    BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_sessions_expiry ON auth_sessions (expires_at);

-- === interviews ===

CREATE TABLE interview_sessions (
    id                 BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant_id          BLOB    NOT NULL,
    user_id            BLOB    NOT NULL,
    plan               TEXT    NOT NULL,
    stage_plan         TEXT    NOT NULL,
    candidate_name     TEXT,
    job_role           TEXT,
    language           TEXT,
    model              TEXT    NOT NULL,
    voice              TEXT    NOT NULL,
    simulation         INTEGER NOT NULL CHECK (simulation IN (0, 1)),
    created_at         INTEGER NOT NULL,

    -- A refused exchange. It counts until a call with a higher ordinal is started.
    failed_code        TEXT,
    failed_at          INTEGER,
    failed_ordinal     INTEGER,

    -- Projected from the journal up to projected_n; can be dropped and rebuilt.
    projected_n        INTEGER NOT NULL DEFAULT 0,
    status             TEXT    NOT NULL DEFAULT 'scheduled'
                       CHECK (status IN ('scheduled', 'in_progress', 'completed', 'cancelled', 'failed')),
    webrtc_status      TEXT    NOT NULL DEFAULT 'pending'
                       CHECK (webrtc_status IN ('pending', 'negotiating', 'answered', 'connected', 'disconnected', 'failed')),
    webrtc_call        INTEGER NOT NULL DEFAULT 0,
    stage              TEXT,
    stage_started_at   INTEGER,
    skipped_stages     TEXT    NOT NULL DEFAULT '[]',
    forced_transitions INTEGER NOT NULL DEFAULT 0,
    ended_by           TEXT,
    control            TEXT,
    sideband           TEXT,
    started_at         INTEGER,
    ended_at           INTEGER,
    agent_turns        INTEGER NOT NULL DEFAULT 0,
    candidate_turns    INTEGER NOT NULL DEFAULT 0,

    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id)
) STRICT;

CREATE TABLE tickets (
    hash       BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    tenant_id  BLOB    NOT NULL,
    session_id BLOB    NOT NULL,
    policy     TEXT    NOT NULL CHECK (policy IN ('open', 'locked', 'strict')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    FOREIGN KEY (tenant_id, session_id) REFERENCES interview_sessions (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- One row for each ticket: what was agreed to when it was minted.
CREATE TABLE consents (
    tenant_id   BLOB    NOT NULL,
    session_id  BLOB    NOT NULL,
    ticket_hash BLOB    NOT NULL,
    version     TEXT    NOT NULL,
    locale      TEXT    NOT NULL,
    text_hash   TEXT,
    agreed_at   INTEGER NOT NULL,
    PRIMARY KEY (session_id, ticket_hash),
    FOREIGN KEY (tenant_id, session_id) REFERENCES interview_sessions (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- One interview, several upstream calls. The provider's id is a capability there: it is stored to hang up, never shown.
CREATE TABLE calls (
    tenant_id        BLOB    NOT NULL,
    session_id       BLOB    NOT NULL,
    ordinal          INTEGER NOT NULL CHECK (ordinal >= 1),
    call_id          TEXT    NOT NULL UNIQUE,
    ticket_hash      BLOB    NOT NULL,
    key_ref          TEXT    NOT NULL,
    opened_at        INTEGER NOT NULL,
    provider_call_id TEXT,
    answered_at      INTEGER,
    closed_at        INTEGER,
    hang_up          TEXT    CHECK (hang_up IN ('confirmed', 'unconfirmed')),
    PRIMARY KEY (session_id, ordinal),
    FOREIGN KEY (tenant_id, session_id) REFERENCES interview_sessions (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- === the record ===

-- Append-only. The hash covers body; text and salt lie beside it, so that an erasure leaves the chain whole.
CREATE TABLE journal (
    tenant_id   BLOB    NOT NULL,
    session_id  BLOB    NOT NULL,
    n           INTEGER NOT NULL CHECK (n >= 1),
    epoch       INTEGER NOT NULL,
    lease_epoch INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    hash        BLOB    NOT NULL,
    body        BLOB    NOT NULL,
    salt        BLOB,
    text        TEXT,
    PRIMARY KEY (session_id, n),
    FOREIGN KEY (tenant_id, session_id) REFERENCES interview_sessions (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- Projected. A row exists from the moment an item was opened (state 'open', nothing said yet); seq and n come with the
-- settled turn, position with its place in the conversation. The text comes last: most queries never reach its pages.
CREATE TABLE transcript_entries (
    tenant_id        BLOB    NOT NULL,
    session_id       BLOB    NOT NULL,
    call_ordinal     INTEGER NOT NULL,
    item_id          TEXT    NOT NULL,
    content_index    INTEGER NOT NULL,
    first_n          INTEGER NOT NULL,
    previous_item_id TEXT,
    speaker          TEXT    NOT NULL CHECK (speaker IN ('candidate', 'ai', 'system')),
    state            TEXT    NOT NULL CHECK (state IN ('open', 'final', 'interrupted', 'failed', 'empty', 'timed_out')),
    n                INTEGER,
    seq              INTEGER,
    position         INTEGER,
    stage            TEXT,
    source           TEXT,
    start_ms         INTEGER,
    duration_ms      INTEGER,
    audio_end_ms     INTEGER,
    truncated        INTEGER NOT NULL DEFAULT 0 CHECK (truncated IN (0, 1)),
    spoken_at        INTEGER,
    text             TEXT,
    PRIMARY KEY (session_id, call_ordinal, item_id, content_index),
    UNIQUE (session_id, seq),
    CHECK ((state = 'open') = (seq IS NULL)),
    FOREIGN KEY (tenant_id, session_id) REFERENCES interview_sessions (tenant_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE stage_events (
    tenant_id       BLOB    NOT NULL,
    session_id      BLOB    NOT NULL,
    n               INTEGER NOT NULL,
    from_stage      TEXT,
    to_stage        TEXT    NOT NULL,
    reason          TEXT    NOT NULL CHECK (reason IN ('start', 'completed', 'forced', 'skipped', 'closing', 'ended')),
    questions_asked INTEGER NOT NULL,
    in_stage_ms     INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    PRIMARY KEY (session_id, n),
    FOREIGN KEY (tenant_id, session_id) REFERENCES interview_sessions (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- === the store itself ===

-- Written and emptied again to find out whether there is space after a write failed.
CREATE TABLE write_probe (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    filler BLOB    NOT NULL
) STRICT;
