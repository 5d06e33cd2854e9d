// SPDX-License-Identifier: Apache-2.0
// What a verification says: named checks, each proven, failed or not checked.

import { same, shown } from "../words.js";

export const PROVEN = "proven";
export const FAILED = "failed";
export const NOT_CHECKED = "not_checked";

/** A failed check that lists the problems, or a proven one. */
export const judge = (problems, proven) =>
  problems.length
    ? { status: FAILED, detail: problems.join("; ") }
    : { status: PROVEN, detail: proven };

export const proven = (detail) => ({ status: PROVEN, detail });
export const notChecked = (reason) => ({ status: NOT_CHECKED, detail: reason });

/** The problem that `stated` is not `expected`, or nothing. */
export const differ = (field, stated, expected, source) =>
  same(stated, expected)
    ? []
    : [`${field} says ${shown(stated)}, ${source} ${shown(expected)}`];
