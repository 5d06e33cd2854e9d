-- SPDX-License-Identifier: Apache-2.0
-- Version 2: sessions with a key, voucher and stake sessions, and what settlement costs.
-- funding: 0 escrow, 1 voucher, 2 stake. profile, of a stake session: bucket + 16 * is_weekly.
-- vouchered: the highest total that the session's key signed and some receipt brought.
ALTER TABLE payment_sessions ADD COLUMN funding INTEGER NOT NULL DEFAULT 0;
ALTER TABLE payment_sessions ADD COLUMN session_key TEXT;
ALTER TABLE payment_sessions ADD COLUMN profile INTEGER;
ALTER TABLE payment_sessions ADD COLUMN vouchered TEXT NOT NULL DEFAULT '0';

-- request_commitment: one request is charged once. authorization: JSON of what the session's key
-- signed, NULL without one. running_total: wei charged to the session up to this receipt.
-- All three are NULL in receipts from before.
ALTER TABLE receipts ADD COLUMN request_commitment TEXT;
ALTER TABLE receipts ADD COLUMN authorization BLOB;
ALTER TABLE receipts ADD COLUMN running_total TEXT;
CREATE UNIQUE INDEX receipts_commitment ON receipts(session, request_commitment)
  WHERE request_commitment IS NOT NULL;

-- work_at: of stake batches, the latest work in them. data: of voucher batches, JSON list of
-- [r, vs] in the order of the items, 0x hex.
ALTER TABLE batches ADD COLUMN funding INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN work_at INTEGER;
ALTER TABLE batches ADD COLUMN data BLOB;

CREATE TABLE vouchers (
  session TEXT NOT NULL REFERENCES payment_sessions(session),
  cumulative TEXT NOT NULL,
  signature TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (session, cumulative)
) STRICT, WITHOUT ROWID;

-- Every mined transaction of a batch, also those that reverted; fee in wei of ETH.
-- l1_gas: the part of gas_used that a rollup takes for its data, where the node says it.
CREATE TABLE settlement_costs (
  tx_hash TEXT PRIMARY KEY,
  batch TEXT NOT NULL REFERENCES batches(root),
  block_number INTEGER NOT NULL,
  is_success INTEGER NOT NULL,
  gas_used INTEGER NOT NULL,
  gas_price TEXT NOT NULL,
  l1_gas INTEGER,
  fee TEXT NOT NULL
) STRICT;
CREATE INDEX settlement_costs_batch ON settlement_costs(batch);

-- Where settled money is pending, so that it can be released when it has matured.
CREATE TABLE pending_buckets (
  version INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  is_released INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (version, bucket)
) STRICT, WITHOUT ROWID;

-- Totals that a settlement passed over and no later one has moved.
CREATE TABLE skips (
  session TEXT PRIMARY KEY REFERENCES payment_sessions(session),
  batch TEXT NOT NULL REFERENCES batches(root),
  cumulative TEXT NOT NULL,
  reason TEXT NOT NULL,
  funding INTEGER NOT NULL,
  work_at INTEGER,
  is_alarmed INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
