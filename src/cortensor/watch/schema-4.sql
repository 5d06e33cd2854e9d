-- SPDX-License-Identifier: Apache-2.0
-- Version 4: leaves that count against nobody are kept for the proofs of those beside them alone.
ALTER TABLE leaves ADD COLUMN counts INTEGER NOT NULL DEFAULT 1;
