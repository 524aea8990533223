// @ts-check
/** A network: its units with their values for one row, weights and biases; and the confusion table of its classes. */

import { identity } from "../pointing.js";
import { on, state } from "../state.js";
import { made, short, svg, t } from "../words.js";

const WIDE = 170; // between two layers
const HIGH = 44; // between two units
const SMALL = 17;
const INDENT = 60;
const LEVELS = 24; // of the width of a line: one that stays on its level is not drawn anew

/** @typedef {{words: string, names?: string[], units: number, values: Float64Array, weights: string, bias: string, matrix?: {values: Float64Array, shape: number[]}, biases?: Float64Array}} Layer */

/** @param {HTMLElement} parent */
export function networkView(parent) {
  const box = made("div", { class: "side" });
  const [left, right] = [made("div"), made("div", { class: "confusion" })];
  box.append(left, right);
  parent.append(box);
  /** @type {Picture | null} */ let picture = null;
  parent.hidden = true;
  const hide = () => { parent.hidden = !state.network?.layers.length && !state.confusion?.classes.length; };

  const draw = () => {
    hide();
    const found = state.network;
    if (!found?.layers.length) { left.replaceChildren(); picture = null; return; }
    const layers = layersOf(found);
    if (picture === null || picture.form !== formOf(layers)) {
      picture = new Picture(layers);
      left.replaceChildren(picture.drawing);
    }
    picture.show(layers);
  };

  on(["network", "explanation"], draw);
  on(["confusion"], () => { hide(); showTable(right, state.confusion); });
}

/** The inputs and the layers of an answer. @param {any} found @returns {Layer[]} */
function layersOf(found) {
  return [
    { words: t("inputs"), names: found.features, units: found.features.length, values: found.inputs.values, weights: "", bias: "" },
    ...found.layers.map((/** @type {any} */ layer, /** @type {number} */ k) => ({
      ...layer, values: found[`values_${k}`].values, matrix: found[`weights_${k}`], biases: found[`bias_${k}`]?.values,
    })),
  ];
}

/** What two pictures must have in common for one to become the other. @param {Layer[]} layers */
const formOf = (layers) => layers.map((l) => `${l.words} ${l.units} ${l.matrix?.shape} ${l.biases?.length} ${l.names}`).join("; ");

const largest = (/** @type {Float64Array} */ values) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-300);

/** The drawing of a network: its lines and circles are made once, and then they get other numbers. */
class Picture {
  /** @param {Layer[]} layers */
  constructor(layers) {
    this.form = formOf(layers);
    this.layers = layers;
    /** @type {Map<any, string>} */ this.fills = new Map();
    const most = Math.max(...layers.map((l) => l.values.length));
    const step = most > 12 ? SMALL : HIGH;
    this.named = step === HIGH;
    const height = most * step + 60;
    this.drawing = svg("svg", { viewBox: `0 0 ${(layers.length - 1) * WIDE + 150} ${height}`, role: "img" });
    const y = (/** @type {Layer} */ l, /** @type {number} */ i) => 40 + (height - 60) * ((i + 0.5) / l.values.length);
    const x = (/** @type {number} */ k) => INDENT + k * WIDE;
    /** @type {any[][]} */ this.edges = layers.map((layer, k) => {
      const before = layers[k - 1];
      if (!before || !layer.matrix) return [];
      const [rows, width] = layer.matrix.shape;
      const many = Array.from({ length: rows }, (_row, i) => Array.from({ length: Math.min(width, before.values.length) }, (_column, j) => {
        const edge = svg("path", { d: `M${x(k - 1)} ${y(before, j)}L${x(k)} ${y(layer, i)}` });
        edge.addEventListener("pointerenter", () => this.say(edge, k, i, j)); // which of hundreds is asked about, nobody knows before
        return { edge, at: i * width + j, look: "" };
      }));
      return many.flat();
    });
    this.drawing.append(...this.edges.flat().map(({ edge }) => edge));
    /** @type {any[][]} */ this.units = layers.map((layer, k) => {
      this.drawing.append(svg("text", { x: x(k), y: 14, "text-anchor": "middle" }, layer.words));
      if (layer.units > layer.values.length) {
        this.drawing.append(svg("text", { x: x(k), y: height - 4, "text-anchor": "middle" }, t("and_more", { count: layer.units - layer.values.length })));
      }
      return Array.from(layer.values, (_value, i) => {
        const circle = svg("circle", { cx: x(k), cy: y(layer, i), r: this.named ? 12 : step * 0.36, tabindex: 0 });
        circle.append(svg("title", {}));
        const value = svg("text", { x: x(k) + (k ? 18 : -18), y: y(layer, i) + 4, "text-anchor": k ? "start" : "end" });
        const bias = svg("text", { x: x(k), y: y(layer, i) - 17, "text-anchor": "middle" });
        this.drawing.append(circle, ...(this.named ? [value, bias] : []));
        return { circle, value, bias };
      });
    });
  }

