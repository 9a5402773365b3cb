// Reads and writes JSON without changing its numbers: a seed may have more digits than a number of JavaScript.

/** A number in the digits of its JSON. */
class ExactNumber {
  constructor(digits) {
    this.digits = digits;
  }
}

const isExact = (digits) => String(Number(digits)) === digits;

const parseJson = (text) =>
  JSON.parse(text, (_, value, context) => {
    // Browsers that do not tell the digits give the nearest number.
    const digits = context?.source;
    return typeof value === "number" && digits !== undefined && !isExact(digits) ? new ExactNumber(digits) : value;
  });

/** Returns the text of a JSON string. Marks that change the direction of text are escaped. */
const quoteJson = (text) => visible(JSON.stringify(text));

/** The notations that `write` knows. */
const NOTATIONS = {
  json: { words: { null: "null", true: "true", false: "false" }, quote: quoteJson, number: (digits) => digits },
  javascript: {
    words: { null: "null", true: "true", false: "false" },
    quote: quoteJson,
    // As a plain name it would set the prototype.
    name: (name) => (name === "__proto__" ? `["__proto__"]` : quoteJson(name)),
    number: (digits) => digits,
  },
  python: { words: { null: "None", true: "True", false: "False" }, quote: quoteJson, number: (digits) => digits },
  rust: {
    words: { null: "null", true: "true", false: "false" },
    quote: (text) => `"${Array.from(text.toWellFormed?.() ?? text, rustCharacter).join("")}"`,
    number: (digits) => {
      if (/[.eE]/.test(digits)) return digits;
      const value = BigInt(digits);
      if (value >= -(2n ** 31n) && value < 2n ** 31n) return digits;
      if (value >= -(2n ** 63n) && value < 2n ** 63n) return `${digits}_i64`;
      return value > 0n && value < 2n ** 64n ? `${digits}_u64` : `${digits}.0`;
    },
  },
};

const rustCharacter = (character) => {
  const plain = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
  if (plain) return plain;
  const isHidden = /[\p{Cc}\p{Cf}]/u.test(character);
  return isHidden ? `\\u{${character.codePointAt(0).toString(16)}}` : character;
};

/** Returns a value in a notation, on several lines. */
const write = (value, notation, indent = "") => {
  const { words, quote, number, name = quote } = notation;
  if (value === null || typeof value === "boolean") return words[String(value)];
  if (typeof value === "number") return number(String(value));
  if (typeof value === "string") return quote(value);
  if (value instanceof ExactNumber) return number(value.digits);
  const inner = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((item) => inner + write(item, notation, inner))
    : Object.entries(value).map(([key, item]) => `${inner}${name(key)}: ${write(item, notation, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return lines.length === 0 ? open + close : `${open}\n${lines.join(",\n")}\n${indent}${close}`;
};

const toJson = (value) => write(value, NOTATIONS.json);
