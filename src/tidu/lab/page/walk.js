// @ts-check
/** The lessons as walks: a panel that says what to look at, shows it in the views, and asks; the engine judges. */

import { actions, connection } from "./actions.js";
import { openScene } from "./controls.js";
import { identity, point } from "./pointing.js";
import { set, state } from "./state.js";
import { partsHere } from "./views/mathematics.js";
import { by, made, t } from "./words.js";

/** @typedef {{text?: string, code?: string, strong?: string, math?: string}} Piece */

/** @type {{name: string, number: number, title: string}[]} */
let walks = [];
/** @type {{name: string, stop: number, right: number[]} | null} the walk that one is on, and the stops answered rightly */
let here = null;
/** what is shown now; an earlier wish that is still on its way then gives up */
let wish = 0;

/** @param {any} hello what the engine said of itself */
export function lessons(hello) {
  walks = hello.walks;
  const choice = made("select", { id: "lessons", "aria-label": t("lessons") }, [
    made("option", { value: "", text: t("lessons") }),
    ...walks.map(({ name, number, title }) => made("option", { value: name, text: `${number}. ${title}` })),
  ]);
  choice.addEventListener("change", () => (choice.value ? openWalk(choice.value) : close()));
  by("examples").after(choice);
  by("views").before(made("section", { id: "walk", class: "view", hidden: true, "aria-labelledby": "walk-title" }));
}

/** The walk that was open before the page was loaded anew, in another language perhaps. @returns {Promise<boolean>} */
export async function reopened() {
  const kept = JSON.parse(sessionStorage.getItem("walk") ?? "null");
  if (!kept || !walks.some(({ name }) => name === kept.name)) return false;
  await openWalk(kept.name, kept.stop, kept.right);
  return true;
}

/** @param {string} name @param {number} [stop] @param {number[]} [right] */
export async function openWalk(name, stop = 0, right = []) {
  here = { name, stop, right };
  by("lessons").value = name;
  await arrive();
}

function close() {
  here = null;
  wish++;
  sessionStorage.removeItem("walk");
  by("walk").hidden = true;
  by("lessons").value = "";
  looked(null);
  by("lessons").focus();
}

/** The page was made anew: so is the panel of the walk. */
export async function walkAgain() {
  if (!here) return;
  by("lessons").value = here.name;
  await arrive();
}

/** @param {number} stop */
function goOn(stop) {
  if (!here) return;
  here.stop = stop;
  arrive().then(() => by("walk-heading")?.focus({ preventScroll: true }));
}

async function arrive() {
  if (!here) return;
  sessionStorage.setItem("walk", JSON.stringify(here));
  const { name, stop } = here;
  const now = ++wish;
  const said = await connection.ask("stop", { walk: name, stop });
  if (now !== wish) return;
  if (said.error) { by("formula-error").textContent = said.error; return; }
  draw(said);
  await show(now);
}

/** Bring the lab to where the stop looks. @param {number} [now] */
async function show(now = ++wish) {
  if (!here) return;
  const scene = await connection.ask("scene", { walk: here.name, stop: here.stop });
  if (now !== wish || !(await openScene(scene))) return;
  set({ row: scene.row, playing: false });
  await actions.goTo(scene.step);
  await until(() => now !== wish || (state.explanation?.step === state.step && (state.step === scene.step || state.why !== "")));
  if (now !== wish) return;
  if (scene.part) set({ part: partsHere().indexOf(scene.part) + 1 });
  if (scene.point) point(identity(scene.point));
  looked(scene.look);
}

/** The view that a stop looks at has a mark, and comes to the eye. @param {string | null} look */
async function looked(look) {
  for (const view of document.querySelectorAll(".looked")) view.classList.remove("looked");
  if (!look) return;
  const view = by(`view-${look}`);
  view.classList.add("looked");
  const closed = view.querySelector("details:not([open])");
  if (closed) {
    const now = wish;
    closed.open = true;
    await until(() => now !== wish || closed.querySelector("svg") !== null); // what it holds is drawn first
  }
  const panel = by("walk");
  if (getComputedStyle(panel).position === "static") { panel.scrollIntoView(); return; } // narrow: it lies above the views
  view.style.scrollMarginTop = `${panel.getBoundingClientRect().height + 16}px`;
  view.scrollIntoView({ block: "nearest" });
  requestAnimationFrame(() => {
    const now = view.querySelector(".told .now");
    if (now) now.parentElement.scrollTop = now.offsetTop - now.parentElement.offsetTop;
  });
}

/** @param {() => boolean} met @returns {Promise<void>} at the first frame in which it is */
function until(met) {
  return new Promise((resolve) => {
    const look = () => (met() ? resolve() : requestAnimationFrame(look));
    look();
  });
}

