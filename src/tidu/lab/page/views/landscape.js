// @ts-check
/** The cost over two parameters as contours, the way over it, the gradient as an arrow, and a start that one can drag. */

import { actions } from "../actions.js";
import { colour, level, Plot, range } from "../plot.js";
import { on, state } from "../state.js";
import { made, short, t } from "../words.js";
import { legend } from "./legend.js";

const LEVELS = 14;

/** @param {HTMLElement} parent */
export function landscapeView(parent) {
  const bar = made("p", { class: "bar" });
  const first = made("select", { "aria-label": "x" });
  const second = made("select", { "aria-label": "y" });
  bar.append(first, " × ", second);
  parent.append(bar);
  const plot = new Plot(parent, { label: t("landscape"), keys: true });
  const hint = made("p", { class: "hint" });
  parent.append(hint);
  legend(parent);
  /** @type {{x: number, y: number} | null} */ let start = null;
  let dragging = false;
  const names = () => [first.value, second.value];

  let offered = "";
  const choose = () => {
    const scalars = state.parameters.filter((name) => typeof state.params[name] === "number" || state.params[name] === null);
    const offer = `${scalars.join()} of ${state.parameters.join()}`;
    if (offer === offered) return;
    offered = offer;
    const before = names();
    for (const [k, select] of [first, second].entries()) {
      select.replaceChildren(...scalars.map((name) => made("option", { value: name, text: name })));
      select.value = scalars.includes(before[k]) && before[0] !== before[1] ? before[k] : (scalars[k] ?? "");
    }
    bar.hidden = scalars.length <= 2;
    const alone = scalars.length === 1 && state.parameters.length === 1; // one number is all that is learned
    parent.hidden = scalars.length < 2 && !alone;
    actions.landscapeOf(parent.hidden ? null : alone ? [first.value] : names());
  };
  first.addEventListener("change", () => actions.landscapeOf(names()));
  second.addEventListener("change", () => actions.landscapeOf(names()));

  const draw = () => {
    const { landscape } = state;
    if (!landscape || parent.hidden) return;
    const { x, y, contours } = landscape;
    const [a, b] = contours.names;
    if (b === undefined) { drawProfile(a); return; }
    plot.x = [x.values[0], x.values.at(-1)];
    plot.y = [y.values[0], y.values.at(-1)];
    plot.axes(a, b);
    linesOf(landscape).forEach((line, k) => {
      plot.context.strokeStyle = colour("contour");
      plot.context.globalAlpha = 0.9 - 0.6 * (k / LEVELS);
      plot.context.lineWidth = 1;
      plot.context.beginPath();
      for (const [p, q] of line) {
        plot.context.moveTo(plot.px(p[0]), plot.py(p[1]));
        plot.context.lineTo(plot.px(q[0]), plot.py(q[1]));
      }
      plot.context.stroke();
    });
    plot.context.globalAlpha = 1;
    state.others.forEach((other, k) => drawPath(other, a, b, colour(`other${k % 4}`), [5, 4]));
    drawPath(state.track, a, b, colour("model"), []);
    drawGradient(a, b);
    const here = { x: state.params[a], y: state.params[b] };
    if (Number.isFinite(here.x)) plot.dot(here.x, here.y, colour("model"), 5, colour("page"));
    const from = dragging && start ? start : state.start;
    if (from) plot.dot(from.x, from.y, colour("page"), 6, colour("model"));
    plot.done();
    const said = [t("start_hint")];
    if (contours.slice) said.push(t("slice"));
    if (contours.sampled) said.push(t("sampled"));
    hint.textContent = said.join(" · ");
    plot.canvas.setAttribute("aria-label", `${t("landscape")}: ${a} = ${short(here.x)}, ${b} = ${short(here.y)}, ${t("cost")} ${short(state.cost)}`);
  };

  /** The cost along one parameter, with the places that the descent came to. @param {string} a */
  const drawProfile = (a) => {
    const { x, heights, way, way_heights: high, contours } = state.landscape;
    plot.x = [x.values[0], x.values.at(-1)];
    plot.y = range([heights.values.filter(Number.isFinite)]);
    plot.axes(a, "J");
    plot.curve(x.values, heights.values, colour("contour"), 2);
    plot.curve(way.values, high.values, colour("model"), 1.2, [4, 3]);
    for (let k = 0; k < way.values.length; k++) plot.dot(way.values[k], high.values[k], colour("model"), 3);
    plot.dot(way.values[0], high.values[0], colour("page"), 6, colour("model"));
    plot.dot(way.values.at(-1), high.values.at(-1), colour("model"), 5, colour("page"));
    plot.done();
    hint.textContent = [contours.slice ? t("slice") : "", contours.sampled ? t("sampled") : ""].filter(Boolean).join(" · ");
    plot.canvas.setAttribute("aria-label", `${t("landscape")}: ${a} = ${short(state.params[a])}, ${t("cost")} ${short(state.cost)}`);
  };

  const drawPath = (/** @type {any} */ track, /** @type {string} */ a, /** @type {string} */ b, /** @type {string} */ stroke, /** @type {number[]} */ dash) => {
    const i = track.recorded.indexOf(a);
    const j = track.recorded.indexOf(b);
    if (i < 0 || j < 0) return;
    const seen = track.steps.filter((/** @type {number} */ s) => s <= state.step).length;
    const path = track.path.slice(0, seen);
    const xs = path.map((/** @type {number[]} */ p) => p[i]);
    const ys = path.map((/** @type {number[]} */ p) => p[j]);
    const from = track.start ? { x: track.start[a], y: track.start[b] } : state.start; // an earlier run has its own
    if (from && Number.isFinite(from.x) && Number.isFinite(from.y)) { xs.unshift(from.x); ys.unshift(from.y); }
    plot.curve(xs, ys, stroke, 1.8, dash);
    if (xs.length < 60) for (let k = 0; k < xs.length; k++) plot.dot(xs[k], ys[k], stroke, 2);
  };

  const drawGradient = (/** @type {string} */ a, /** @type {string} */ b) => {
    const after = state.explanation?.after;
    if (!after || state.explanation.step !== state.step) return;
    const [x0, y0, x1, y1] = [plot.px(state.params[a]), plot.py(state.params[b]), plot.px(after[a]), plot.py(after[b])];
    const long = Math.hypot(x1 - x0, y1 - y0);
    if (!(long > 0.5)) return;
    const scale = Math.max(26, Math.min(long, 0.28 * plot.width)) / long;
    const [ex, ey] = [x0 + (x1 - x0) * scale, y0 + (y1 - y0) * scale];
    const turn = Math.atan2(ey - y0, ex - x0);
    plot.context.strokeStyle = colour("arrow");
    plot.context.lineWidth = 2.5;
    plot.line(x0, y0, ex, ey);
    for (const side of [-0.5, 0.5]) plot.line(ex, ey, ex - 9 * Math.cos(turn + side), ey - 9 * Math.sin(turn + side));
  };

  plot.redraw = draw;
  const moved = (/** @type {number} */ x, /** @type {number} */ y) => {
    start = { x, y };
    draw();
    actions.startAt({ [names()[0]]: Number(x.toPrecision(4)), [names()[1]]: Number(y.toPrecision(4)) });
  };
  plot.canvas.addEventListener("pointerdown", (event) => {
    const place = plot.under(event);
    if (!state.start || flat()) return;
    const near = Math.hypot(plot.px(state.start.x) - place.left, plot.py(state.start.y) - place.top) < 16;
    if (!near) return;
    dragging = true;
    plot.canvas.setPointerCapture(event.pointerId);
  });
  plot.canvas.addEventListener("pointermove", (event) => {
    const place = plot.under(event);
    if (dragging) moved(place.x, place.y);
    else if (state.landscape && flat()) {
      const i = nearest(place.x);
      plot.say(`${names()[0]} = ${short(state.landscape.x.values[i])}: J = ${short(state.landscape.heights.values[i])}`, place);
    } else if (state.landscape) plot.say(`${names()[0]} = ${short(place.x)}, ${names()[1]} = ${short(place.y)}: J = ${short(heightAt(place))}`, place);
  });
  plot.canvas.addEventListener("pointerup", () => {
    if (!dragging) return;
    [dragging, start] = [false, null];
    actions.landscapeOf(names());
  });
  plot.canvas.addEventListener("pointerleave", () => plot.say(""));
  const flat = () => state.landscape.contours.names.length === 1;
  const nearest = (/** @type {number} */ x) => {
    const [low, high, last] = [plot.x[0], plot.x[1], state.landscape.x.values.length - 1];
    return Math.min(last, Math.max(0, Math.round(((x - low) / (high - low)) * last)));
  };
  const heightAt = (/** @type {{x: number, y: number}} */ place) => {
    const { x, y, heights } = state.landscape;
    const i = Math.round(((place.x - x.values[0]) / (x.values.at(-1) - x.values[0])) * (x.values.length - 1));
    const j = Math.round(((place.y - y.values[0]) / (y.values.at(-1) - y.values[0])) * (y.values.length - 1));
    return heights.values[i * y.values.length + j] ?? NaN;
  };
  plot.canvas.addEventListener("keydown", (event) => {
    const ways = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] });
    if (!(event.key in ways) || !state.start || flat()) return;
    event.preventDefault();
    event.stopPropagation();
    const [dx, dy] = ways[event.key];
    moved(state.start.x + (dx * (plot.x[1] - plot.x[0])) / 40, state.start.y + (dy * (plot.y[1] - plot.y[0])) / 40);
  });
  on(["parameters"], choose);
  on(["landscape", "track", "others", "explanation", "params", "start"], draw);
}

/** @type {WeakMap<any, [number[], number[]][][]>} the pieces of each line of a landscape, which stays for many steps */
const known = new WeakMap();

/** The contour lines, closer together where the cost is low. @param {any} landscape */
function linesOf(landscape) {
  let lines = known.get(landscape);
  if (!lines) {
    const { x, y, heights } = landscape;
    const [low, high] = range([heights.values], 0);
    lines = Array.from({ length: LEVELS }, (_none, k) => /** @type {[number[], number[]][]} */ (level(heights.values, x.values, y.values, low + (high - low) * ((k + 0.35) / LEVELS) ** 2.5)));
    known.set(landscape, lines);
  }
  return lines;
}
