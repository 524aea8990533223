// @ts-check
/** A view as a picture of its own: SVG, drawn anew as lines and text, and PNG of twice the size on the page. */

import { Drawn } from "./drawn.js";
import { colour, plotOf } from "./plot.js";
import { made, svg, t } from "./words.js";

const DENSITY = 2; // pixels of a PNG for one of the page
const INLINED = ["fill", "stroke", "stroke-width", "stroke-opacity", "font-size", "font-weight", "paint-order", "opacity"];

/** The buttons that take a view away. @param {HTMLElement} panel */
export function pictureButtons(panel) {
  const name = panel.id.replace("view-", "");
  const title = panel.querySelector("h2")?.textContent ?? "";
  const button = (/** @type {string} */ kind, /** @type {() => Promise<Blob>} */ make) => made("button", {
    type: "button", text: kind, "aria-label": t("picture_of", { kind, title }), title: t("picture_of", { kind, title }),
    onclick: async () => download(`${name}.${kind.toLowerCase()}`, await make()),
  });
  panel.append(made("div", { class: "pictures" }, [
    button("SVG", async () => new Blob([await vector(panel)], { type: "image/svg+xml" })), button("PNG", () => pixels(panel)),
  ]));
}

/** @param {string} name @param {Blob} content */
export function download(name, content) {
  const anchor = made("a", { href: URL.createObjectURL(content), download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}

/** The view as the text of an SVG file. @param {HTMLElement} panel @returns {Promise<string>} */
async function vector(panel) {
  const canvas = panel.querySelector("canvas");
  const plot = canvas && plotOf(canvas);
  if (plot) return plot.drawnOn(new Drawn(plot.width, plot.height, colour("panel"))).text();
  const drawing = /** @type {SVGSVGElement | null} */ (panel.querySelector("svg"));
  return new XMLSerializer().serializeToString(drawing ? standingAlone(drawing) : await asDocument(panel));
}

/** A drawing with the styles that the page gave it. @param {SVGSVGElement} drawing */
function standingAlone(drawing) {
  const copy = /** @type {SVGSVGElement} */ (drawing.cloneNode(true));
  const [from, to] = [drawing, copy].map((root) => [root, ...root.querySelectorAll("*")]);
  from.forEach((element, k) => {
    const style = getComputedStyle(element);
    to[k].removeAttribute("style"); // the policy lets none be written: attributes say the same
    for (const name of INLINED) to[k].setAttribute(name, plain(style.getPropertyValue(name)));
  });
  const [, , width, height] = (drawing.getAttribute("viewBox") ?? "0 0 300 150").split(" ");
  const ground = svg("rect", { width, height, fill: colour("panel") });
  copy.prepend(ground);
  for (const [name, value] of Object.entries({ width, height, "font-family": "system-ui, sans-serif" })) copy.setAttribute(name, value);
  return copy;
}

/** A colour as every program knows it. @param {string} value */
function plain(value) {
  const found = value.match(/^color\(srgb ([\d.]+) ([\d.]+) ([\d.]+)/);
  return found ? `rgb(${found.slice(1).map((share) => Math.round(255 * Number(share))).join(",")})` : value;
}

/** What is text on the page, with the style sheet. @param {HTMLElement} panel */
async function asDocument(panel) {
  const css = await (await fetch("style.css")).text();
  const copy = /** @type {HTMLElement} */ (panel.cloneNode(true));
  for (const button of copy.querySelectorAll(".pictures, .bar, .readout")) button.remove();
  const [width, height] = wholeSize(panel);
  const sheet = svg("style", {}, `${css} .view { border: 0; font: ${getComputedStyle(panel).font} } .view, .view * { max-height: none !important; overflow: visible !important; contain: none !important; }`);
  const inside = svg("foreignObject", { width: "100%", height: "100%" });
  const box = document.createElement("div");
  box.append(copy);
  inside.append(box);
  const theme = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const whole = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "data-theme": theme });
  whole.append(sheet, svg("rect", { width, height, fill: colour("panel") }), inside);
  return whole;
}

/** The size of a view with all that one scrolls to in it. @param {HTMLElement} panel */
function wholeSize(panel) {
  const hidden = [...panel.querySelectorAll(".told, .code, .table, .equations")].map((box) => box.scrollHeight - box.clientHeight);
  const wide = [...panel.querySelectorAll(".equation, .equations, .table")].map((box) => box.scrollWidth - box.clientWidth);
  return [panel.clientWidth + Math.max(0, ...wide), panel.clientHeight + hidden.reduce((sum, more) => sum + Math.max(0, more), 0)];
}

/** @param {HTMLElement} panel @returns {Promise<Blob>} */
async function pixels(panel) {
  const text = await vector(panel);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const whole = document.createElement("canvas");
  [whole.width, whole.height] = [DENSITY * image.width, DENSITY * image.height];
  /** @type {CanvasRenderingContext2D} */ (whole.getContext("2d")).drawImage(image, 0, 0, whole.width, whole.height);
  return new Promise((resolve, reject) => whole.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture")))));
}

