// @ts-check
/** The formula with its numbers put in: the parts of the next step one after the other, each value with its origin. */

import { on, set, state } from "../state.js";
import { made, t } from "../words.js";

export const PARTS = ["given", "step", "forward", "loss", "backward", "accumulate", "mean", "penalty", "clip", "rate", "update"];

/** The parts that the explained step has, in order. */
export function partsHere() {
  const found = new Set((state.explanation?.entries ?? []).map((/** @type {any} */ e) => e.block));
  return PARTS.filter((part) => found.has(part));
}

/** @param {HTMLElement} parent */
export function mathematicsView(parent) {
  const equations = made("dl", { class: "equations", tabindex: 0 });
  const told = made("div", { class: "told" });
  parent.append(equations, told);
  /** @type {Equation[]} in the order of the entries */
  let lines = [];
  /** @type {Map<string, HTMLElement>} */
  const boxes = new Map();
  const ledger = made("p", { class: "ledger" });

  const drawEquations = () => {
    // Markup of the engine, which escapes every name that stands in it.
    equations.replaceChildren(
      ...state.equations.flatMap(([left, sign, right]) => {
        const [dt, dd] = [made("dt"), made("dd", { "data-sign": sign })];
        dt.innerHTML = left;
        dd.innerHTML = right;
        return [dt, dd];
      }),
    );
  };

  const draw = () => {
    const found = state.explanation;
    told.classList.toggle("stale", !found);
    if (!found) {
      if (state.why) { told.replaceChildren(); lines = []; } // it ends here; else the next numbers are on their way
      return;
    }
    const same = lines.length === found.entries.length && lines.every((line, k) => line.block === found.entries[k].block);
    if (!same) build(found.entries);
    lines.forEach((line, k) => line.show(found.entries[k]));
    const words = [...found.reduction, ...found.notes].join(" ");
    if (ledger.textContent !== words) ledger.textContent = words;
    mark();
  };

  /** @param {any[]} entries */
  const build = (entries) => {
    lines = entries.map((e) => new Equation(e.block));
    boxes.clear();
    for (const part of partsHere()) {
      const own = lines.filter((line) => line.block === part).map((line) => line.element);
      const box = made("section", { class: "part" }, [made("h3", { text: t(`part_${part}`) }), ...own]);
      box.addEventListener("click", () => set({ part: partsHere().indexOf(part) + 1 }));
      boxes.set(part, box);
    }
    told.replaceChildren(...boxes.values(), ledger);
  };

  const mark = () => {
    const now = state.part > 0 ? partsHere()[state.part - 1] : null;
    for (const [part, box] of boxes) box.classList.toggle("now", part === now);
  };

  on(["equations"], drawEquations);
  on(["explanation", "why"], draw);
  on(["part"], mark);
}

/** A line of the step: it is set once, and then only its numbers change, as long as its form stays. */
class Equation {
  /** @param {string} block */
  constructor(block) {
    this.block = block;
    this.formula = made("span");
    this.row = made("small");
    this.rule = made("small", { class: "rule" });
    this.element = made("p", { class: "equation", tabindex: 0 }, [this.formula, this.row, this.rule]);
    this.markup = "";
    /** @type {Element[]} */
    this.numbers = [];
    /** @type {any} */
    this.shown = {};
  }

  /** @param {any} entry */
  show(entry) {
    if (entry === this.shown) return;
    const before = this.shown;
    this.shown = entry;
    if (entry.markup !== before.markup) {
      this.formula.innerHTML = entry.markup; // the engine's, which escapes every name that stands in it
      this.numbers = [...this.formula.querySelectorAll("mn")].filter((mn) => mn.textContent === "");
    }
    this.numbers.forEach((mn, k) => { if (mn.textContent !== entry.numbers[k]) mn.textContent = entry.numbers[k]; });
    if (entry.node !== before.node) this.element.dataset.node = entry.node;
    if (entry.row !== before.row) this.row.textContent = entry.row === null ? "" : t("row_number", { row: entry.row });
    if (entry.rule !== before.rule) this.rule.textContent = entry.rule;
    if (entry.text !== before.text || entry.rule !== before.rule) this.element.setAttribute("aria-label", `${entry.text}. ${entry.rule}`);
  }
}
