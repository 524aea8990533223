// @ts-check
/** Rows of the data with their predictions; those that feed the next step are marked. */

import { actions } from "../actions.js";
import { connection } from "../actions.js";
import { on, state } from "../state.js";
import { made, short, t } from "../words.js";

/** @param {HTMLElement} parent */
export function rowsView(parent) {
  const bar = made("p", { class: "bar" });
  const earlier = made("button", { type: "button", text: "‹", "aria-label": "‹" });
  const later = made("button", { type: "button", text: "›", "aria-label": "›" });
  const where = made("span");
  bar.append(earlier, where, later);
  const box = made("div", { class: "table", tabindex: 0 });
  parent.append(bar, box);
  let first = 0;
  const fetchRows = () => connection.latest("table", async () => {
    if (!state.data) return;
    parent.hidden = state.data.names.length === 0;
    if (parent.hidden) return;
    const reply = await connection.ask("table", { first });
    if (reply.error) return;
    const [count, width] = reply.cells.shape;
    const batch = new Set(state.batch);
    const head = made("tr", {}, [t("row"), ...reply.names, t(state.data?.function ? "value" : "prediction")].map((name) => made("th", { scope: "col", text: name })));
    const lines = [];
    for (let i = 0; i < count; i++) {
      const row = reply.first + i;
      const cells = [];
      for (let j = 0; j < width; j++) cells.push(made("td", { text: short(reply.cells.values[i * width + j]), title: String(reply.cells.values[i * width + j]) }));
      const line = made("tr", { class: `${batch.has(row) ? "fed" : ""} ${row === state.row ? "lit" : ""}` }, [
        made("th", { scope: "row" }, [made("button", { type: "button", text: row, "aria-pressed": String(row === state.row), onclick: () => actions.lookAtRow(row) })]),
        ...cells,
      ]);
      lines.push(line);
    }
    box.replaceChildren(made("table", {}, [made("caption", { text: t("in_batch_caption") + (reply.more ? ` (${t("columns")}: ${t("and_more", { count: reply.more })})` : "") }), made("thead", {}, [head]), made("tbody", {}, lines)]));
    where.textContent = ` ${reply.first}–${reply.first + count - 1} / ${reply.rows} `;
    bar.hidden = reply.rows <= 100;
  });
  earlier.addEventListener("click", () => { first = Math.max(0, first - 100); fetchRows(); });
  later.addEventListener("click", () => { first = Math.min(Math.max(0, (state.data?.rows ?? 1) - 1), first + 100); fetchRows(); });
  on(["data"], () => { first = 0; fetchRows(); });
  on(["params", "row", "batch"], () => { if (!state.playing) fetchRows(); });
  on(["playing"], fetchRows);
}
