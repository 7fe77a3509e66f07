-- What operators do to projections: generations beside each other, states, and who did what.

-- The builds of each read model. The live one has its tables in the default schema, every other in
-- the schema that it names, so that a switch only moves tables and every query keeps its text.
CREATE TABLE generations (
    projection  text        NOT NULL COLLATE "C",
    generation  integer     NOT NULL,
    -- 'live' answers queries; 'building' is filled by `spillway rebuild`; 'retired' was live, and
    -- waits for `--back` where it stood when it was switched off.
    state       text        NOT NULL,
    -- Where its tables are while it is not live.
    schema_name text        NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now(),
    switched_at timestamptz,
    CONSTRAINT generations_pkey PRIMARY KEY (projection, generation),
    CONSTRAINT generations_state CHECK (state IN ('live', 'building', 'retired'))
);
CREATE UNIQUE INDEX generations_live ON generations (projection) WHERE state = 'live';

INSERT INTO generations (projection, generation, state, schema_name)
VALUES ('orders', 1, 'live', 'orders_1'),
       ('products', 1, 'live', 'products_1'),
       ('outcomes', 1, 'live', 'outcomes_1');

ALTER TABLE checkpoints
    -- 'running', 'paused' by an operator, 'rebuilding' (not live yet) or 'retired' (live no longer).
    -- It lies in the row that every batch locks, so a batch sees a change at once or comes before it.
    ADD COLUMN state text NOT NULL DEFAULT 'running',
    -- Log time of the last event that was applied.
    ADD COLUMN event_time timestamptz,
    -- Why nothing is applied although it should be: an open gap, or an error that lasts.
    ADD COLUMN trouble text,
    ADD COLUMN trouble_since timestamptz,
    ADD CONSTRAINT checkpoints_state
        CHECK (state IN ('running', 'paused', 'rebuilding', 'retired'));

-- An event is parked once, also where it lies in the log twice.
CREATE UNIQUE INDEX dead_letters_once
    ON dead_letters (projection, generation, topic, partition, incarnation, link_sequence)
    WHERE link_sequence IS NOT NULL;

-- How far the read models are that answer queries, and which of their keys wait.
CREATE VIEW live_checkpoints AS
    SELECT c.projection, c.generation, c.topic, c.partition, c.incarnation, c.link_sequence,
           c.chain, c.kafka_offset, c.updated_at, c.state, c.event_time, c.trouble, c.trouble_since
    FROM checkpoints c
    JOIN generations g USING (projection, generation)
    WHERE g.state = 'live';
CREATE VIEW live_parked_keys AS
    SELECT k.projection, k.generation, k.topic, k.partition, k.key, k.kafka_offset, k.incarnation,
           k.link_sequence, k.parked_at
    FROM parked_keys k
    JOIN generations g USING (projection, generation)
    WHERE g.state = 'live';

-- Every change that an operator made, in the transaction that made it.
CREATE TABLE operations (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL DEFAULT now(),
    -- Who, as the tool was told.
    operator   text        NOT NULL,
    -- 'pause', 'resume', 'skip', 'reset', 'redrive', 'drop', 'rebuild', 'switch', 'back', …
    verb       text        NOT NULL,
    projection text        NOT NULL COLLATE "C",
    generation integer     NOT NULL,
    -- Absent where all partitions are concerned.
    topic      text        COLLATE "C",
    partition  integer,
    -- What was there, what is there now, and what was given as the reason.
    detail     jsonb       NOT NULL,
    CONSTRAINT operations_pkey PRIMARY KEY (id)
);
CREATE INDEX operations_of_projection ON operations (projection, id);
