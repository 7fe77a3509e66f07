-- Which build of the tool began to fill a generation, so that no other goes on with it: its rows
-- might be of two codes.
ALTER TABLE generations ADD COLUMN made_with text;
