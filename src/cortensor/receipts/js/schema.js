// SPDX-License-Identifier: Apache-2.0
// Shapes of JSON data: from what `json.js` reads to plain objects, or to the first field at fault.
// Objects of a shape become JavaScript objects, free maps stay Maps, a field left out is undefined.

import { Float } from "./json.js";
import { Refused } from "./refused.js";
import { quotedText } from "./words.js";

function kindOf(value) {
  if (value === null) return "null";
  if (value instanceof Float) return "float";
  if (value instanceof Map) return "object";
  if (Array.isArray(value)) return "array";
  return { boolean: "bool", string: "str", number: "int", bigint: "int" }[typeof value];
}

function at(path, reason) {
  const bare = path.replace(/^`|`$/g, "").replace(/^\$/, "").replace(/^\.+/, "");
  const named = /(?:required|unknown) field `([^`]*)`/.exec(reason);
  const field = named ? `${bare}.${named[1]}`.replace(/^\.+/, "") : bare;
  return new Refused(reason, field || "$");
}

function shape(kind, read, nullable = false) {
  const convert = (value, path) => {
    if (value === null && nullable) return null;
    const found = kindOf(value);
    if (kind !== null && found !== kind) {
      throw at(path, `Expected \`${kind}${nullable ? " | null" : ""}\`, got \`${found}\``);
    }
    return read(value, path);
  };
  return {
    convert,
    orNull: () => shape(kind, read, true),
    /** May be left out; then it is `value`. */
    optional(value = undefined) {
      return { ...this, isOptional: true, value };
    },
  };
}

export const any = shape(null, (value) => value);
export const bool = shape("bool", (value) => value);

/** An integer within bounds; without them of any size. */
export const int = (least, most) =>
  shape("int", (value, path) => {
    if (least !== undefined && value < least) throw at(path, `Expected \`int\` >= ${least}`);
    if (most !== undefined && value > most) throw at(path, `Expected \`int\` <= ${most}`);
    return value;
  });

/** How many code points a text has. */
const sizeOf = (text) => Array.from(text).length;

/** A text; lengths count code points. */
export const str = ({ min = 0, max = Infinity, pattern } = {}) => {
  const form = pattern && new RegExp(pattern, "u");
  return shape("str", (value, path) => {
    if (value.length < min) throw at(path, `Expected \`str\` of length >= ${min}`);
    if (value.length > max && sizeOf(value) > max) {
      throw at(path, `Expected \`str\` of length <= ${max}`);
    }
    if (form && !form.test(value)) {
      throw at(path, `Expected \`str\` matching regex ${quotedText(pattern)}`);
    }
    return value;
  });
};

export const oneOf = (...choices) =>
  shape("str", (value, path) => {
    if (!choices.includes(value)) throw at(path, `Invalid enum value ${quotedText(value)}`);
    return value;
  });

export const list = (item, { min = 0, max = Infinity } = {}) =>
  shape("array", (value, path) => {
    if (value.length < min) throw at(path, `Expected \`array\` of length >= ${min}`);
    if (value.length > max) throw at(path, `Expected \`array\` of length <= ${max}`);
    return value.map((each, i) => item.convert(each, `${path}[${i}]`));
  });

export const dict = (key, item) =>
  shape("object", (value, path) => {
    const found = new Map();
    for (const [name, each] of value) {
      key.convert(name, `\`key\` in \`${path}`);
      found.set(name, item.convert(each, `${path}[...]`));
    }
    return found;
  });

/** A text, or an object of a shape. */
export const textOr = (object) => {
  const either = (nullable) => ({
    convert(value, path) {
      if (value === null && nullable) return null;
      if (typeof value === "string") return value;
      if (value instanceof Map) return object.convert(value, path);
      const expected = `str | object${nullable ? " | null" : ""}`;
      throw at(path, `Expected \`${expected}\`, got \`${kindOf(value)}\``);
    },
    orNull: () => either(true),
  });
  return either(false);
};

/**
 * An object with these fields.
 *
 * @param {Object} fields name -> shape
 * @param {{isOpen: boolean, check: function(Object)}} options whether unknown fields are passed over,
 *   and what refuses a whole that no field is at fault of
 */
export const struct = (fields, { isOpen = false, check } = {}) =>
  shape("object", (value, path) => {
    const found = {};
    for (const [name, each] of value) {
      if (Object.hasOwn(fields, name)) found[name] = fields[name].convert(each, `${path}.${name}`);
      else if (!isOpen) throw at(path, `Object contains unknown field \`${name}\``);
    }
    for (const [name, { isOptional, value: otherwise }] of Object.entries(fields)) {
      if (Object.hasOwn(found, name)) continue;
      if (!isOptional) throw at(path, `Object missing required field \`${name}\``);
      found[name] = otherwise;
    }
    if (check) {
      try {
        check(found);
      } catch (error) {
        if (error instanceof Refused) throw at(path, error.message);
        throw error;
      }
    }
    return found;
  });
