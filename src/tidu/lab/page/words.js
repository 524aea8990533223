// @ts-check
/** The words of the page in its language, as the engine's catalogue has them; and how numbers are written. */

/** @type {Record<string, string>} */
let words = {};

/** @param {Record<string, string>} given */
export function speak(given) {
  words = given;
}

/**
 * @param {string} name
 * @param {Record<string, any>} [values] for the places {in} {braces}
 */
export function t(name, values = {}) {
  return (words[name] ?? name).replace(/\{(\w+)\}/g, (_all, key) => String(values[key]));
}

/**
 * A number for people: six digits, unless they say less.
 * @param {number | null | undefined} value
 */
export function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(4) : String(Number(value.toPrecision(6)));
  return text.replace("-", "−").replace(/e([+−-])?(\d+)/, (_all, sign, power) => `·10${raised((sign === "−" || sign === "-" ? "-" : "") + power)}`);
}

/** @param {string} digits */
function raised(digits) {
  return [...digits].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(d)] ?? "⁻").join("");
}

/**
 * An element with attributes and children.
 * @param {string} tag
 * @param {Record<string, any>} [attributes] `text` is its text; `on…` a listener
 * @param {(Node | string)[]} [children]
 * @returns {any}
 */
export function made(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** @param {string} id @returns {any} */
export const by = (id) => document.getElementById(id);
