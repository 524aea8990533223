// @ts-check
/** What a plot draws with, in place of a canvas: the same calls make the elements of an SVG file. */

const FAMILY = "system-ui, sans-serif";

/** @typedef {{fillStyle: string, strokeStyle: string, lineWidth: number, globalAlpha: number, font: string, textAlign: string, textBaseline: string, dash: number[], frame: string}} Pen */

export class Drawn {
  /** @param {number} width @param {number} height @param {string} ground its colour */
  constructor(width, height, ground) {
    this.size = `${width} ${height}`;
    /** @type {string[]} */ this.elements = [`<rect width="${width}" height="${height}" fill="${ground}"/>`];
    this.path = "";
    this.clips = 0;
    this.lineJoin = "round";
    /** @type {Pen[]} */ this.kept = [];
    /** @type {Pen} */ this.pen = { fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, globalAlpha: 1, font: "12px", textAlign: "left", textBaseline: "alphabetic", dash: [], frame: "" };
    for (const name of Object.keys(this.pen)) {
      Object.defineProperty(this, name, { get: () => this.pen[/** @type {keyof Pen} */ (name)], set: (value) => { /** @type {any} */ (this.pen)[name] = value; } });
    }
  }

  /** The whole file. */
  text() {
    const [width, height] = this.size.split(" ");
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${this.size}" width="${width}" height="${height}" font-family="${FAMILY}">\n${this.elements.join("\n")}\n</svg>\n`;
  }

  save() { this.kept.push({ ...this.pen }); }
  restore() { this.pen = this.kept.pop() ?? this.pen; }
  clearRect() { /* the ground is there */ }
  beginPath() { this.path = ""; }

  /** @param {number} x @param {number} y */
  moveTo(x, y) { this.path += `M${short(x)} ${short(y)}`; }

  /** @param {number} x @param {number} y */
  lineTo(x, y) { this.path += `L${short(x)} ${short(y)}`; }

  /** A whole circle. @param {number} x @param {number} y @param {number} radius */
  arc(x, y, radius) {
    this.path += `M${short(x - radius)} ${short(y)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  rect(x, y, width, height) { this.path += `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`; }

  clip() {
    this.clips += 1;
    this.elements.push(`<clipPath id="frame${this.clips}"><path d="${this.path}"/></clipPath>`);
    this.pen.frame = `url(#frame${this.clips})`;
  }

  fill() { this.add("path", `d="${this.path}" fill="${this.pen.fillStyle}"`); }

  stroke() {
    const dash = this.pen.dash.length ? ` stroke-dasharray="${this.pen.dash.join(" ")}"` : "";
    this.add("path", `d="${this.path}" fill="none" stroke="${this.pen.strokeStyle}" stroke-width="${this.pen.lineWidth}" stroke-linejoin="${this.lineJoin}"${dash}`);
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  fillRect(x, y, width, height) { this.add("rect", `x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" fill="${this.pen.fillStyle}"`); }

  /** @param {string} text @param {number} x @param {number} y */
  fillText(text, x, y) {
    const anchor = { center: "middle", right: "end" }[this.pen.textAlign] ?? "start";
    const down = { top: "0.8em", middle: "0.35em", bottom: "-0.2em" }[this.pen.textBaseline] ?? "0";
    const size = this.pen.font.match(/[\d.]+px/)?.[0] ?? "12px";
    this.add("text", `x="${short(x)}" y="${short(y)}" dy="${down}" text-anchor="${anchor}" font-size="${size}" fill="${this.pen.fillStyle}"`, text);
  }

  /** @param {number[]} dash */
  setLineDash(dash) { this.pen.dash = dash; }

  /** @param {string} tag @param {string} attributes @param {string} [text] */
  add(tag, attributes, text) {
    const { globalAlpha, frame } = this.pen;
    const more = `${globalAlpha < 1 ? ` opacity="${short(globalAlpha)}"` : ""}${frame ? ` clip-path="${frame}"` : ""}`;
    this.elements.push(text === undefined ? `<${tag} ${attributes}${more}/>` : `<${tag} ${attributes}${more}>${escaped(text)}</${tag}>`);
  }
}

/** @param {number} value */
const short = (value) => Number(value.toFixed(2));

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[letter] ?? "");
