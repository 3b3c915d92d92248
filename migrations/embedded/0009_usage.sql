-- What calls consumed, projected from the journal, one row a figure; and what may be spent. No prices: those are data of
-- the service, dated, and a row names its model and its moment.

CREATE TABLE usage_logs (
    tenant_id    BLOB    NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    session_id   BLOB    NOT NULL,
    user_id      BLOB,
    operation    TEXT    NOT NULL CHECK (operation IN ('reply', 'transcription')),
    ref          TEXT    NOT NULL,
    call_ordinal INTEGER NOT NULL,
    model        TEXT    NOT NULL,
    payer        TEXT    NOT NULL CHECK (payer IN ('server', 'key_owner')),
    text_in      INTEGER NOT NULL,
    audio_in     INTEGER NOT NULL,
    image_in     INTEGER NOT NULL,
    text_cached  INTEGER NOT NULL,
    audio_cached INTEGER NOT NULL,
    image_cached INTEGER NOT NULL,
    text_out     INTEGER NOT NULL,
    audio_out    INTEGER NOT NULL,
    ms           INTEGER NOT NULL,
    confirmed    INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    at           INTEGER NOT NULL,
    PRIMARY KEY (session_id, operation, ref)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_logs_by_time ON usage_logs (tenant_id, at);

-- What was spent stays on the tenant's bill when an interview is deleted, of nobody and of no interview.
CREATE TRIGGER usage_outlives_its_session BEFORE DELETE ON interview_sessions BEGIN
    UPDATE usage_logs SET session_id = randomblob(16), user_id = NULL WHERE session_id = OLD.id;
END;

CREATE TABLE budgets (
    tenant_id   BLOB    NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    scope       TEXT    NOT NULL CHECK (scope IN ('tenant', 'user')),
    period      TEXT    NOT NULL CHECK (period IN ('day', 'month')),
    limit_nanos INTEGER NOT NULL CHECK (limit_nanos >= 0),
    is_hard     INTEGER NOT NULL CHECK (is_hard IN (0, 1)),
    PRIMARY KEY (tenant_id, scope, period)
) STRICT, WITHOUT ROWID;
