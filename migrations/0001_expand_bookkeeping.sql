-- What every projection needs: how far it is, what it could not apply, and which keys wait.

-- How far a projection is, written in the transaction that writes its rows.
CREATE TABLE checkpoints (
    projection    text        NOT NULL COLLATE "C",
    generation    integer     NOT NULL,
    topic         text        NOT NULL COLLATE "C",
    partition     integer     NOT NULL,
    -- The mark of the last whole step that was applied; (0, 0) before the first.
    incarnation   bigint      NOT NULL,
    link_sequence bigint      NOT NULL,
    -- The source shard's running hash after that step, 32 hex digits; empty before the first.
    chain         text        NOT NULL,
    -- The next Kafka offset to read: a hint that saves reading, never the truth.
    kafka_offset  bigint      NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT checkpoints_pkey PRIMARY KEY (projection, generation, topic, partition)
)
-- A handful of rows, rewritten with every batch: the free space keeps the updates on their page.
WITH (fillfactor = 20);

-- Records that a projection could not apply, with their original bytes.
CREATE TABLE dead_letters (
    projection    text        NOT NULL COLLATE "C",
    generation    integer     NOT NULL,
    topic         text        NOT NULL COLLATE "C",
    partition     integer     NOT NULL,
    kafka_offset  bigint      NOT NULL,
    -- The record's place in its source shard's output; null for a record that is none of ours.
    incarnation   bigint,
    link_sequence bigint,
    key           bytea,
    value         bytea,
    -- Headers in their order: names, and the values at the same places.
    header_names  text[]      NOT NULL,
    header_values bytea[]     NOT NULL,
    -- Why: 'foreign-record', 'bad-header', 'no-value', 'wrong-key', 'wrong-type', 'undecodable',
    -- 'unknown-record', 'unknown-schema', 'unreadable-schema', 'unfit' (does not follow the rows),
    -- 'unstorable' (PostgreSQL refuses the rows), or 'parked' (waits behind another).
    error_class   text        NOT NULL,
    message       text        NOT NULL,
    attempts      integer     NOT NULL DEFAULT 1,
    first_seen    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT dead_letters_pkey
        PRIMARY KEY (projection, generation, topic, partition, kafka_offset)
);

-- Re-drive reads the letters of one key in the order in which they arrived.
CREATE INDEX dead_letters_by_key
    ON dead_letters (projection, generation, topic, partition, key, kafka_offset);
CREATE INDEX dead_letters_by_age ON dead_letters (first_seen);

-- Keys whose events wait behind a dead letter.
CREATE TABLE parked_keys (
    projection    text        NOT NULL COLLATE "C",
    generation    integer     NOT NULL,
    topic         text        NOT NULL COLLATE "C",
    partition     integer     NOT NULL,
    key           bytea       NOT NULL,
    -- The letter at the head, behind which the others wait.
    kafka_offset  bigint      NOT NULL,
    incarnation   bigint      NOT NULL,
    link_sequence bigint      NOT NULL,
    parked_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT parked_keys_pkey PRIMARY KEY (projection, generation, topic, partition, key)
);
