// @ts-check
/** A canvas with two axes: scales, ticks, marks, and what is under the pointer. Colours are those of the style sheet. */

import { short } from "./words.js";

const SPACE = { left: 58, right: 14, top: 26, bottom: 38 };

/** @type {Map<string, string>} colours as they were read last: to read one makes the browser settle all styles first */
const palette = new Map();

/** @param {string} name of a colour in the style sheet */
export function colour(name) {
  let found = palette.get(name);
  if (found === undefined) palette.set(name, found = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return found;
}

/** @type {Set<Plot>} */
const plots = new Set();

/** The plot on a canvas. @param {HTMLCanvasElement} canvas */
export const plotOf = (canvas) => [...plots].find((plot) => plot.canvas === canvas);

/** The plots are made anew. */
export const forgetPlots = () => plots.clear();

/** The style sheet has other colours now. */
export function recolour() {
  palette.clear();
  for (const plot of plots) plot.redraw();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);

/**
 * Round places on an axis, at most about `most`.
 * @param {number} low @param {number} high @param {number} most
 */
export function ticks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough) ?? rough;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step && found.length < 30; k++) {
    found.push(Math.abs(k * step) < 1e-12 * step ? 0 : k * step);
  }
  return found;
}

export class Plot {
  /**
   * @param {HTMLElement} parent
   * @param {{label: string, keys?: boolean}} options `label` for those who do not see it
   */
  constructor(parent, { label, keys = false }) {
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", label);
    if (keys) this.canvas.tabIndex = 0;
    this.readout = document.createElement("output");
    this.readout.className = "readout";
    parent.append(this.canvas, this.readout);
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.x = [0, 1];
    this.y = [0, 1];
    this.logY = false;
    this.width = 0;
    this.height = 0;
    this.redraw = () => {};
    plots.add(this);
    new ResizeObserver(() => { this.measure(); this.redraw(); }).observe(this.canvas);
  }

  /**
   * Draw on something else than the canvas.
   * @template T @param {T} other of the same calls as a canvas's context @returns {T}
   */
  drawnOn(other) {
    const own = this.context;
    this.context = /** @type {any} */ (other);
    try { this.redraw(); } finally { this.context = own; }
    return other;
  }

  measure() {
    const box = this.canvas.getBoundingClientRect();
    const density = devicePixelRatio || 1;
    this.width = box.width;
    this.height = box.height;
    this.canvas.width = Math.round(box.width * density);
    this.canvas.height = Math.round(box.height * density);
    this.context.setTransform(density, 0, 0, density, 0, 0);
  }

  /** @param {number} x */
  px(x) {
    return SPACE.left + ((x - this.x[0]) / (this.x[1] - this.x[0])) * (this.width - SPACE.left - SPACE.right);
  }

  /** @param {number} y */
  py(y) {
    const [low, high] = this.logY ? this.y.map(Math.log10) : this.y;
    const at = this.logY ? Math.log10(y) : y;
    return this.height - SPACE.bottom - ((at - low) / (high - low)) * (this.height - SPACE.top - SPACE.bottom);
  }

  /** The place under a pointer, in the units of the axes. @param {PointerEvent | MouseEvent} event */
  under(event) {
    const box = this.canvas.getBoundingClientRect();
    const along = (event.clientX - box.left - SPACE.left) / (this.width - SPACE.left - SPACE.right);
    const up = (this.height - SPACE.bottom - (event.clientY - box.top)) / (this.height - SPACE.top - SPACE.bottom);
    const [low, high] = this.logY ? this.y.map(Math.log10) : this.y;
    const y = low + up * (high - low);
    return { x: this.x[0] + along * (this.x[1] - this.x[0]), y: this.logY ? 10 ** y : y,
             left: event.clientX - box.left, top: event.clientY - box.top };
  }

