-- Which run of `viva import` brought a session of an older system, and what it was called where it came from.
ALTER TABLE interview_sessions ADD COLUMN import_batch BLOB CHECK (import_batch IS NULL OR length(import_batch) = 16);
ALTER TABLE interview_sessions ADD COLUMN imported_from TEXT;
CREATE INDEX interview_sessions_imported ON interview_sessions (import_batch) WHERE import_batch IS NOT NULL;
