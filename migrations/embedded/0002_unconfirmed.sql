-- What is not certain: turns that only a client told of and the provider does not know, calls whose hang-up nobody
-- confirmed, and interviews that seem to go on. The indexes are partial, so that starting a call still writes none.

ALTER TABLE transcript_entries ADD COLUMN disputed INTEGER NOT NULL DEFAULT 0 CHECK (disputed IN (0, 1));

CREATE INDEX calls_unconfirmed ON calls (closed_at) WHERE hang_up = 'unconfirmed';
CREATE INDEX interview_sessions_going_on ON interview_sessions (started_at) WHERE status = 'in_progress';
