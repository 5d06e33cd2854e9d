// SPDX-License-Identifier: Apache-2.0
// What was proven and what was not.

import { foreign, h, section, table } from "./elements.js";
import { CHECKS, STATUSES } from "./wording.js";

const ORDER = ["failed", "proven", "not_checked"];

function row({ name, status, detail }) {
  const [tone, title, mark] = STATUSES[status];
  return h(
    "tr",
    {},
    h(
      "td",
      {},
      h(`span.pill.${tone}`, {}, h("span", { "aria-hidden": "true" }, mark), ` ${title}`),
    ),
    h("th", { scope: "row" }, CHECKS[name] ?? name, " ", h("code.name", {}, name)),
    h("td.detail", {}, foreign(detail)),
  );
}

/** Every check by its status, the failed ones first, and what no receipt proves. */
export function reportOf(checks, notProven) {
  const count = (status) => checks.filter((check) => check.status === status).length;
  const sorted = ORDER.flatMap((status) => checks.filter((check) => check.status === status));
  return section(
    "checks",
    "What was proven, and what was not",
    table(
      `${count("proven")} proven, ${count("failed")} failed, ${count("not_checked")} not checked`,
      [["Status"], ["Check"], ["Detail"]],
      sorted.map(row),
    ),
    h("h3", {}, "No receipt can prove"),
    h(
      "ul",
      {},
      notProven.map((point) => h("li", {}, point)),
    ),
  );
}
