-- SPDX-License-Identifier: Apache-2.0
-- Version 7: in which block a batch was mined, and how sure that is.
-- block_hash: 0x hex; NULL for a batch that is in none, or was confirmed by an older version.
-- finality: 'soft' in a block, 'safe', 'hard'; NULL as above.
ALTER TABLE batches ADD COLUMN block_hash TEXT;
ALTER TABLE batches ADD COLUMN finality TEXT
  CHECK (finality IN ('soft', 'safe', 'hard'));
CREATE INDEX batches_not_final ON batches(number)
  WHERE state = 'confirmed' AND (finality IS NULL OR finality != 'hard');

-- Whether the block of a mined errand is final.
ALTER TABLE errands ADD COLUMN is_final INTEGER NOT NULL DEFAULT 0;
UPDATE errands SET is_final = 1 WHERE block_number IS NOT NULL;

-- Transparency logs: one entry a batch, from final blocks only. log: chain, contract and anchorer.
CREATE TABLE log_entries (
  log TEXT NOT NULL,
  number INTEGER NOT NULL,
  entry BLOB NOT NULL,
  block_number INTEGER NOT NULL,
  PRIMARY KEY (log, number)
) STRICT, WITHOUT ROWID;
