// SPDX-License-Identifier: Apache-2.0
// Builds the page out of elements and text. There is no HTML from strings anywhere: what a model or a
// router wrote is only ever a text node, with what steers or turns text around made visible.

import { plain } from "../plain.js";

const KEPT = "\n\t\u200d"; // lines, and what joins the parts of an emoji

/**
 * An element.
 *
 * @param {string} name tag, with classes after dots: "p.hint"
 * @param {Object} attributes by name; null leaves one out
 * @param {...(Node|string|null|Array)} children text becomes text nodes
 */
export function h(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  const parts = children.flat(Infinity).filter((child) => child !== null && child !== undefined);
  element.append(...parts.map((part) => (part instanceof Node ? part : plain(String(part), KEPT))));
  return element;
}

/** Text of somebody else, kept from turning the text around it. */
export const foreign = (text, name = "bdi") => h(name, { dir: "auto" }, text);

/** A hash, an id or an address: whole, so that it can be compared and copied. */
export const code = (text) => h("code.id", {}, text);

/** A section of the page under a heading. */
export function section(id, title, ...children) {
  return h(
    "section.card",
    { "aria-labelledby": `${id}-title` },
    h("h2", { id: `${id}-title` }, title),
    ...children,
  );
}

/** Facts by name. */
export const facts = (pairs) =>
  h(
    "dl.facts",
    {},
    pairs
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );

/** A table that scrolls by itself on a narrow screen. */
export function table(caption, columns, rows, foot = null) {
  const head = columns.map(([title, kind]) =>
    h(`th${kind ? `.${kind}` : ""}`, { scope: "col" }, title),
  );
  return h(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, head)),
      h("tbody", {}, rows),
      foot ? h("tfoot", {}, foot) : null,
    ),
  );
}

/** A share in basis points as an exact percentage, 6666 -> "66.66%"; whole ones without decimals. */
export function percent(bps) {
  const text = (Number(bps) / 100).toFixed(2);
  return `${text.replace(/\.00$/, "")}%`;
}

/** A share in basis points as a bar with its number. */
export function meter(label, bps, note) {
  const filled = h("div");
  filled.style.width = `${Math.min(Number(bps), 10_000) / 100}%`;
  return h(
    "div.meter",
    {},
    h("div.meter-head", {}, h("span", {}, label), h("strong", {}, percent(bps))),
    h(
      "div.bar",
      {
        role: "meter",
        "aria-label": label,
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        "aria-valuenow": Number(bps) / 100,
      },
      filled,
    ),
    h("p.hint", {}, note),
  );
}

/** A count with its noun: plural("replica", 3) -> "3 replicas". */
export const plural = (noun, count) => `${count} ${noun}${Number(count) === 1 ? "" : "s"}`;
