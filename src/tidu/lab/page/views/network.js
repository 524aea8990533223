// @ts-check
/** A network: its units with their values for one row, weights and biases; and the confusion table of its classes. */

import { identity } from "../pointing.js";
import { on, state } from "../state.js";
import { made, short, t } from "../words.js";

const SPACE = "http://www.w3.org/2000/svg";
const WIDE = 170; // between two layers
const HIGH = 34; // between two units
const SMALL = 17;

/** @param {string} tag @param {Record<string, any>} attributes @param {string} [title] @returns {any} */
function svg(tag, attributes, title) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (title) {
    const told = document.createElementNS(SPACE, "title");
    told.textContent = title;
    element.append(told);
  }
  return element;
}

/** @param {HTMLElement} parent */
export function networkView(parent) {
  const box = made("div", { class: "side" });
  parent.append(box);
  const draw = () => {
    const found = state.network;
    parent.hidden = !found || (!found.layers.length && !found.classes.length);
    if (parent.hidden) return;
    box.replaceChildren(found.layers.length ? picture(found) : made("div"), found.classes.length ? table(found) : made("div"));
  };
  parent.hidden = true;
  on(["network"], draw);
}

/** @param {any} found */
function picture(found) {
  const layers = [{ words: t("inputs"), names: found.features, units: found.features.length, values: found.inputs.values, weights: "", bias: "" },
    ...found.layers.map((/** @type {any} */ layer, /** @type {number} */ k) => ({ ...layer, values: found[`values_${k}`].values, matrix: found[`weights_${k}`], biases: found[`bias_${k}`]?.values }))];
  const most = Math.max(...layers.map((l) => l.values.length));
  const step = most > 12 ? SMALL : HIGH;
  const height = most * step + 60;
  const drawing = svg("svg", { viewBox: `0 0 ${(layers.length - 1) * WIDE + 150} ${height}`, role: "img",
    "aria-label": layers.map((l) => `${l.words}: ${Array.from(l.values.slice(0, 8)).map(short).join(", ")}`).join("; ") });
  const y = (/** @type {any} */ l, /** @type {number} */ i) => 40 + (height - 60) * ((i + 0.5) / l.values.length);
  const x = (/** @type {number} */ k) => 60 + k * WIDE;
  layers.forEach((layer, k) => {
    const before = layers[k - 1];
    if (!before || !layer.matrix) return;
    const [rows, width] = layer.matrix.shape;
    const largest = layer.matrix.values.reduce((/** @type {number} */ a, /** @type {number} */ v) => Math.max(a, Math.abs(v)), 1e-300);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < Math.min(width, before.values.length); j++) {
        const w = layer.matrix.values[i * width + j];
        const edge = svg("path", { d: `M${x(k - 1)} ${y(before, j)}L${x(k)} ${y(layer, i)}`, class: `edge ${w < 0 ? "negative" : "positive"}`,
          "stroke-width": 0.3 + (3.2 * Math.abs(w)) / largest, "stroke-opacity": 0.2 + (0.75 * Math.abs(w)) / largest, "data-node": identity(layer.weights) },
        `${t("weight")} ${layer.weights}[${i}${rows > 1 || layer.units > 1 ? `, ${j}` : ""}] = ${w}`);
        drawing.append(edge);
      }
    }
  });
  layers.forEach((layer, k) => {
    drawing.append(Object.assign(svg("text", { x: x(k), y: 14, "text-anchor": "middle" }), { textContent: layer.words }));
    if (layer.units > layer.values.length) {
      drawing.append(Object.assign(svg("text", { x: x(k), y: height - 4, "text-anchor": "middle" }), { textContent: t("and_more", { count: layer.units - layer.values.length }) }));
    }
    const largest = Array.from(layer.values).reduce((a, v) => Math.max(a, Math.abs(v)), 1e-300);
    Array.from(layer.values).forEach((v, i) => {
      const share = Math.abs(v) / largest;
      const name = layer.names?.[i] ?? `${t("unit")} ${i}`;
      const said = `${name} = ${v}${layer.biases ? `; ${t("bias")} ${layer.bias}[${i}] = ${layer.biases[i]}` : ""}`;
      const circle = svg("circle", { cx: x(k), cy: y(layer, i), r: step * 0.36, tabindex: 0, "aria-label": said, "data-node": identity(layer.names?.[i] ?? layer.bias) }, said);
      circle.style.fill = `color-mix(in srgb, var(--${v < 0 ? "zero" : "one"}) ${Math.round(100 * share)}%, var(--panel))`;
      drawing.append(circle);
      if (step === HIGH) {
        drawing.append(Object.assign(svg("text", { x: x(k) + (k ? 18 : -18), y: y(layer, i) + 4, "text-anchor": k ? "start" : "end" }), { textContent: k ? short(v) : `${layer.names[i]} = ${short(v)}` }));
        if (layer.biases) {
          drawing.append(Object.assign(svg("text", { x: x(k), y: y(layer, i) - step * 0.42, "text-anchor": "middle" }), { textContent: `b ${short(layer.biases[i])}` }));
        }
      }
    });
  });
  return drawing;
}

/** @param {any} found */
function table(found) {
  const n = found.classes.length;
  const rows = found.classes.map((/** @type {string} */ name, /** @type {number} */ i) => made("tr", {}, [made("th", { scope: "row", text: name }),
    ...found.classes.map((/** @type {string} */ _c, /** @type {number} */ j) => made("td", { class: i === j ? "right" : "", text: found.counts.values[i * n + j] }))]));
  return made("div", { class: "confusion" }, [made("table", {}, [made("caption", { text: t("confusion") }),
    made("thead", {}, [made("tr", {}, [made("td"), ...found.classes.map((/** @type {string} */ c) => made("th", { scope: "col", text: c }))])]), made("tbody", {}, rows)])]);
}
