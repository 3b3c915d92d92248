-- Keys that tenants and people bring, and keys that their servers come with. Of the first only ciphertext is here: the
-- data key of each row is wrapped by a key that lies outside the database. Of the second only hashes.

CREATE TABLE user_api_keys (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant_id   BLOB    NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id     BLOB,                                                     -- null: the tenant's own
    provider    TEXT    NOT NULL CHECK (provider IN ('openai')),
    kek_id      TEXT    NOT NULL,
    wrapped_dek BLOB    NOT NULL,
    nonce       BLOB    NOT NULL CHECK (length(nonce) = 24),
    ciphertext  BLOB    NOT NULL,
    aad_version INTEGER NOT NULL,
    commitment  BLOB    NOT NULL CHECK (length(commitment) = 32),
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    last4       TEXT    NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('unchecked', 'valid', 'rejected')),
    checked_at  INTEGER,
    created_at  INTEGER NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- One key for each owner and provider. Null is never equal to null, hence two indexes.
CREATE UNIQUE INDEX user_api_keys_of_user ON user_api_keys (tenant_id, user_id, provider) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX user_api_keys_of_tenant ON user_api_keys (tenant_id, provider) WHERE user_id IS NULL;

CREATE TABLE access_keys (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant_id    BLOB    NOT NULL,
    created_by   BLOB    NOT NULL,
    name         TEXT    NOT NULL,
    prefix       TEXT    NOT NULL,                                        -- what may be shown
    hash         BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    scopes       TEXT    NOT NULL,                                        -- separated by spaces
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER,
    FOREIGN KEY (tenant_id, created_by) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX access_keys_of_tenant ON access_keys (tenant_id, created_at);
