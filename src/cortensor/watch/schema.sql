-- SPDX-License-Identifier: Apache-2.0
-- Version 1 of a watcher's state. Sessions are 40 hex digits, wei 24 hex digits (so that text
-- sorts as numbers do), indexes 16 hex digits, times unix seconds.
CREATE TABLE facts (
  name TEXT PRIMARY KEY,                   -- chain_id, session_payment, next_block
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The last blocks at which a pass ended: how a reorganisation shows.
CREATE TABLE passes (
  block INTEGER PRIMARY KEY,
  block_hash TEXT NOT NULL
) STRICT;

CREATE TABLE settlers (
  router INTEGER NOT NULL,
  settler TEXT NOT NULL,
  PRIMARY KEY (router, settler)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
  anchorer TEXT NOT NULL,
  root TEXT NOT NULL,
  count INTEGER NOT NULL,
  uri TEXT NOT NULL,
  block INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'checked')),
  tries INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (anchorer, root)
) STRICT, WITHOUT ROWID;
CREATE INDEX batches_block ON batches(block);

CREATE TABLE leaves (
  number INTEGER PRIMARY KEY,
  anchorer TEXT NOT NULL,
  root TEXT NOT NULL,
  block INTEGER NOT NULL,
  session TEXT NOT NULL,
  leaf_index TEXT NOT NULL,
  cumulative TEXT NOT NULL,
  hashed TEXT NOT NULL,
  receipt_id TEXT NOT NULL,
  commitment TEXT NOT NULL,
  is_signed INTEGER NOT NULL,
  struct BLOB NOT NULL,
  signature BLOB NOT NULL,
  proof BLOB                               -- JSON, for a leaf whose batch is not known
) STRICT;
CREATE INDEX leaves_place ON leaves(session, leaf_index);
CREATE INDEX leaves_receipt ON leaves(session, receipt_id);
CREATE INDEX leaves_commitment ON leaves(session, commitment);
CREATE INDEX leaves_batch ON leaves(root, anchorer);
CREATE INDEX leaves_block ON leaves(block);

CREATE TABLE settlements (
  session TEXT NOT NULL,
  block INTEGER NOT NULL,                  -- the latest at which the session was settled
  is_covered INTEGER NOT NULL DEFAULT 0,   -- whether its total was looked at since it got leaves
  PRIMARY KEY (session)
) STRICT, WITHOUT ROWID;

CREATE TABLE pins (
  session TEXT PRIMARY KEY,
  pin BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE findings (
  key TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  session TEXT NOT NULL,
  leaf_index TEXT NOT NULL,
  root TEXT,
  excess TEXT NOT NULL,
  detail TEXT NOT NULL,
  leaves BLOB NOT NULL,                    -- JSON: [[hashed, root, anchorer], ...]
  signed BLOB NOT NULL,                    -- JSON: the signed struct and signature, kind signed
  block INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'done', 'closed', 'noted')),
  outcome TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX findings_state ON findings(state);

CREATE TABLE demands (
  session TEXT NOT NULL,
  leaf_index TEXT NOT NULL,
  challenger TEXT NOT NULL,
  settled TEXT NOT NULL,
  answer_by INTEGER NOT NULL,
  challengeable_until INTEGER NOT NULL,    -- 0 until answered
  block INTEGER NOT NULL,
  answered_block INTEGER,
  closed_block INTEGER,                    -- NULL while it is open
  PRIMARY KEY (session, leaf_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE proven (
  session TEXT PRIMARY KEY,
  block INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE transactions (
  tx_hash TEXT PRIMARY KEY,
  action TEXT NOT NULL,
  nonce INTEGER NOT NULL,
  raw BLOB NOT NULL,                       -- signed bytes, stored before the first broadcast
  max_fee TEXT NOT NULL
) STRICT;
CREATE INDEX transactions_action ON transactions(action);
