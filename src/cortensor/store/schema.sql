-- SPDX-License-Identifier: Apache-2.0
-- Version 1 of the ledger. Amounts are wei as decimal text: SQLite integers hold only 63 bits.
-- INV-L1, per session: spent = sum(receipts.charge), reserved = sum(reservations.amount),
-- spent + reserved <= deposit.
CREATE TABLE payment_sessions (
  session TEXT PRIMARY KEY,                -- 0x + 40 hex digits
  payer TEXT NOT NULL,
  deposit TEXT NOT NULL,
  settled TEXT NOT NULL,                   -- on chain when last read
  expiry INTEGER NOT NULL,
  state INTEGER NOT NULL,                  -- 0 none, 1 open, 2 closing, 3 closed
  volume_tier INTEGER NOT NULL,
  version INTEGER NOT NULL,
  surcharge_cap_bps INTEGER NOT NULL,
  task_cap_wei TEXT NOT NULL,
  fetched_at INTEGER NOT NULL,
  spent TEXT NOT NULL DEFAULT '0',
  reserved TEXT NOT NULL DEFAULT '0',
  next_index INTEGER NOT NULL DEFAULT 1,   -- index the next leaf of the session gets
  cumulative TEXT NOT NULL DEFAULT '0'     -- total of the leaves assigned so far
) STRICT;

CREATE TABLE reservations (
  id TEXT PRIMARY KEY,
  session TEXT NOT NULL REFERENCES payment_sessions(session),
  amount TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX reservations_session ON reservations(session);

CREATE TABLE receipts (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,   -- commit order
  receipt_id TEXT NOT NULL UNIQUE,
  session TEXT NOT NULL REFERENCES payment_sessions(session),
  version INTEGER NOT NULL,
  charge TEXT NOT NULL,
  digest TEXT NOT NULL UNIQUE,
  signature TEXT NOT NULL,
  body BLOB NOT NULL,                      -- canonical JSON: the bytes the id hashes
  struct BLOB NOT NULL,                    -- the signed struct as JSON
  evidence BLOB NOT NULL,                  -- salts and replicas: private to the session
  request BLOB NOT NULL,                   -- salt and canonical request: private to the session
  surcharge_bps INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  batch TEXT REFERENCES batches(root)      -- NULL until assigned to a batch
) STRICT;
CREATE INDEX receipts_pending ON receipts(seq) WHERE batch IS NULL;
CREATE INDEX receipts_session ON receipts(session);

CREATE TABLE idempotency (
  session TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  status INTEGER NOT NULL,
  response BLOB NOT NULL,
  receipt_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (session, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE cards (
  version INTEGER PRIMARY KEY,
  card BLOB NOT NULL
) STRICT;

CREATE TABLE batches (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  root TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  count INTEGER NOT NULL,
  uri TEXT NOT NULL,
  items BLOB NOT NULL,                     -- JSON list of packed words, decimal
  total TEXT NOT NULL,                     -- wei charged by the batch's receipts
  state TEXT NOT NULL CHECK (state IN ('built', 'sent', 'confirmed')),
  created_at INTEGER NOT NULL,
  tx_hash TEXT,
  block_number INTEGER,
  gas_used INTEGER,
  gas_price TEXT,
  confirmed_at INTEGER
) STRICT;

CREATE TABLE leaves (
  batch TEXT NOT NULL REFERENCES batches(root),
  position INTEGER NOT NULL,
  receipt_id TEXT NOT NULL UNIQUE REFERENCES receipts(receipt_id),
  session TEXT NOT NULL,
  leaf_index INTEGER NOT NULL,
  cumulative TEXT NOT NULL,
  leaf TEXT NOT NULL,
  PRIMARY KEY (batch, position),
  UNIQUE (session, leaf_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE transactions (
  tx_hash TEXT PRIMARY KEY,
  batch TEXT NOT NULL REFERENCES batches(root),
  nonce INTEGER NOT NULL,
  raw BLOB NOT NULL,                       -- signed bytes, stored before the first broadcast
  max_fee TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX transactions_batch ON transactions(batch);
