// @ts-check
/** The graph of the next step for one row: each value with its gradient, and the slope along each edge. */

import { actions } from "../actions.js";
import { identity } from "../pointing.js";
import { on, set, state } from "../state.js";
import { made, short, svg, t } from "../words.js";

const INCH = 74; // pixels

/** @param {any} value */
const told = (value) => (Array.isArray(value) ? `[${value.flat(9).slice(0, 3).map(short).join(", ")}${value.flat(9).length > 3 ? ", …" : ""}]` : short(value));

/** @param {HTMLElement} parent */
export function graphView(parent) {
  const details = made("details", {}, [made("summary", { text: t("graph_open") })]);
  const box = made("div", { class: "drawing", tabindex: 0 });
  const note = made("p", { class: "hint" });
  details.append(box, note);
  parent.append(details);
  details.addEventListener("toggle", () => {
    set({ graphWanted: details.open });
    if (details.open) actions.look("graph");
  });
  on(["graph"], () => {
    if (!state.graph) return;
    box.replaceChildren(picture(state.graph));
    note.textContent = [state.graph.title, state.graph.note].filter(Boolean).join(" · ");
  });
}

/** @param {any} graph */
function picture(graph) {
  const width = graph.width * INCH + 20;
  const height = graph.height * INCH + 20;
  const left = (/** @type {number} */ x) => 10 + x * INCH;
  const down = (/** @type {number} */ y) => 10 + (graph.height - y) * INCH;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": graph.nodes.map((/** @type {any} */ n) => `${n.name} = ${told(n.value)}${n.gradient === null ? "" : `, ∂ℓ/∂${n.name} = ${told(n.gradient)}`}`).join("; ") });
  for (const edge of graph.edges) {
    const way = edge.points.map((/** @type {number[]} */ p, /** @type {number} */ k) => `${k ? "L" : "M"}${left(p[0])} ${down(p[1])}`).join("");
    drawing.append(svg("path", { d: way, class: "link" }));
    if (edge.slope !== null) {
      const [a, b] = edge.points.slice(-2);
      drawing.append(svg("text", { x: left((a[0] + b[0]) / 2), y: down((a[1] + b[1]) / 2) - 4, class: "slope", "text-anchor": "middle" }, `×${told(edge.slope)}`));
    }
  }
  for (const n of graph.nodes) {
    const group = svg("g", { class: `node ${n.kind}`, tabindex: 0, "data-node": identity(n.name) });
    group.append(svg("rect", { x: left(n.x - n.width / 2), y: down(n.y + n.height / 2), width: n.width * INCH, height: n.height * INCH, rx: 6 }));
    const lines = [[n.name, "title"], ...(n.formula && n.kind !== "layer" ? [[`= ${n.formula}`, ""]] : []), [`= ${told(n.value)}`, ""],
      ...(n.gradient === null ? [] : [[`∂ℓ/∂${n.name} = ${told(n.gradient)}`, "gradient"]])];
    lines.forEach(([text, kind], k) => group.append(svg("text", { x: left(n.x), y: down(n.y) + (k - (lines.length - 1) / 2) * 14 + 4, "text-anchor": "middle", class: kind }, text)));
    drawing.append(group);
  }
  return drawing;
}
