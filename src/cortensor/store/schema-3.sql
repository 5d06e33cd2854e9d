-- SPDX-License-Identifier: Apache-2.0
-- Version 3: one batch or session that cannot be settled holds up no other, and everything that
-- the settler pays for is known.
-- bucket: where what the batch moved became pending; NULL if nothing moved, or it is not known.
ALTER TABLE batches ADD COLUMN bucket INTEGER;
CREATE INDEX batches_unsettled ON batches(root) WHERE state != 'confirmed';

-- Batches that the contract refused, until they are settled. next_at: when each is tried again, unix
-- seconds; NULL for parked: not before somebody asks for it.
CREATE TABLE refusals (
  batch TEXT PRIMARY KEY REFERENCES batches(root),
  reason TEXT NOT NULL,
  tries INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  next_at INTEGER
) STRICT, WITHOUT ROWID;

-- tries: how often the total was passed over or found not to move. next_at: when it is tried again;
-- NULL once it is given up.
ALTER TABLE skips ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE skips ADD COLUMN next_at INTEGER DEFAULT 0;

-- Leaves that a batch anchors once more, because the total they end in was passed over. They stay
-- where they were anchored first; one may be in a batch several times, so that its root is new.
CREATE TABLE repeats (
  batch TEXT NOT NULL REFERENCES batches(root),
  position INTEGER NOT NULL,
  receipt_id TEXT NOT NULL REFERENCES leaves(receipt_id),
  PRIMARY KEY (batch, position)
) STRICT, WITHOUT ROWID;

-- Transactions of the settler that belong to no batch, by what they do: 'authorise/<address>',
-- 'release/<version>/<bucket>'. is_open: not known to have succeeded. What they cost is NULL until
-- they are mined; fee in wei of ETH.
CREATE TABLE errands (
  tx_hash TEXT PRIMARY KEY,
  action TEXT NOT NULL,
  nonce INTEGER NOT NULL,
  raw BLOB NOT NULL,                       -- signed bytes, stored before the first broadcast
  max_fee TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  is_open INTEGER NOT NULL DEFAULT 1,
  block_number INTEGER,
  is_success INTEGER,
  gas_used INTEGER,
  gas_price TEXT,
  l1_gas INTEGER,
  fee TEXT
) STRICT;
CREATE INDEX errands_action ON errands(action) WHERE is_open;
CREATE INDEX errands_unmined ON errands(tx_hash) WHERE block_number IS NULL;
