// SPDX-License-Identifier: Apache-2.0
// Hard gates: what must be equal before likeness may say that two texts are one answer.

import { DIGIT, EDGE, SPACE, WORD, caseFold, compareText } from "./folding.js";

const NUMERAL = `[+-]?${DIGIT}[${DIGIT},]*(?:\\.${DIGIT}+)?`;
const SYMBOLS = "$\u20ac\u00a3\u00a5\u20b9\u20bf";
const NUMBER = new RegExp(NUMERAL, "gu");
const WHOLE_NUMBER = new RegExp(`^${NUMERAL}$`, "u");
const TOKEN = new RegExp(`${NUMERAL}|[${WORD}]+`, "gu");
const WORDS = new RegExp(`[${WORD}]+`, "gu");
const SENTENCE_END = /[.!?:\n]/;
const NEGATION = new RegExp(
  `${EDGE}(?:no|not|never|none|neither|nor|nothing|nobody|without|cannot|false|invalid|incorrect` +
    "|untrue|wrong|hardly|barely|seldom|lack(?:s|ed|ing)?" +
    "|nicht|kein(?:e[mnrs]?)?|nie|niemals|ohne|ung\u00fcltig|falsch" +
    "|pas|jamais|aucune?|sans|nunca|sin|ning[\u00fau]n|falso|non|mai|senza|n\u00e3o|sem|niet|geen)" +
    `${EDGE}|n['\u2019]t${EDGE}`,
  "gu",
);
const OPPOSING = ["un", "in", "im", "il", "ir", "non", "dis", "mis", "de", "anti"];
const SYMBOL = /[<>=+/^%&~\u2260\u2264\u2265\u2248\u00b1\u00d7\u00f7\u2192\u2190]/gu;
const CURRENCIES = {
  "\u20ac": "eur",
  euro: "eur",
  euros: "eur",
  eur: "eur",
  $: "usd",
  dollar: "usd",
  dollars: "usd",
  usd: "usd",
  "\u00a3": "gbp",
  pound: "gbp",
  pounds: "gbp",
  gbp: "gbp",
  "\u00a5": "jpy",
  yen: "jpy",
  jpy: "jpy",
  cny: "cny",
  inr: "inr",
  "\u20b9": "inr",
  chf: "chf",
  cent: "cent",
  cents: "cent",
  usdc: "usdc",
  usdt: "usdt",
  btc: "btc",
  "\u20bf": "btc",
  eth: "eth",
  cor: "cor",
  wei: "wei",
  gwei: "gwei",
};
const AMOUNT = new RegExp(
  `(?:([${SYMBOLS}]|${EDGE}[a-z]{3,7}${EDGE})[${SPACE}]*)?(${NUMERAL})`,
  "gu",
);
const CURRENCY_AFTER = new RegExp(`[${SPACE}]*([${SYMBOLS}]|[a-z]+${EDGE})`, "uy");
const ENUM_WORDS = new Set(
  `accept accepted approve approved reject rejected deny denied allow allowed pass passed fail
  failed succeeded yes retry needs_spec inconclusive low medium high critical minor major buy sell
  hold up down increase increased decrease decreased rise rose fall fell before after above below
  more less minimum maximum left right north south east west debit credit refund charge enabled
  disabled open closed seller_valid seller_invalid no_consensus
  two three four five six seven eight nine ten eleven twelve dozen twenty thirty forty fifty sixty
  seventy eighty ninety hundred thousand million billion first second third half double twice
  all some most few always sometimes often rarely only today tomorrow yesterday monday tuesday
  wednesday thursday friday saturday sunday january february april june july august september
  october november december won lost win lose wins loses alive dead guilty innocent positive
  negative success failure start started stop stopped begin end create created delete deleted add
  added remove removed send sent receive received read write encrypt decrypt earlier later early
  late same different best worst better worse hot cold on off red green blue yellow black white`.split(
    /\s+/,
  ),
);
// What is a digit beside the decimal ones: superscripts and numbers in circles.
const OTHER_DIGIT =
  /[\u00b2\u00b3\u00b9\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}]/u;
const DECIMAL_DIGIT = /\p{Nd}/u;

const first = (text) => String.fromCodePoint(text.codePointAt(0));
const isDigit = (char) => DECIMAL_DIGIT.test(char) || OTHER_DIGIT.test(char);

/** What a decimal digit of any script is worth: its place in its run of ten. */
function worth(char) {
  const code = char.codePointAt(0);
  let before = 0;
  while (DECIMAL_DIGIT.test(String.fromCodePoint(code - before - 1))) before += 1;
  return String(before % 10);
}

