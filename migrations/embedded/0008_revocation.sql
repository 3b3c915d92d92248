-- A ticket may be taken back before it expires. Its row stays: calls that it paid for point at it.

ALTER TABLE tickets ADD COLUMN revoked_at INTEGER;
