-- Up to where rows that grow old are deleted (`projector --outcomes-keep-days`): what was decided before
-- does not count where read models are compared, be it still there or not.
CREATE TABLE swept (
    projection text        NOT NULL COLLATE "C",
    -- By the log time of the rows.
    before     timestamptz NOT NULL,
    CONSTRAINT swept_pkey PRIMARY KEY (projection)
);
