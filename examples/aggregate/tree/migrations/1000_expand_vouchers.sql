-- Read model `vouchers`: what gift vouchers are worth.
CREATE TABLE vouchers (
    voucher_id       text        NOT NULL COLLATE "C",
    currency         text        NOT NULL,
    issued           bigint      NOT NULL,
    balance          bigint      NOT NULL,
    issued_at        timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    version          bigint      NOT NULL,
    source_partition integer     NOT NULL,
    CONSTRAINT vouchers_pkey PRIMARY KEY (voucher_id),
    CONSTRAINT vouchers_balance CHECK (balance BETWEEN 0 AND issued)
);
