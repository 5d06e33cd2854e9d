// SPDX-License-Identifier: Apache-2.0
// Text of models and routers for people: what steers a terminal or turns text around is spelt out.

const STEERS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]|[\ud800-\udfff](?![\udc00-\udfff])/gu;

/** Text with every control and formatting character spelt out, such as \u202e, but for `kept`. */
export const plain = (text, kept = "") =>
  text.replace(STEERS, (char) => {
    if (kept.includes(char)) return char;
    const code = char.codePointAt(0).toString(16).padStart(4, "0");
    return code.length > 4 ? `\\u{${code}}` : `\\u${code}`;
  });
