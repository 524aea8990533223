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

  const drawEquations = () => {
    // Markup of the engine, which escapes every name that stands in it.
    equations.replaceChildren(
      ...state.equations.flatMap(([left, right]) => {
        const [dt, dd] = [made("dt"), made("dd")];
        dt.innerHTML = left;
        dd.innerHTML = right;
        return [dt, dd];
      }),
    );
  };

  const draw = () => {
    const found = state.explanation;
    if (!found) { told.replaceChildren(); return; }
    const here = partsHere();
    const now = state.part > 0 ? here[state.part - 1] : null;
    told.replaceChildren(
      ...here.map((part) => {
        const entries = found.entries.filter((/** @type {any} */ e) => e.block === part);
        const box = made("section", { class: part === now ? "part now" : "part" }, [made("h3", { text: t(`part_${part}`) }), ...entries.map(equation)]);
        box.addEventListener("click", () => set({ part: here.indexOf(part) + 1 }));
        return box;
      }),
      made("p", { class: "ledger", text: [...found.reduction, ...found.notes].join(" ") }),
    );
  };

  /** @param {any} e */
  const equation = (e) => {
    const line = made("p", { class: "equation", tabindex: 0, "data-node": e.node || e.name, "aria-label": `${e.text}. ${e.rule}` });
    line.innerHTML = e.markup; // the engine's, which escapes every name that stands in it
    if (e.row !== null) line.append(made("small", { text: `${t("row")} ${e.row}` }));
    line.append(made("small", { class: "rule", text: e.rule }));
    return line;
  };

  on(["equations"], drawEquations);
  on(["explanation", "part"], draw);
}
