-- SPDX-License-Identifier: Apache-2.0
-- Version 4: questions whose right answer is known, and what compute sessions said to them.
-- is_gold: 1 if nobody who answered could know that it is one; 0 for an item checked afterwards.
CREATE TABLE gold_items (
  item TEXT PRIMARY KEY,
  answer TEXT NOT NULL,
  is_gold INTEGER NOT NULL CHECK (is_gold IN (0, 1)),
  added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- rater: the compute session. label: its verdict. model and prompt: what it answered with, if known.
CREATE TABLE gold_votes (
  item TEXT NOT NULL REFERENCES gold_items(item),
  rater TEXT NOT NULL,
  label TEXT NOT NULL,
  model TEXT,
  prompt TEXT,
  PRIMARY KEY (item, rater)
) STRICT, WITHOUT ROWID;
