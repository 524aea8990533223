// @ts-check
/** The loop that runs, with the lines of the part that is looked at, and names that light up everywhere. */

import { point, withNames } from "../pointing.js";
import { on, state } from "../state.js";
import { made } from "../words.js";
import { partsHere } from "./mathematics.js";

/** @param {HTMLElement} parent */
export function loopView(parent) {
  const code = made("ol", { class: "code", tabindex: 0 });
  parent.append(code);
  const draw = () => {
    const names = new Set([...state.parameters, ...(state.data?.names ?? []), ...(state.explanation?.entries ?? []).map((/** @type {any} */ e) => e.name)]);
    code.replaceChildren(
      ...state.source.split("\n").map((line, k) => {
        const item = made("li", { "data-line": k + 1 });
        const found = line.match(/(^\s*|\s{2})# /);
        const end = found?.index === undefined ? line.length : found.index + found[1].length;
        item.append(withNames(line.slice(0, end), names));
        if (end < line.length) item.append(made("i", { text: line.slice(end) }));
        item.addEventListener("pointerenter", () => {
          const entry = (state.explanation?.entries ?? []).find((/** @type {any} */ e) => e.line === k + 1);
          if (entry) point(entry.node || entry.name);
        });
        return item;
      }),
    );
    mark();
  };
  const mark = () => {
    const here = partsHere();
    const now = state.part > 0 ? here[state.part - 1] : null;
    const lines = new Set((state.explanation?.entries ?? []).filter((/** @type {any} */ e) => e.block === now).map((/** @type {any} */ e) => String(e.line)));
    let first = null;
    for (const item of code.children) {
      const lit = lines.has(item.dataset.line);
      item.classList.toggle("running", lit);
      if (lit && !first) first = item;
    }
    if (first) code.scrollTop = Math.max(0, first.offsetTop - code.offsetTop - code.clientHeight / 3);
  };
  on(["source"], draw);
  on(["part", "explanation"], () => {
    if (!code.dataset.names && state.explanation) { code.dataset.names = "known"; draw(); } else mark();
  });
}
