-- SPDX-License-Identifier: Apache-2.0
-- Version 3: demands by the total that was settled when they were made, and what sessions moved.
DROP TABLE demands;
CREATE TABLE demands (
  session TEXT NOT NULL,
  leaf_index TEXT NOT NULL,
  settled TEXT NOT NULL,
  challenger TEXT NOT NULL,
  answer_by INTEGER NOT NULL,
  challengeable_until INTEGER NOT NULL,    -- 0 until answered
  block INTEGER NOT NULL,
  answered_block INTEGER,
  closed_block INTEGER,                    -- NULL while it is open
  PRIMARY KEY (session, leaf_index, settled)
) STRICT, WITHOUT ROWID;

CREATE TABLE moves (
  block INTEGER NOT NULL,
  log_index INTEGER NOT NULL,              -- of the batch's event
  place INTEGER NOT NULL,                  -- among the batch's moves
  router INTEGER NOT NULL,
  version INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  session TEXT NOT NULL,
  moved TEXT NOT NULL,
  settled TEXT NOT NULL,                   -- the session's total with it
  PRIMARY KEY (block, log_index, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX moves_bucket ON moves(router, version, bucket);
CREATE INDEX moves_session ON moves(session, block);

-- A demand that was signed by then names no total; 0 is none.
UPDATE transactions SET action = action || ':000000000000000000000000'
  WHERE action LIKE 'demand:%';

-- What version 2 saw is looked at again: it kept no moves. What is stored already stays.
DELETE FROM facts WHERE name = 'next_block';
DELETE FROM passes;