/** A number in one spelling: equal numbers are equal text. */
function canonicalNumber(text) {
  const plain = text.replace(/,/g, "").replace(/\p{Nd}/gu, worth);
  const [whole, part = ""] = plain.replace(/^[+-]/, "").split(".");
  const digits = `${whole.replace(/^0+/, "") || "0"}.${part.replace(/0+$/, "")}`;
  return plain.startsWith("-") && digits !== "0." ? `-${digits}` : digits;
}

/** A token; a number without sign, separators and idle zeros. */
function spelt(token) {
  const bare = token.replace(/^[+-]+/, "");
  if (!bare || !isDigit(first(bare)) || !WHOLE_NUMBER.test(token)) return token;
  const digits = bare.replace(/,/g, "");
  const short = digits.includes(".") ? digits.replace(/0+$/, "").replace(/\.+$/, "") : digits;
  return short.replace(/^0+/, "") || "0";
}

function moneyOf(folded) {
  const found = [];
  for (const match of folded.matchAll(AMOUNT)) {
    CURRENCY_AFTER.lastIndex = match.index + match[0].length;
    const after = CURRENCY_AFTER.exec(folded);
    for (const word of [match[1], after?.[1]]) {
      if (word !== undefined && Object.hasOwn(CURRENCIES, word)) {
        found.push(`${CURRENCIES[word]} ${canonicalNumber(match[2])}`);
      }
    }
  }
  return found.sort().join(" ");
}

/** Words with a capital inside a sentence; a text all in capitals has none. */
function namesOf(text) {
  const found = new Set();
  if (text.toUpperCase() === text) return found;
  let end = null;
  for (const match of text.matchAll(WORDS)) {
    const starts = end === null || SENTENCE_END.test(text.slice(end, match.index));
    if (/\p{Uppercase}/u.test(first(match[0])) && !starts) found.add(caseFold(match[0]));
    end = match.index + match[0].length;
  }
  return found;
}

/** What the gates compare of a text. */
export function claimsOf(given) {
  const text = given.normalize("NFC");
  const folded = caseFold(text);
  const tokens = (folded.match(TOKEN) ?? []).map(spelt);
  return {
    numbers: (folded.match(NUMBER) ?? []).map(canonicalNumber).sort().join(" "),
    money: moneyOf(folded),
    symbols: (folded.match(SYMBOL) ?? []).sort().join(""),
    isNegated: (folded.match(NEGATION) ?? []).length % 2 === 1,
    enums: tokens
      .filter((token) => ENUM_WORDS.has(token))
      .sort(compareText)
      .join(" "),
    names: namesOf(text),
    tokens,
    // Numbers are compared as numbers; as words, 19.50 and 19.5 would differ.
    words: new Set(folded.replace(NUMBER, " ").match(WORDS) ?? []),
  };
}

const without = (left, right) => [...left].filter((item) => !right.has(item));

/** Whether one text has the opposite of a word of the other: legal, illegal. */
function areOpposed(left, right) {
  const [ours, theirs] = [new Set(without(left, right)), new Set(without(right, left))];
  const opposes = (words, others) =>
    [...words].some((word) => OPPOSING.some((prefix) => others.has(prefix + word)));
  return opposes(ours, theirs) || opposes(theirs, ours);
}

const areTwoWords = (left, right) =>
  left.tokens.length === 1 && right.tokens.length === 1 && left.tokens[0] !== right.tokens[0];

const hasOwnNames = (left, right) => without(left.names, new Set(right.tokens)).length > 0;

/** Whether names and numbers that both texts have come in one order. */
function isSameOrder(left, right) {
  const told = ({ tokens }) =>
    tokens.filter((t) => left.names.has(t) || right.names.has(t) || isDigit(first(t)));
  const [all, others] = [told(left), told(right)];
  const [seen, seenThere] = [new Set(all), new Set(others)];
  const ours = all.filter((token) => seenThere.has(token));
  const theirs = others.filter((token) => seen.has(token));
  const key = (tokens) => JSON.stringify(tokens);
  if (key([...ours].sort()) === key([...theirs].sort())) return key(ours) === key(theirs);
  return key([...new Set(ours)]) === key([...new Set(theirs)]);
}

/** The first gate that two texts do not pass together, or null. */
export function closedGate(left, right) {
  if (left.numbers !== right.numbers) return "numbers";
  if (left.money !== right.money) return "money";
  if (left.symbols !== right.symbols) return "symbols";
  if (left.isNegated !== right.isNegated || areOpposed(left.words, right.words)) return "negation";
  if (left.enums !== right.enums || areTwoWords(left, right)) return "enums";
  if (hasOwnNames(left, right) && hasOwnNames(right, left)) return "names";
  return isSameOrder(left, right) ? null : "order";
}
