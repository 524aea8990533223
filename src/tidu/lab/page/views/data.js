// @ts-check
/** Data and model: points that one can drag, the fitted curve or the boundary, the batch of the next step. */

import { actions } from "../actions.js";
import { colour, level, Plot, range } from "../plot.js";
import { on, set, state } from "../state.js";
import { t } from "../words.js";

const NEAR = 12; // pixels within which a point is meant

/** @param {HTMLElement} parent */
export function dataView(parent) {
  const plot = new Plot(parent, { label: t("data_and_model"), keys: true });
  const hint = document.createElement("p");
  hint.className = "hint";
  parent.append(hint);
  /** @type {number | null} the drawn point that is chosen */ let chosen = null;
  /** @type {boolean} */ let dragging = false;

  const column = (/** @type {string} */ name) => {
    const { data, table } = state;
    if (!data || !table) return new Float64Array(0);
    const k = data.names.indexOf(name);
    const found = new Float64Array(table.shape[0]);
    for (let i = 0; i < found.length; i++) found[i] = table.values[i * table.shape[1] + k];
    return found;
  };
  const across = () => state.data?.features[0] ?? "";
  const planar = () => state.data?.features.length === 2;
  const up = () => (planar() ? (state.data?.features[1] ?? "") : (state.data?.target ?? ""));
  const movable = () => state.data !== null && (state.data.features.length === 1 || planar()) && state.data.rows <= 400
    && state.data.names.includes(up());

  const rescale = () => {
    if (!state.data) return;
    plot.x = range([column(across())]);
    plot.y = range([column(up())], 0.12);
    draw();
  };

  const draw = () => {
    const { data, fit } = state;
    if (!data || !state.table || !state.chosen) return;
    if (!data.features.length || data.features.length > 2 || !(data.names.includes(up()))) {
      parent.hidden = true;
      return;
    }
    parent.hidden = false;
    hint.textContent = movable() ? t("drag_hint") : "";
    plot.axes(across(), up());
    if (fit?.fit === "plane") drawPlane(fit);
    const xs = column(across());
    const ys = column(up());
    const target = planar() ? column(data.target) : ys;
    const inBatch = new Set(state.batchSize < data.rows ? state.batch : []);
    for (let i = 0; i < xs.length; i++) {
      const row = state.chosen[i];
      const fill = planar() ? shade(target[i]) : colour("points");
      const ring = row === state.row ? colour("text") : inBatch.has(row) ? colour("batch") : planar() ? colour("page") : "";
      plot.dot(xs[i], ys[i], fill, i === chosen ? 6 : xs.length > 1000 ? 2 : 4, ring);
    }
    if (fit?.fit === "line") {
      if (state.row !== null) drawResidual(xs, ys, fit);
      plot.curve(fit.line.values, fit.fitted.values, colour("model"), 2.5);
    }
    plot.done();
    plot.canvas.setAttribute("aria-label", `${t("data_and_model")}: ${data.target} / ${data.features.join(", ")}, ${data.rows} ${t("rows")}`);
  };

  const shade = (/** @type {number} */ value) => {
    const classes = state.data?.classes.length ?? 0;
    if (classes > 2) return colour(`class${value % 6}`);
    return value > 0.5 ? colour("one") : colour("zero");
  };

  const drawResidual = (/** @type {Float64Array} */ xs, /** @type {Float64Array} */ ys, /** @type {any} */ fit) => {
    const i = state.chosen?.indexOf(state.row ?? -1) ?? -1;
    if (i < 0) return;
    const line = fit.line.values;
    const at = Math.min(line.length - 2, Math.max(0, Math.floor(((xs[i] - line[0]) / (line[line.length - 1] - line[0])) * (line.length - 1))));
    plot.curve([xs[i], xs[i]], [ys[i], fit.fitted.values[at]], colour("batch"), 2, [4, 3]);
  };

  const drawPlane = (/** @type {any} */ fit) => {
    const { x, y, plane } = fit;
    const [nx, ny] = plane.shape;
    const c = plot.context;
    const classes = state.data?.classes.length ?? 0;
    const [low, high] = range([plane.values], 0);
    for (let i = 0; i < nx; i++) {
      for (let j = 0; j < ny; j++) {
        const v = plane.values[i * ny + j];
        if (!Number.isFinite(v)) continue;
        const share = classes ? v : (v - low) / (high - low || 1);
        c.globalAlpha = classes > 2 ? 0.3 : 0.08 + 0.45 * Math.abs(share - 0.5);
        c.fillStyle = classes > 2 ? colour(`class${v % 6}`) : share > 0.5 ? colour("one") : colour("zero");
        const [left, right] = [i - 0.5, i + 0.5].map((k) => Math.round(plot.px(x.values[0] + k * (x.values[1] - x.values[0]))));
        const [bottom, top] = [j - 0.5, j + 0.5].map((k) => Math.round(plot.py(y.values[0] + k * (y.values[1] - y.values[0]))));
        c.fillRect(left, top, right - left, bottom - top);
      }
    }
    c.globalAlpha = 1;
    if (classes === 2) {
      c.strokeStyle = colour("text");
      c.lineWidth = 1.5;
      for (const [a, b] of level(plane.values, x.values, y.values, 0.5)) {
        plot.line(plot.px(a[0]), plot.py(a[1]), plot.px(b[0]), plot.py(b[1]));
      }
    }
  };

  const nearest = (/** @type {{left: number, top: number}} */ place) => {
    const xs = column(across());
    const ys = column(up());
    let best = null;
    let least = NEAR ** 2;
    for (let i = 0; i < xs.length; i++) {
      const far = (plot.px(xs[i]) - place.left) ** 2 + (plot.py(ys[i]) - place.top) ** 2;
      if (far < least) { least = far; best = i; }
    }
    return best;
  };

  const tell = (/** @type {number} */ i, /** @type {any} */ place) => {
    const { data, table, chosen: rows } = state;
    if (!data || !table || !rows) return;
    const cells = data.names.map((name, k) => `${name} = ${table.values[i * table.shape[1] + k]}`);
    plot.say([t("row_number", { row: rows[i] }), ...cells.slice(0, 4)].join("  "), place);
  };

  const move = (/** @type {number} */ i, /** @type {number} */ x, /** @type {number} */ y) => {
    const { data, table } = state;
    if (!data || !table) return;
    table.values[i * table.shape[1] + data.names.indexOf(across())] = Number(x.toPrecision(4));
    table.values[i * table.shape[1] + data.names.indexOf(up())] = Number(y.toPrecision(4));
    draw();
    actions.pointsChanged();
  };

  plot.redraw = draw;
  plot.canvas.addEventListener("pointermove", (event) => {
    const place = plot.under(event);
    if (dragging && chosen !== null) { move(chosen, place.x, place.y); return; }
    const i = nearest(place);
    if (i === null) { plot.say(""); return; }
    tell(i, place);
    if (state.chosen && state.row !== state.chosen[i]) actions.lookAtRow(state.chosen[i]);
  });
  plot.canvas.addEventListener("pointerleave", () => plot.say(""));
  plot.canvas.addEventListener("pointerdown", (event) => {
    chosen = nearest(plot.under(event));
    dragging = chosen !== null && movable();
    if (dragging) plot.canvas.setPointerCapture(event.pointerId);
    draw();
  });
  plot.canvas.addEventListener("pointerup", () => { dragging = false; });
  plot.canvas.addEventListener("dblclick", (event) => {
    const place = plot.under(event);
    if (movable() && nearest(place) === null) addPoint(place.x, place.y);
  });
  const addPoint = (/** @type {number} */ x, /** @type {number} */ y) => {
    const { data, table } = state;
    if (!data || !table) return;
    const cells = data.names.map((name) => (name === across() ? x : name === up() ? y : planar() ? 1 : 0));
    actions.addRow(cells.map((v) => Number(v.toPrecision(4))));
  };
  plot.canvas.addEventListener("keydown", (event) => {
    const count = state.table?.shape[0] ?? 0;
    if (!count) return;
    const by = { x: (plot.x[1] - plot.x[0]) / 50, y: (plot.y[1] - plot.y[0]) / 50 };
    const ways = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [-by.x, 0], ArrowRight: [by.x, 0], ArrowUp: [0, by.y], ArrowDown: [0, -by.y],
    });
    if (event.key === "n" || event.key === "p") chosen = ((chosen ?? -1) + (event.key === "n" ? 1 : count - 1) + count) % count;
    else if (event.key === "a" && movable()) addPoint((plot.x[0] + plot.x[1]) / 2, (plot.y[0] + plot.y[1]) / 2);
    else if (event.key in ways && chosen !== null && movable()) {
      const [dx, dy] = ways[event.key];
      move(chosen, column(across())[chosen] + dx, column(up())[chosen] + dy);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    if (chosen !== null && state.chosen) {
      tell(chosen, { left: plot.px(column(across())[chosen]), top: plot.py(column(up())[chosen]) });
      set({ row: state.chosen[chosen] });
    }
    draw();
  });
  on(["data"], rescale);
  on(["fit", "table", "batch", "row"], draw);
}

