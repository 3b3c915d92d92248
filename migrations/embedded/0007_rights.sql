-- What people may ask for: taking a consent back, and having everything of theirs found and deleted quickly.

ALTER TABLE consents ADD COLUMN withdrawn_at INTEGER;

CREATE INDEX interview_sessions_of_person ON interview_sessions (user_id);
-- Deleting a session takes its tickets along.
CREATE INDEX tickets_of_session ON tickets (session_id);
