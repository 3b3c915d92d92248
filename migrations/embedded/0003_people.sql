-- People whom an issuer vouches for, and tenants of more than one person. A membership that was taken away keeps its row
-- (removed_at), because interviews point at it; it counts for nothing until it is granted again.

ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN avatar_url TEXT;
-- Where somebody acts when their credential names no tenant. Believed only while there is a membership.
ALTER TABLE users ADD COLUMN default_tenant BLOB REFERENCES tenants (id) ON DELETE SET NULL;

ALTER TABLE tenants ADD COLUMN plan TEXT NOT NULL DEFAULT 'free';
ALTER TABLE tenants ADD COLUMN key_policy TEXT NOT NULL DEFAULT 'byok_then_server'
    CHECK (key_policy IN ('server', 'byok', 'byok_then_server'));
ALTER TABLE tenants ADD COLUMN max_sessions INTEGER CHECK (max_sessions >= 0);
-- 0 keeps for ever, which only a person may decide for themself.
ALTER TABLE tenants ADD COLUMN retention_days INTEGER NOT NULL DEFAULT 180
    CHECK (retention_days BETWEEN 0 AND 1095 AND (retention_days > 0 OR kind = 'personal'));
ALTER TABLE tenants ADD COLUMN legal_hold INTEGER NOT NULL DEFAULT 0 CHECK (legal_hold IN (0, 1));
ALTER TABLE tenants ADD COLUMN updated_at INTEGER;

ALTER TABLE memberships ADD COLUMN removed_at INTEGER;

-- An operator names an organisation by its name.
CREATE UNIQUE INDEX tenants_organisation ON tenants (name) WHERE kind = 'organisation';
CREATE INDEX users_email ON users (email COLLATE NOCASE) WHERE email IS NOT NULL;
CREATE INDEX memberships_user ON memberships (user_id);
CREATE INDEX auth_sessions_user ON auth_sessions (user_id);