/** @param {any} said */
function draw(said) {
  const panel = by("walk");
  panel.hidden = false;
  const verdict = made("div", { id: "walk-verdict", role: "status", "aria-live": "polite" });
  const last = said.stop === said.stops - 1;
  const form = made("form", { id: "walk-question", autocomplete: "off" }, [...question(said), verdict]);
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    judge(form, verdict);
  });
  const back = made("button", { type: "button", id: "walk-back", text: t("walk_back"), disabled: said.stop === 0, onclick: () => goOn(said.stop - 1) });
  const next = made("button", { type: "button", id: "walk-next", text: t(last ? "walk_finish" : "walk_next"), onclick: () => (last ? finish(said) : goOn(said.stop + 1)) });
  panel.replaceChildren(
    made("header", {}, [
      made("h2", { id: "walk-title", text: `${said.title} · ${t("walk_place", { stop: said.stop + 1, stops: said.stops })}` }),
      made("button", { type: "button", id: "walk-close", text: t("walk_close"), onclick: close }),
    ]),
    made("div", { class: "words" }, [
      made("h3", { id: "walk-heading", tabindex: -1, text: said.heading }),
      ...said.paragraphs.map((/** @type {Piece[]} */ p) => made("p", {}, pieces(p))),
    ]),
    form,
    made("nav", { "aria-label": t("lessons") }, [back, made("button", { type: "button", id: "walk-show", text: t("walk_show"), onclick: () => show() }), next]),
  );
}

/** The question of a stop, and what it is answered with. @param {any} said @returns {Node[]} */
function question(said) {
  const check = made("button", { type: "submit", id: "walk-check", class: "strong", text: t(said.kind === "task" ? "walk_done" : "walk_check") });
  if (said.kind === "choice") {
    const choices = said.choices.map((/** @type {{name: string, pieces: any[]}} */ { name, pieces: words }) => made("label", {}, [made("input", { type: "radio", name: "answer", value: name, required: true }), " ", ...pieces(words)]));
    return [made("fieldset", {}, [made("legend", {}, pieces(said.question)), ...choices]), check];
  }
  if (said.kind === "task") return [made("p", { class: "asked" }, pieces(said.question)), check];
  return [
    made("label", { for: "walk-answer", class: "asked" }, pieces(said.question)),
    made("p", { class: "answer" }, [
      made("input", { id: "walk-answer", name: "answer", inputmode: "text", size: 12, required: true, "aria-describedby": "walk-precision" }),
      check, made("small", { id: "walk-precision", text: said.precision }),
    ]),
  ];
}

/** @param {HTMLFormElement} form @param {HTMLElement} verdict */
async function judge(form, verdict) {
  if (!here) return;
  const { name, stop } = here;
  const given = String(new FormData(form).get("answer") ?? "");
  const reply = await connection.ask("judge", { walk: name, stop, given });
  if (here?.name !== name || here.stop !== stop) return;
  const right = !reply.error && reply.right;
  verdict.className = right ? "right" : "wrong";
  verdict.replaceChildren(
    made("p", {}, reply.error ? [reply.error] : [made("strong", { "aria-hidden": "true", text: right ? "✓ " : "✗ " }), ...pieces(reply.words)]),
    ...(right && reply.meaning.length ? [made("p", {}, pieces(reply.meaning))] : []),
  );
  if (!right) return;
  if (!here.right.includes(stop)) here.right.push(stop);
  sessionStorage.setItem("walk", JSON.stringify(here));
}

/** @param {any} said of the last stop */
function finish(said) {
  if (!here) return;
  const { name, right } = here;
  const next = walks[walks.findIndex((walk) => walk.name === name) + 1];
  const panel = by("walk");
  const words = made("div", { class: "words" }, [
    made("h3", { id: "walk-heading", tabindex: -1, text: t("walk_end", { right: right.length, stops: said.stops }) }),
    made("p", { text: t("walk_whole", { command: `tidu lesson ${name}` }) }),
  ]);
  panel.querySelector(".words").replaceWith(words);
  panel.querySelector("form").remove();
  panel.querySelector("nav").replaceChildren(
    made("button", { type: "button", id: "walk-back", text: t("walk_back"), onclick: () => goOn(said.stop) }),
    ...(next ? [made("button", { type: "button", id: "walk-lesson", class: "strong", text: `${next.number}. ${next.title}`, onclick: () => openWalk(next.name).then(() => by("walk-heading").focus()) })] : []),
  );
  looked(null);
  by("walk-heading").focus();
}

/** @param {Piece[]} words @returns {(Node | string)[]} */
function pieces(words) {
  return words.map(({ text, code, strong, math }) => {
    if (math) {
      const box = made("span");
      box.innerHTML = math; // the engine's, which escapes every name that stands in it
      return box;
    }
    if (code) return made("code", { text: code });
    return strong ? made("strong", { text: strong }) : (text ?? "");
  });
}
