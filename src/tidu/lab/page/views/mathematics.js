// @ts-check
/** The formula with its numbers put in: the parts of the next step one after the other, each value with its origin. */

import { actions } from "../actions.js";
import { withNames } from "../pointing.js";
import { on, set, state } from "../state.js";
import { made, short, t } from "../words.js";

export const PARTS = ["step", "forward", "loss", "backward", "accumulate", "mean", "penalty", "clip", "rate", "update"];

/** The parts that the explained step has, in order. */
export function partsHere() {
  const found = new Set((state.explanation?.entries ?? []).map((/** @type {any} */ e) => e.block));
  return PARTS.filter((part) => found.has(part));
}

/** @param {HTMLElement} parent */
export function mathematicsView(parent) {
  const equations = made("dl", { class: "equations" });
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
    const names = new Set(found.entries.map((/** @type {any} */ e) => e.name).concat(Object.keys(found.before), state.data?.names ?? []));
    const here = partsHere();
    const now = state.part > 0 ? here[state.part - 1] : null;
    told.replaceChildren(
      ...here.map((part) => {
        const entries = found.entries.filter((/** @type {any} */ e) => e.block === part);
        const box = made("section", { class: part === now ? "part now" : "part" }, [
          made("h3", {}, [t(`part_${part}`)]),
          ...entries.map((/** @type {any} */ e) => equation(e, /** @type {Set<string>} */ (names))),
        ]);
        box.addEventListener("click", () => set({ part: here.indexOf(part) + 1 }));
        return box;
      }),
      made("p", { class: "ledger", text: found.reduction.join(" ") }),
    );
  };

  const equation = (/** @type {any} */ e, /** @type {Set<string>} */ names) => {
    const line = made("p", { class: "equation", tabindex: 0, "data-node": e.name });
    line.append(made("b", { text: e.name, class: "name", "data-node": e.name }));
    const middle = [e.formula, e.numbers].filter((part, k, all) => part && (k === 0 || part !== all[k - 1]));
    for (const [k, part] of middle.entries()) {
      line.append(" = ");
      line.append(k === 0 && part === e.formula ? withNames(part, names) : part);
    }
    const value = Array.isArray(e.value) ? `[${e.value.flat(9).slice(0, 6).map(short).join(", ")}${e.value.flat(9).length > 6 ? ", …" : ""}]` : short(e.value);
    line.append(" = ", made("output", { text: value, title: Array.isArray(e.value) ? "" : String(e.value) }));
    if (e.row !== null) line.append(made("small", { text: ` ${t("row")} ${e.row}` }));
    return line;
  };

  on(["equations"], drawEquations);
  on(["explanation", "part"], draw);
  actions.partShown = draw;
}