  /** @param {Layer[]} layers */
  show(layers) {
    this.layers = layers;
    this.drawing.setAttribute("aria-label", layers.map((l) => `${l.words}: ${Array.from(l.values.slice(0, 8)).map(short).join(", ")}`).join("; "));
    layers.forEach((layer, k) => {
      this.showEdges(layer, this.edges[k]);
      const most = largest(layer.values);
      this.units[k].forEach(({ circle, value, bias }, i) => {
        const v = layer.values[i];
        const name = layer.names?.[i] ?? `${t("unit")} ${i}`;
        const said = `${name} = ${v}${layer.biases ? `; ${t("bias")} ${layer.bias}[${i}] = ${layer.biases[i]}` : ""}`;
        if (circle.firstChild.textContent !== said) {
          circle.setAttribute("aria-label", said);
          circle.firstChild.textContent = said;
        }
        const node = identity(layer.names?.[i] ?? layer.bias);
        if (circle.dataset.node !== node) circle.dataset.node = node;
        const fill = `color-mix(in srgb, var(--${v < 0 ? "zero" : "one"}) ${Math.round((100 * Math.abs(v)) / most)}%, var(--panel))`;
        if (this.fills.get(circle) !== fill) circle.style.fill = fill;
        this.fills.set(circle, fill);
        if (!this.named) return;
        value.textContent = layer.names ? `${layer.names[i]} = ${short(v)}` : short(v);
        if (layer.biases) bias.textContent = `b ${short(layer.biases[i])}`;
      });
    });
  }

  /** @param {Layer} layer @param {any[]} edges */
  showEdges(layer, edges) {
    if (!edges.length || !layer.matrix) return;
    const { values } = layer.matrix;
    const most = largest(values);
    const node = identity(layer.weights);
    for (const line of edges) {
      const w = values[line.at];
      const level = Math.round((LEVELS * Math.abs(w)) / most) / LEVELS;
      const look = `${w < 0 ? "negative" : "positive"} ${level} ${node}`;
      if (line.look === look) continue;
      line.look = look;
      line.edge.setAttribute("class", `edge ${w < 0 ? "negative" : "positive"}`);
      line.edge.setAttribute("stroke-width", 0.3 + 3.2 * level);
      line.edge.setAttribute("stroke-opacity", 0.2 + 0.75 * level);
      line.edge.dataset.node = node;
    }
  }

  /** The exact weight of a line, for whoever points at it. @param {any} edge @param {number} k @param {number} i @param {number} j */
  say(edge, k, i, j) {
    const { matrix, weights, units } = this.layers[k];
    if (!matrix) return;
    const [rows, width] = matrix.shape;
    const title = edge.firstChild ?? edge.appendChild(svg("title", {}));
    title.textContent = `${t("weight")} ${weights}[${i}${rows > 1 || units > 1 ? `, ${j}` : ""}] = ${matrix.values[i * width + j]}`;
  }
}

/** @param {HTMLElement} box @param {any} found */
function showTable(box, found) {
  if (!found?.classes.length) { box.replaceChildren(); return; }
  const n = found.classes.length;
  const names = found.classes.join("\n");
  if (box.dataset.classes !== names || !box.firstChild) {
    box.dataset.classes = names;
    const rows = found.classes.map((/** @type {string} */ name, /** @type {number} */ i) => made("tr", {}, [made("th", { scope: "row", text: name }),
      ...found.classes.map((/** @type {string} */ _c, /** @type {number} */ j) => made("td", { class: i === j ? "right" : "" }))]));
    box.replaceChildren(made("table", {}, [made("caption", { text: t("confusion") }),
      made("thead", {}, [made("tr", {}, [made("td"), ...found.classes.map((/** @type {string} */ c) => made("th", { scope: "col", text: c }))])]), made("tbody", {}, rows)]));
  }
  box.querySelectorAll("tbody td").forEach((td, k) => {
    const count = String(found.counts.values[k]);
    if (td.textContent !== count) td.textContent = count;
  });
}