  /**
   * Clear it, and draw the frame with its ticks.
   * @param {string} xName @param {string} yName
   */
  axes(xName, yName) {
    if (!this.width) this.measure();
    const c = this.context;
    c.clearRect(0, 0, this.width, this.height);
    c.font = "12px system-ui, sans-serif";
    c.fillStyle = colour("quiet");
    c.strokeStyle = colour("hair");
    c.lineWidth = 1;
    c.textAlign = "center";
    c.textBaseline = "top";
    for (const x of ticks(this.x[0], this.x[1], Math.max(2, this.width / 90))) {
      const at = Math.round(this.px(x)) + 0.5;
      this.line(at, SPACE.top, at, this.height - SPACE.bottom);
      c.fillText(short(x), at, this.height - SPACE.bottom + 5);
    }
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const y of this.yTicks()) {
      const at = Math.round(this.py(y)) + 0.5;
      this.line(SPACE.left, at, this.width - SPACE.right, at);
      c.fillText(short(y), SPACE.left - 6, at);
    }
    c.fillStyle = colour("text");
    c.textAlign = "right";
    c.textBaseline = "bottom";
    c.fillText(xName, this.width - SPACE.right, this.height - 3);
    c.textAlign = "left";
    c.textBaseline = "top";
    c.fillText(yName, 4, 5); // above the numbers, upright: a long name hides none of them
    c.save();
    c.beginPath();
    c.rect(SPACE.left, SPACE.top, this.width - SPACE.left - SPACE.right, this.height - SPACE.top - SPACE.bottom);
    c.clip();
  }

  /** Behind the marks: what is drawn next may lie outside the frame. */
  done() {
    this.context.restore();
  }

  /** What there is to say in place of marks. @param {string} text */
  note(text) {
    const c = this.context;
    c.fillStyle = colour("quiet");
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(text, (SPACE.left + this.width - SPACE.right) / 2, (SPACE.top + this.height - SPACE.bottom) / 2);
  }

  yTicks() {
    if (!this.logY) return ticks(this.y[0], this.y[1], Math.max(2, this.height / 50));
    const found = [];
    const [low, high] = this.y.map(Math.log10);
    const every = Math.max(1, Math.ceil((high - low) / (this.height / 40)));
    for (let k = Math.ceil(low); k <= high; k += every) found.push(10 ** k);
    return found.length > 1 ? found : ticks(this.y[0], this.y[1], 4);
  }

  /** @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 in pixels */
  line(x0, y0, x1, y1) {
    const c = this.context;
    c.beginPath();
    c.moveTo(x0, y0);
    c.lineTo(x1, y1);
    c.stroke();
  }

  /**
   * A curve through places; a number that is not finite interrupts it.
   * @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys @param {string} stroke @param {number} [width]
   * @param {number[]} [dash]
   */
  curve(xs, ys, stroke, width = 2, dash = []) {
    const c = this.context;
    c.strokeStyle = stroke;
    c.lineWidth = width;
    c.setLineDash(dash);
    c.lineJoin = "round";
    c.beginPath();
    let drawing = false;
    for (let k = 0; k < xs.length; k++) {
      if (!Number.isFinite(ys[k]) || !Number.isFinite(xs[k]) || (this.logY && ys[k] <= 0)) { drawing = false; continue; }
      const x = this.px(xs[k]);
      const y = Math.max(-1e5, Math.min(1e5, this.py(ys[k])));
      if (drawing) c.lineTo(x, y); else c.moveTo(x, y);
      drawing = true;
    }
    c.stroke();
    c.setLineDash([]);
  }

  /** @param {number} x @param {number} y @param {string} fill @param {number} [radius] @param {string} [ring] */
  dot(x, y, fill, radius = 3.5, ring = "") {
    const c = this.context;
    c.beginPath();
    c.arc(this.px(x), this.py(y), radius, 0, 2 * Math.PI);
    c.fillStyle = fill;
    c.fill();
    if (ring) {
      c.strokeStyle = ring;
      c.lineWidth = 2;
      c.stroke();
    }
  }

  /** @param {string} text @param {{left: number, top: number} | null} [place] */
  say(text, place = null) {
    this.readout.textContent = text;
    this.readout.hidden = !text;
    if (place) {
      const right = place.left > this.width / 2;
      this.readout.style.left = right ? "auto" : `${place.left + 12}px`;
      this.readout.style.right = right ? `${this.width - place.left + 12}px` : "auto";
      this.readout.style.top = `${Math.max(0, place.top - 30)}px`;
    }
  }
}

/**
 * The range of numbers, a little wider than they are.
 * @param {ArrayLike<number>[]} many @param {number} [margin]
 */
export function range(many, margin = 0.06) {
  let low = Infinity;
  let high = -Infinity;
  for (const values of many) {
    for (let k = 0; k < values.length; k++) {
      const v = values[k];
      if (Number.isFinite(v)) { if (v < low) low = v; if (v > high) high = v; }
    }
  }
  if (!(low <= high)) return [0, 1];
  const beyond = margin * (high - low) || 0.5 * (Math.abs(low) || 1);
  return [low - beyond, high + beyond];
}

/**
 * The pieces of the line at one height through a grid of heights (marching squares): pairs of places.
 * @param {Float64Array} heights of shape (x, y) @param {Float64Array} x @param {Float64Array} y @param {number} level
 */
export function level(heights, x, y, level) {
  const pieces = [];
  const ny = y.length;
  for (let i = 0; i + 1 < x.length; i++) {
    for (let j = 0; j + 1 < ny; j++) {
      const corners = [heights[i * ny + j], heights[(i + 1) * ny + j], heights[(i + 1) * ny + j + 1], heights[i * ny + j + 1]];
      if (!corners.every(Number.isFinite)) continue;
      const px = [x[i], x[i + 1], x[i + 1], x[i]];
      const py = [y[j], y[j], y[j + 1], y[j + 1]];
      const cuts = [];
      for (let k = 0; k < 4; k++) {
        const a = corners[k];
        const b = corners[(k + 1) % 4];
        if (a < level !== b < level) {
          const s = (level - a) / (b - a);
          cuts.push([px[k] + s * (px[(k + 1) % 4] - px[k]), py[k] + s * (py[(k + 1) % 4] - py[k])]);
        }
      }
      for (let k = 0; k + 1 < cuts.length; k += 2) pieces.push([cuts[k], cuts[k + 1]]);
    }
  }
  return pieces;
}
