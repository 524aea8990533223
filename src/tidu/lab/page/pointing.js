// @ts-check
/** One identity for a number wherever it stands: what is pointed at lights up in every view, and says where it is from. */

import { set, state } from "./state.js";
import { by, short, t } from "./words.js";

/** Whatever has a name of the loop as `data-node` answers to the pointer and to the focus, wherever it stands. */
export function listen() {
  const found = (/** @type {Event} */ event) => /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-node]"));
  for (const kind of ["pointerover", "focusin"]) {
    addEventListener(kind, (event) => {
      const element = event.target instanceof Element ? found(event) : null;
      const name = element?.dataset.node ?? null;
      if (name !== state.pointed) point(name);
    });
  }
}

/** @param {string | null} name */
export function point(name) {
  for (const lit of document.querySelectorAll(".lit")) lit.classList.remove("lit");
  set({ pointed: name });
  by("told").textContent = name === null ? "" : origin(name);
  if (name === null) return;
  for (const same of document.querySelectorAll(`[data-node="${CSS.escape(name)}"]`)) same.classList.add("lit");
}

/** Where a number comes from: its formula, the numbers put in, the value, and the line that did it. @param {string} name */
export function origin(name) {
  const entries = state.explanation?.entries ?? [];
  const own = entries.filter((/** @type {any} */ e) => e.name === name);
  const entry = own.find((/** @type {any} */ e) => e.row !== null) ?? own[0];
  if (!entry) {
    if (name in state.digits) return `${name} = ${state.digits[name]}`;
    return name;
  }
  const middle = [entry.formula, entry.numbers].filter((part, k, all) => part && (k === 0 || part !== all[k - 1]));
  const value = Array.isArray(entry.value) ? "[…]" : short(entry.value);
  const where = `${t("line")} ${entry.line}${entry.row === null ? "" : `, ${t("row")} ${entry.row}`}`;
  return `${[name, ...middle, value].join(" = ")}   (${where})`;
}

/**
 * Text of code with each name that the loop knows as an element that stands for it.
 * @param {string} text @param {Set<string>} names
 */
export function withNames(text, names) {
  const parts = document.createDocumentFragment();
  let end = 0;
  for (const found of text.matchAll(/[\p{L}_][\p{L}\p{N}_]*/gu)) {
    if (!names.has(found[0])) continue;
    parts.append(text.slice(end, found.index));
    const token = document.createElement("span");
    token.textContent = found[0];
    token.className = "name";
    token.dataset.node = found[0];
    parts.append(token);
    end = found.index + found[0].length;
  }
  parts.append(text.slice(end));
  return parts;
}
