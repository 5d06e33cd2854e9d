-- SPDX-License-Identifier: Apache-2.0
-- Version 6: when compute sessions answered gold questions, and API keys.
-- voted_at: unix seconds; NULL for a vote of before, which is as old as its item.
ALTER TABLE gold_votes ADD COLUMN voted_at INTEGER;

-- API keys. key_hash: keccak256 of the key, which is stored nowhere. session: the payment session it
-- may spend; NULL for an operator's key, which spends nothing. signature: the payer's, over the grant
-- below; NULL with session. budgets: wei as decimal text, NULL for no bound of its own.
CREATE TABLE api_keys (
  key_hash TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  session TEXT,
  scopes BIGINT NOT NULL,
  per_minute BIGINT NOT NULL,
  day_budget TEXT NOT NULL,
  total_budget TEXT NOT NULL,
  expires BIGINT NOT NULL,
  signature TEXT,
  added_at BIGINT NOT NULL,
  revoked_at BIGINT,
  charged TEXT NOT NULL DEFAULT '0'
);
CREATE INDEX api_keys_session ON api_keys(session);

-- What a key was charged, by day (unix seconds / 86400) of the reservation.
CREATE TABLE api_key_days (
  key_hash TEXT NOT NULL REFERENCES api_keys(key_hash),
  day BIGINT NOT NULL,
  charged TEXT NOT NULL,
  PRIMARY KEY (key_hash, day)
);

-- Which key a reservation is on. A row whose reservation is gone counts for nothing.
CREATE TABLE api_key_holds (
  reservation TEXT PRIMARY KEY,
  key_hash TEXT NOT NULL REFERENCES api_keys(key_hash),
  day BIGINT NOT NULL
);
CREATE INDEX api_key_holds_key ON api_key_holds(key_hash);
