// @ts-check
/** One identity for a number wherever it stands: what is pointed at lights up in every view, and says where it is from.
 *
 * The identity of a node of the program is the engine's (n12); what is no node, such as a mean, goes by its name.
 */

import { set, state } from "./state.js";
import { by, made, t } from "./words.js";

const LONGEST_TRAIL = 24; // numbers

/** The identity of what the loop calls by a name. @param {string} name @returns {string} */
export const identity = (name) => state.explanation?.names[SIGNS[name] ?? name] ?? name;
const SIGNS = /** @type {Record<string, string>} */ ({ "ŷ": "y_hat", "ℓ": "loss" });

/** Whatever has an identity as `data-node` answers to the pointer and to the focus, wherever it stands. */
export function listen() {
  for (const kind of ["pointerover", "focusin"]) {
    addEventListener(kind, (event) => {
      const element = event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest("[data-node]")) : null;
      const found = element?.dataset.node ?? null;
      if (found !== state.pointed) point(found);
    });
  }
}

/** @param {string | null} node */
export function point(node) {
  for (const lit of document.querySelectorAll(".lit")) lit.classList.remove("lit");
  set({ pointed: node });
  by("told").replaceChildren(...(node === null ? [] : origin(node)));
  if (node === null) return;
  for (const same of document.querySelectorAll(`[data-node="${CSS.escape(node)}"]`)) same.classList.add("lit");
}

/** The entries of a node, those of the chosen row before those of the step. @param {string} node */
export function entriesOf(node) {
  const own = (state.explanation?.entries ?? []).filter((/** @type {any} */ e) => (e.node || e.name) === node);
  return own.sort((/** @type {any} */ a, /** @type {any} */ b) => Number(a.row === null) - Number(b.row === null));
}

/** Where a number comes from: its equation, the rule that gave it, the line that did it. @param {string} node @returns {Node[]} */
export function origin(node) {
  const entry = entriesOf(node)[0];
  if (!entry) return node in state.digits ? [document.createTextNode(`${node} = ${state.digits[node]}`)] : [];
  const where = [entry.line ? t("line_number", { line: entry.line }) : "", entry.row === null ? "" : t("row_number", { row: entry.row })].filter(Boolean).join(", ");
  const told = document.createElement("span");
  told.textContent = `${entry.text}${where ? `   (${where})` : ""}   ${entry.rule}`;
  const behind = trail(entry).slice(0, LONGEST_TRAIL).map(({ text }) => text).join("  ←  ");
  return behind ? [told, made("small", { class: "trail", text: `←  ${behind}` })] : [told];
}

/** What went into a number, the nearest first, back to data and parameters. @param {any} entry */
function trail(entry) {
  const { entries } = state.explanation;
  /** @type {any[]} */
  const found = [];
  for (let next = [entry]; next.length;) {
    next = next.flatMap(({ sources }) => sources.map((/** @type {number} */ k) => entries[k])).filter((e) => e && e !== entry && !found.includes(e));
    found.push(...new Set(next));
  }
  return [...new Set(found)];
}

/**
 * Text of code in which each name that the loop knows has its identity.
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
    token.dataset.node = identity(found[0]);
    parts.append(token);
    end = found.index + found[0].length;
  }
  parts.append(text.slice(end));
  return parts;
}
