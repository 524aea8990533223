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
  const text = size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(4).replace(/\.?0+e/, "e") : String(Number(value.toPrecision(6)));
  const [mantissa, power] = text.replace("-", "−").split("e");
  if (power === undefined) return mantissa;
  const ten = `10${raised(power.replace("+", ""))}`;
  return mantissa === "1" ? ten : mantissa === "−1" ? `−${ten}` : `${mantissa}·${ten}`;
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

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element of a drawing.
 * @param {string} tag @param {Record<string, any>} attributes @param {string} [text]
 * @returns {any}
 */
export function svg(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/** @param {string} id @returns {any} */
export const by = (id) => document.getElementById(id);

const ICONS = /** @type {Record<string, string>} */ ({
  play: "M4 2.5v11l9-5.5z", pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z", reset: "M3 3h2v10H3zM13 3v10L6 8z",
  back: "M11 3v10L4 8z", one: "M4 3v10l6-5zM11 3h2v10h-2z", part: "M5 4.5v7l6-3.5z",
  theme: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
});

/**
 * A small picture on a button, which has its words in a label.
 * @param {string} name
 */
export function icon(name) {
  const picture = svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
  picture.append(svg("path", { d: ICONS[name], ...(name === "theme" ? { class: "half" } : {}) }));
  return picture;
}
