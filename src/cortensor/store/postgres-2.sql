-- SPDX-License-Identifier: Apache-2.0
-- What schema-7.sql adds.
ALTER TABLE batches ADD COLUMN block_hash TEXT COLLATE "C";
ALTER TABLE batches ADD COLUMN finality TEXT COLLATE "C"
  CHECK (finality IN ('soft', 'safe', 'hard'));
CREATE INDEX batches_not_final ON batches(number)
  WHERE state = 'confirmed' AND (finality IS NULL OR finality != 'hard');
ALTER TABLE errands ADD COLUMN is_final BIGINT NOT NULL DEFAULT 0;
UPDATE errands SET is_final = 1 WHERE block_number IS NOT NULL;

CREATE TABLE log_entries (
  log TEXT COLLATE "C" NOT NULL,
  number BIGINT NOT NULL,
  entry BYTEA NOT NULL,
  block_number BIGINT NOT NULL,
  PRIMARY KEY (log, number)
);
