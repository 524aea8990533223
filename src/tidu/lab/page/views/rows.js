// @ts-check
/** Rows of the data with their predictions; those that feed the next step are marked. */

import { actions } from "../actions.js";
import { on, state } from "../state.js";
import { made, short, t } from "../words.js";

const PAGE = 100; // rows

/** @param {HTMLElement} parent */
export function rowsView(parent) {
  const bar = made("p", { class: "bar" });
  const earlier = made("button", { type: "button", text: "‹", title: t("rows_before"), "aria-label": t("rows_before") });
  const later = made("button", { type: "button", text: "›", title: t("rows_after"), "aria-label": t("rows_after") });
  const where = made("span");
  bar.append(earlier, where, later);
  const box = made("div", { class: "table", tabindex: 0 });
  parent.append(bar, box);
  /** @type {{line: HTMLElement, button: HTMLElement, predicted: HTMLElement}[]} */
  let lines = [];

  const draw = () => {
    const { data, rows } = state;
    if (!data || !rows) return;
    parent.hidden = data.names.length === 0;
    const [count, width] = rows.cells.shape;
    const head = made("tr", {}, [t("row"), ...rows.names, t(data.function ? "value" : "prediction")].map((name) => made("th", { scope: "col", text: name })));
    lines = Array.from({ length: count }, (_none, i) => {
      const row = rows.first + i;
      const button = made("button", { type: "button", text: row, onclick: () => actions.lookAtRow(row) });
      const cells = Array.from({ length: width }, (_cell, j) => cell(rows.cells.values[i * width + j]));
      const predicted = made("td");
      return { line: made("tr", {}, [made("th", { scope: "row" }, [button]), ...cells, predicted]), button, predicted };
    });
    box.replaceChildren(made("table", {}, [
      made("caption", { text: t("in_batch_caption") + (rows.more ? ` (${t("columns")}: ${t("and_more", { count: rows.more })})` : "") }),
      made("thead", {}, [head]), made("tbody", {}, lines.map(({ line }) => line)),
    ]));
    where.textContent = ` ${rows.first}–${rows.first + count - 1} / ${rows.rows} `;
    bar.hidden = rows.rows <= PAGE;
    mark();
    predict();
  };

  const mark = () => {
    if (!state.rows) return; // those of other data are on their way
    const batch = new Set(state.batch);
    lines.forEach(({ line, button }, i) => {
      const row = state.rows.first + i;
      line.classList.toggle("fed", batch.has(row));
      line.classList.toggle("lit", row === state.row);
      button.setAttribute("aria-pressed", String(row === state.row));
    });
  };

  const predict = () => {
    const { predictions } = state;
    if (!predictions || predictions.length !== lines.length) return;
    lines.forEach(({ predicted }, i) => {
      const exact = String(predictions[i]);
      if (predicted.title === exact) return;
      predicted.title = exact;
      predicted.textContent = short(predictions[i]);
    });
  };

  earlier.addEventListener("click", () => actions.page(Math.max(0, state.firstRow - PAGE)));
  later.addEventListener("click", () => { if (state.firstRow + PAGE < state.rows.rows) actions.page(state.firstRow + PAGE); });
  on(["rows"], draw);
  on(["row", "batch"], mark);
  on(["predictions"], predict);
}

/** @param {number} value */
const cell = (value) => made("td", { text: short(value), title: String(value) });
