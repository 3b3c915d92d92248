-- Invitations, and who did what to what.

-- The request is a whole session to be: it becomes one when somebody accepts, and is emptied when the invitation is settled
-- or has expired, because it names a person. 'expired' is derived and never stored.
CREATE TABLE interview_invitations (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant_id   BLOB    NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    session_id  BLOB    NOT NULL CHECK (length(session_id) = 16),         -- made when it is accepted
    token_hash  BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    email       TEXT    CHECK (length(email) <= 254),                     -- who accepts must know it
    contact     TEXT    CHECK (length(contact) <= 200),                   -- a person to turn to
    request     TEXT,
    status      TEXT    NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'accepted', 'declined', 'revoked')),
    expires_at  INTEGER NOT NULL,
    created_by  BLOB    REFERENCES users (id) ON DELETE SET NULL,
    created_at  INTEGER NOT NULL,
    accepted_by BLOB    REFERENCES users (id) ON DELETE SET NULL,
    settled_at  INTEGER,
    CHECK (expires_at > created_at),
    CHECK (status = 'pending' OR (request IS NULL AND email IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX interview_invitations_of_tenant ON interview_invitations (tenant_id, id);
CREATE INDEX interview_invitations_accepted_by ON interview_invitations (accepted_by) WHERE accepted_by IS NOT NULL;
CREATE INDEX interview_invitations_created_by ON interview_invitations (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX interview_invitations_expiry ON interview_invitations (expires_at) WHERE request IS NOT NULL;

-- Append-only, and without content: ids and fixed words. It refers to nothing, because it outlives what it tells of.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id  BLOB    NOT NULL CHECK (length(tenant_id) = 16),
    at         INTEGER NOT NULL,
    actor_kind TEXT    NOT NULL CHECK (actor_kind IN ('person', 'ticket', 'service')),
    actor_id   BLOB    CHECK (length(actor_id) = 16),
    action     TEXT    NOT NULL,
    object_id  BLOB    CHECK (length(object_id) = 16),
    detail     TEXT
) STRICT;
CREATE INDEX audit_of_tenant ON audit (tenant_id, id);

CREATE TRIGGER audit_is_not_rewritten BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are not changed');
END;
-- 24 months, by the machine's own clock: nothing younger goes, whoever asks.
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit WHEN OLD.at > (unixepoch() - 63072000) * 1000
BEGIN
    SELECT RAISE(ABORT, 'audit rows are kept for 24 months');
END;
