-- Read model `outcomes`: what became of each client command.
--
-- It cannot be made again beyond the retention of the outcomes topics (7 days).

CREATE TABLE outcomes (
    command_id       uuid        NOT NULL,
    -- Kind of the aggregate, 'orders' or 'products', and its identity.
    kind             text        NOT NULL,
    key              text        NOT NULL COLLATE "C",
    -- Record name of the command, such as 'PlaceOrder'; empty where it could not be read.
    command          text        NOT NULL,
    caller           text        NOT NULL,
    -- 'done' or 'refused'.
    status           text        NOT NULL,
    -- Version of the aggregate after the command; 0 where there is none.
    version          bigint      NOT NULL,
    -- {"code", "detail", "lines": [{"line", "sku", "reason", "available"}]}
    refusal          jsonb,
    -- {"status", "total": {"amount", "currency"}, "payment_deadline" (ms), "refund_due"}
    order_summary    jsonb,
    -- [{"kind", "partition", "incarnation", "link_sequence"}], sorted: every shard touched.
    position         jsonb       NOT NULL,
    decided_at       timestamptz NOT NULL,
    source_partition integer     NOT NULL,
    CONSTRAINT outcomes_pkey PRIMARY KEY (command_id)
);

-- For deleting what is older than anybody asks for.
CREATE INDEX outcomes_by_age ON outcomes (decided_at);
