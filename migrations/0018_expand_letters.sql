-- Letters are told apart by their marks, because offsets begin anew with a topic; and keys are found
-- by a hash, because a key of any length comes from the log and an index takes no more than 2,704
-- bytes.

-- In place of the offset, which two letters have when the topic was made anew between them.
ALTER TABLE dead_letters DROP CONSTRAINT dead_letters_pkey;
ALTER TABLE dead_letters
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY,
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);
-- A record that is none of ours has no mark, and is put aside once by its offset; ours are by
-- dead_letters_once.
CREATE UNIQUE INDEX dead_letters_once_foreign
    ON dead_letters (projection, generation, topic, partition, kafka_offset)
    WHERE link_sequence IS NULL;
CREATE INDEX dead_letters_by_offset
    ON dead_letters (projection, generation, topic, partition, kafka_offset, id);

-- Re-drive reads the letters of one key in the order of their marks.
DROP INDEX dead_letters_by_key;
CREATE INDEX dead_letters_by_key
    ON dead_letters (projection, generation, topic, partition, sha256(key), incarnation,
        link_sequence);

ALTER TABLE parked_keys DROP CONSTRAINT parked_keys_pkey;
ALTER TABLE parked_keys
    ADD COLUMN key_hash bytea NOT NULL GENERATED ALWAYS AS (sha256(key)) STORED,
    ADD CONSTRAINT parked_keys_pkey
        PRIMARY KEY (projection, generation, key_hash, topic, partition);
CREATE OR REPLACE VIEW live_parked_keys AS
    SELECT k.projection, k.generation, k.topic, k.partition, k.key, k.kafka_offset, k.incarnation,
           k.link_sequence, k.parked_at, k.key_hash
    FROM parked_keys k
    JOIN generations g USING (projection, generation)
    WHERE g.state = 'live';
