// @ts-check
/** Which line is which run: this one, and the earlier ones that are drawn beside it, each with a way to drop it. */

import { actions } from "../actions.js";
import { on, state } from "../state.js";
import { made, t } from "../words.js";

/** @param {HTMLElement} parent */
export function legend(parent) {
  const list = made("ul", { class: "legend", "aria-label": t("runs"), hidden: true });
  parent.append(list);
  on(["others"], () => {
    const names = state.others.map(({ name }) => name).join("\n");
    if (list.dataset.names === names) return; // only the steps are new
    list.dataset.names = names;
    list.hidden = state.others.length === 0;
    list.replaceChildren(
      made("li", {}, [made("span", { class: "line present", "aria-hidden": "true" }), t("this_run")]),
      ...state.others.map(({ name }, k) => made("li", {}, [
        made("span", { class: `line earlier${k % 4}`, "aria-hidden": "true" }),
        made("span", { class: "name", text: name, title: name }),
        made("button", { type: "button", text: "×", "aria-label": t("drop_run", { name }), title: t("drop_run", { name }), onclick: () => actions.drop(k) }),
      ])),
    );
  });
}
