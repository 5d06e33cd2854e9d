-- SPDX-License-Identifier: Apache-2.0
-- Version 5: a reservation says which router runs the work, and what else may not run meanwhile.
-- owner: the router's process; '' in reservations from before. key and request_hash: the caller's
-- idempotency key. commitment: the request that the session's key signed.
ALTER TABLE reservations ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE reservations ADD COLUMN key TEXT;
ALTER TABLE reservations ADD COLUMN request_hash TEXT;
ALTER TABLE reservations ADD COLUMN commitment TEXT;
CREATE UNIQUE INDEX reservations_key ON reservations(session, key) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX reservations_commitment ON reservations(session, commitment)
  WHERE commitment IS NOT NULL;

-- Routers that run: after expires_at, unix milliseconds of the database's clock, one is dead.
CREATE TABLE owners (
  owner TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
