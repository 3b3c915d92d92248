-- At which server a call was made, by its name in the settings: only there it can be watched and hung up. NULL: by a version
-- that knew but one.

ALTER TABLE calls ADD COLUMN upstream TEXT;
