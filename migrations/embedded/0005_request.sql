-- What a session request says beyond name, role and language. Texts of people: an erasure empties them. The bounds are
-- characters; the service cuts nothing, it refuses.

ALTER TABLE interview_sessions ADD COLUMN title TEXT CHECK (length(title) <= 200);
ALTER TABLE interview_sessions ADD COLUMN candidate_email TEXT CHECK (length(candidate_email) <= 254);
ALTER TABLE interview_sessions ADD COLUMN experience_level TEXT
    CHECK (experience_level IN ('entry', 'junior', 'mid', 'senior', 'lead', 'staff'));
ALTER TABLE interview_sessions ADD COLUMN resume_text TEXT CHECK (length(resume_text) <= 3000);
ALTER TABLE interview_sessions ADD COLUMN job_description TEXT CHECK (length(job_description) <= 2000);
ALTER TABLE interview_sessions ADD COLUMN extra_instructions TEXT CHECK (length(extra_instructions) <= 4000);
ALTER TABLE interview_sessions ADD COLUMN include_profile INTEGER NOT NULL DEFAULT 1 CHECK (include_profile IN (0, 1));
