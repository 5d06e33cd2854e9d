// SPDX-License-Identifier: Apache-2.0
// What a verification says: named checks, each proven, failed or not checked.

import { same, shown } from "../words.js";

export const PROVEN = "proven";
export const FAILED = "failed";
export const NOT_CHECKED = "not_checked";

/** A failed check that lists the problems, or a proven one with what it found, for programs. */
export const judge = (problems, proven, value = null) =>
  problems.length
    ? { status: FAILED, detail: problems.join("; "), value: null }
    : { status: PROVEN, detail: proven, value };

export const proven = (detail) => judge([], detail);
export const notChecked = (detail, value = null) => ({ status: NOT_CHECKED, detail, value });

/** The problem that `stated` is not `expected`, or nothing. */
export const differ = (field, stated, expected, source) =>
  same(stated, expected) ? [] : [`${field} says ${shown(stated)}, ${source} ${shown(expected)}`];
