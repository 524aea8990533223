// @ts-check
/** The bar of data and formula, the player, and the settings. */

import { actions, connection } from "./actions.js";
import { identity } from "./pointing.js";
import { download } from "./pictures.js";
import { recolour } from "./plot.js";
import { partsHere } from "./views/mathematics.js";
import { on, set, state } from "./state.js";
import { by, icon, made, short, t } from "./words.js";

const SPEEDS = [1, 2, 5, 10, 50, 100, 1000, 10_000, 100_000];
const SHOWN_COLUMNS = 12;
const LOWEST = -6; // powers of ten on the slider of the learning rate
const HIGHEST = 1;
const MUCH = 10; // times the cost at the start, from which a cost has grown

/** @type {import("./connection.js").Reply | null} of the data that are open */
let open = null;

/** @param {any} hello what the engine said of itself @param {() => void} changeLanguage */
export function controls(hello, changeLanguage) {
  words();
  data(hello);
  player();
  settings(hello);
  switches(changeLanguage);
  doctor();
  away();
}

function words() {
  const texts = {
    "skip": "skip", "examples-label": "data", "open": "open_file", "paste": "paste_table", "by-hand": "new_points",
    "formula-label": "formula", "begin": "train", "language": "lang", "settings-label": "settings", "run-label": "run", "jump-label": "jump",
    "speed-label": "speed", "ask": "ask_doctor", "paste-label": "paste_here", "paste-use": "use", "paste-cancel": "cancel",
    "away-label": "take_away",
  };
  for (const [id, word] of Object.entries(texts)) by(id).textContent = t(word);
  for (const [id, word] of [["reset", "reset"], ["back", "back"], ["one", "step"], ["part", "part"], ["theme", "theme"]]) {
    by(id).replaceChildren(icon(id));
    by(id).title = t(word);
    by(id).setAttribute("aria-label", t(word));
  }
  document.title = t("title");
  by("choices").open = !matchMedia("(max-width: 800px)").matches; // on a phone, the pictures come before the settings
}

/** What a person has filled in. */
export const filledIn = () => ({ formula: by("formula").value, example: by("examples").value, keep: by("keep").checked, speed: by("speed").value, choices: by("choices").open });

/** The page was made anew: fill in what was filled in. @param {ReturnType<typeof filledIn>} filled @param {any} hello */
export function restored(filled, hello) {
  const example = hello.examples.find((/** @type {any} */ e) => e.name === filled.example);
  if (open) describe(example ? { ...open, name: example.title } : open);
  by("examples").value = filled.example;
  by("formula").value = filled.formula;
  by("speed").value = filled.speed;
  by("keep").checked = filled.keep;
  by("choices").open = filled.choices;
  showSettings(state.settings);
}

/** @param {import("./connection.js").Reply} reply @param {string} [formula] */
function taken(reply, formula) {
  by("formula-error").textContent = reply.error ?? "";
  if (reply.error) return false;
  describe(reply);
  const [x, y] = [reply.columns.slice(0, -1), reply.columns.at(-1)];
  by("formula").value = formula ?? (x.length === 1 ? `${y} = w*${x[0]} + b` : `${y} = linear(...)`);
  return true;
}

/** What the data are called, and their columns. @param {import("./connection.js").Reply} reply */
function describe(reply) {
  open = reply;
  by("data-name").textContent = reply.name;
  const more = reply.columns.length - SHOWN_COLUMNS;
  by("columns").textContent = reply.columns.length === 0 ? "" : `${t("columns")}: ${reply.columns.slice(0, SHOWN_COLUMNS).join(", ")}${more > 0 ? ` … (${t("and_more", { count: more })})` : ""}`;
  by("columns").title = reply.columns.join(", ");
}

/** @param {any} hello */
function data(hello) {
  const examples = by("examples");
  examples.replaceChildren(made("option", { value: "", text: t("examples") }), ...hello.examples.map((/** @type {any} */ e) => made("option", { value: e.name, text: e.title })));
  examples.addEventListener("change", () => { if (examples.value) openExample(examples.value); });
  by("open").addEventListener("click", () => by("file").click());
  by("file").addEventListener("change", async () => { if (by("file").files[0]) await openFile(by("file").files[0]); });
  const dialog = by("paste-dialog");
  by("paste").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== "use" || !by("pasted").value.trim()) return;
    begun(await connection.ask("text", { name: t("paste_table"), text: by("pasted").value }));
  });
  by("by-hand").addEventListener("click", async () => {
    const columns = { x: [1, 2, 3, 4], y: [1.2, 1.9, 3.2, 3.8] };
    begun(await connection.ask("columns", { columns }), "y = w*x + b");
  });
  by("question").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    actions.begin(by("formula").value, settingsNow());
  });
  by("formula").addEventListener("input", () => connection.latest("check", async () => {
    const reply = await connection.ask("check", { formula: by("formula").value, settings: settingsNow() });
    by("formula-error").textContent = reply.error ?? "";
    by("formula").setAttribute("aria-invalid", String(Boolean(reply.error)));
    if (!reply.error) set({ equations: reply.equations });
  }));
}

/** @param {File} file */
async function openFile(file) {
  begun(await connection.upload(file));
}

/** @param {import("./connection.js").Reply} reply @param {string} [formula] */
function begun(reply, formula) {
  if (!taken(reply, formula)) return;
  by("examples").value = "";
  showSettings({});
  actions.begin(by("formula").value, {});
}

/** @param {string} name */
export async function openExample(name) {
  const reply = await connection.ask("example", { name });
  if (!taken(reply, reply.formula)) return;
  showSettings(reply.settings);
  await actions.begin(reply.formula, reply.settings);
}

/** What a stop of a walk looks at, unless it stands there already. @param {import("./connection.js").Reply} scene */
export async function openScene(scene) {
  if (scene.there) return true;
  if (!taken(scene, scene.formula)) return false;
  by("examples").value = "";
  showSettings(scene.settings);
  await actions.begin(scene.formula, scene.settings);
  return !by("formula-error").textContent;
}

/** What the command line named. @param {any} opened */
export async function openNamed(opened) {
  const reply = await connection.ask("opened_data");
  if (!taken(reply, opened.formula || undefined)) return;
  showSettings(opened.settings);
  await actions.begin(by("formula").value, opened.settings);
  if (opened.step) await actions.goTo(opened.step);
}

// -- the player -------------------------------------------------------------------------------------
function player() {
  by("reset").addEventListener("click", () => { set({ playing: false }); actions.goTo(0); });
  by("back").addEventListener("click", () => { set({ playing: false }); actions.goTo(Math.max(0, state.step - 1)); });
  by("one").addEventListener("click", () => { set({ playing: false }); actions.goTo(state.step + 1); });
  by("play").addEventListener("click", () => actions.play());
  by("part").addEventListener("click", part);
  const jump = () => actions.goTo(Math.max(0, Math.round(Number(by("jump").value) || 0)));
  by("jump").addEventListener("change", jump);
  by("jump").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter") jump(); });
  by("speed").replaceChildren(...SPEEDS.map((s) => made("option", { value: s, text: s })));
  by("speed").addEventListener("change", () => set({ perFrame: Number(by("speed").value) }));
  const show = () => {
    by("play").replaceChildren(icon(state.playing ? "pause" : "play"), ` ${t(state.playing ? "pause" : "play")}`);
    by("play").setAttribute("aria-pressed", String(state.playing));
  };
  show();
  on(["playing"], show);
  on(["notes"], () => { by("notes").textContent = state.notes.join(" "); });
  on(["step", "params", "cost", "epoch", "explanation"], standing);
  on(["why", "step", "cost"], () => {
    by("doctor").hidden = !state.data;
    const grown = state.cost / state.firstCost;
    const grows = !state.why && grown > MUCH;
    by("ended").textContent = state.why === "diverged" ? t("diverged", { step: state.step + 1 })
      : state.why === "converged" ? t("converged", { step: state.step }) : grows ? t("grows", { times: short(Number(grown.toPrecision(2))) }) : "";
    by("ended").classList.toggle("bad", state.why === "diverged" || grows);
  });
}

/** The next part of the step; behind the last, the step itself is taken. */
function part() {
  set({ playing: false });
  const here = partsHere();
  if (state.part < here.length) set({ part: state.part + 1 });
  else { set({ part: 0 }); actions.goTo(state.step + 1).then(() => set({ part: 1 })); }
}

/** @type {Map<string, {name: HTMLElement, number: HTMLElement}>} */
let facts = new Map();

function standing() {
  if (document.activeElement !== by("jump")) by("jump").value = String(state.step);
  const shown = /** @type {[string, any, string?][]} */ ([
    [t("step_word"), String(state.step)], [t("epoch"), String(state.epoch)], [t("cost"), short(state.cost), String(state.cost)],
    ...Object.entries(state.params).slice(0, 12).map(([name, v]) => [name, typeof v === "object" && v !== null ? v.shape.join(" × ") : short(v), state.digits[name]]),
  ]);
  if (shown.map(([name]) => name).join() !== [...facts.keys()].join()) {
    facts = new Map(shown.map(([name]) => [name, { name: made("dt", { text: name }), number: made("dd") }]));
    by("standing").replaceChildren(...[...facts.values()].flatMap(({ name, number }) => [name, number]));
  }
  for (const [name, value, digits] of shown) {
    const fact = /** @type {{name: HTMLElement, number: HTMLElement}} */ (facts.get(name));
    if (fact.number.textContent !== value) fact.number.textContent = value;
    if (fact.number.title !== (digits ?? "")) fact.number.title = digits ?? "";
    const node = identity(name);
    if (fact.name.dataset.node !== node) fact.name.dataset.node = node;
  }
}

// -- the settings -------------------------------------------------------------------------------------
/** @type {Record<string, any>} */
const inputs = {};

function settingsNow() {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.type === "checkbox" ? input.checked : input.value]).filter(([name, value]) => value !== "" && value !== defaults[/** @type {string} */ (name)]));
}
/** @type {Record<string, any>} */
const defaults = {};

/** @param {any} hello */
function settings(hello) {
  const box = by("settings");
  /** @param {string} name @param {any} input @param {string} [label] */
  const field = (name, input, label = name.replaceAll("_", " ")) => {
    input.id = `set-${name}`;
    input.title = hello.options[name].words;
    inputs[name] = input;
    defaults[name] = hello.options[name].flag ? hello.options[name].default === "True" : hello.options[name].default;
    if (hello.options[name].flag) input.checked = defaults[name];
    input.addEventListener("change", () => actions.choose(name, input.type === "checkbox" ? input.checked : input.value));
    return made("label", { class: "setting" }, [made("span", { text: label }), input]);
  };
  const lr = made("input", { inputmode: "decimal", spellcheck: "false" });
  const slider = made("input", { type: "range", min: LOWEST, max: HIGHEST, step: 0.02, value: -2, id: "lr-slider", "aria-label": t("learning_rate") });
  const limit = made("span", { class: "limit", "aria-hidden": "true" });
  const said = made("small", { id: "lr-limit" });
  slider.addEventListener("input", () => {
    lr.value = String(Number((10 ** Number(slider.value)).toPrecision(3)));
    actions.choose("lr", lr.value, true);
  });
  slider.addEventListener("change", () => actions.choose("lr", lr.value));
  const rate = field("lr", lr, t("learning_rate"));
  on(["curvature"], () => {
    const at = state.curvature?.limit ?? null;
    const isPlain = at !== null && Math.abs(at * (state.curvature?.largest ?? 0) - 2) < 1e-9; // of gradient descent
    said.textContent = state.curvature === undefined ? "" : at === null ? t("no_limit") : t(isPlain ? "limit_is" : "limit_of", { limit: short(at), optimizer: optimizer.value });
    limit.hidden = at === null;
    if (at !== null) limit.style.left = `${Math.min(100, Math.max(0, ((Math.log10(at) - LOWEST) / (HIGHEST - LOWEST)) * 100))}%`;
  });
  on(["rate"], () => { // which is shown where nobody typed one, too
    lr.placeholder = state.rate === null ? "" : String(Number(state.rate.toPrecision(6)));
    if (state.rate !== null && state.rate > 0 && document.activeElement !== slider) slider.value = String(Math.log10(state.rate));
  });
  const choice = (/** @type {string[]} */ names) => made("select", {}, names.map((n) => made("option", { value: n, text: n })));
  const optimizer = choice(hello.optimizers);
  const batch = made("input", { type: "number", min: 1, placeholder: t("all_rows") });
  const main = [
    rate, made("div", { class: "rate" }, [slider, limit]), said,
    field("batch_size", batch, t("batch_size")),
    field("optimizer", optimizer, t("optimizer")),
    field("loss", choice(hello.losses), t("loss")),
    field("init", made("input", { spellcheck: "false", placeholder: "w=1,b=0" }), t("start")),
    field("seed", made("input", { type: "number", min: 0, placeholder: "0" }), t("seed")),
    made("label", { class: "setting" }, [made("span", { text: t("keep") }), made("input", { type: "checkbox", id: "keep" })]),
  ];
  const rest = Object.keys(hello.options).filter((name) => !(name in inputs));
  const more = made("details", {}, [made("summary", { text: t("more") }), ...rest.map((name) => field(name, made("input", hello.options[name].flag ? { type: "checkbox" } : { spellcheck: "false", placeholder: hello.options[name].default })))]);
  box.replaceChildren(...main, more);
  showSettings({});
}

/** @param {Record<string, any>} given */
function showSettings(given) {
  for (const [name, input] of Object.entries(inputs)) {
    const value = given[name] ?? defaults[name];
    if (input.type === "checkbox") input.checked = Boolean(value);
    else input.value = input.tagName === "SELECT" ? value : (given[name] ?? "");
  }
}

// -- keys and the doctor --------------------------------------------------------------------------------
/** Keys, and files that are dropped, wherever on the page. */
export function listenToKeys() {
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) openFile(file);
  });
  addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("input, select, textarea, button, summary, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    const does = /** @type {Record<string, () => void>} */ ({
      " ": () => actions.play(), ArrowRight: () => by("one").click(), ArrowLeft: () => by("back").click(),
      ".": part, Home: () => by("reset").click(),
    })[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  });
}

/** @param {() => void} changeLanguage */
function switches(changeLanguage) {
  by("language").addEventListener("click", changeLanguage);
  by("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
    recolour();
  });
}

function doctor() {
  by("ask").addEventListener("click", async () => {
    by("ask").disabled = true;
    const reply = await actions.why();
    by("ask").disabled = false;
    const found = reply.diagnosis;
    if (!found) { by("findings").replaceChildren(made("p", { text: reply.error })); return; }
    const parts = [...found.findings.map((/** @type {any} */ f) => made("p", { text: f.words })), ...found.trials.map((/** @type {any} */ f) => made("p", { class: "trial", text: f.advice }))];
    if (found.advice) {
      parts.unshift(made("button", { type: "button", class: "strong", text: t("do_that", { advice: found.advice }), onclick: () => {
        by("keep").checked = true;
        const options = Object.fromEntries(Object.entries(found.options).map(([k, v]) => [k, typeof v === "boolean" ? v : v === null ? "" : String(v)]));
        const given = { ...state.settings, ...options };
        showSettings(given);
        set({ settings: given });
        actions.train(Math.max(state.step, 50), true);
      } }));
    } else parts.push(made("p", { text: t("no_advice") }));
    by("findings").replaceChildren(...parts);
  });
  on(["data"], () => by("findings").replaceChildren());
}

// -- taking it away ---------------------------------------------------------------------------------------
function away() {
  const said = made("p", { role: "status", class: "said" });
  /** @param {string} words @param {() => Promise<void>} does */
  const offer = (words, does) => made("button", { type: "button", text: words, onclick: does });
  const take = async (/** @type {string} */ to) => {
    const reply = await connection.ask("take", { to });
    if (reply.error) said.textContent = reply.error;
    else if (reply.name) download(reply.name, new Blob([reply.text], { type: "text/plain" }));
    else await copy(reply.text);
  };
  const copy = async (/** @type {string} */ text) => {
    await navigator.clipboard?.writeText(text).catch(() => {});
    said.textContent = t("copied", { text });
  };
  const words = (/** @type {string} */ to) => (["report", "csv", "command", "store"].includes(to) ? t(`away_${to}`) : t("away_script", { name: to }));
  on(["takes"], () => {
    said.textContent = "";
    by("away-links").replaceChildren(
      ...state.takes.map((to) => offer(words(to), () => take(to))), offer(t("away_link"), async () => copy(link())), said,
    );
  });
}

/** The address of this page with formula, settings and, if they are few, the data behind its #. */
function link() {
  const { data, table } = state;
  const few = data && table && table.values.length <= 2000 && data.rows === table.shape[0];
  const columns = few ? Object.fromEntries(data.names.map((name, k) => [name, Array.from({ length: table.shape[0] }, (_none, i) => table.values[i * table.shape[1] + k])])) : null;
  const content = JSON.stringify({ formula: state.formula, settings: state.settings, step: state.step, columns, function: data?.function });
  return `${location.href.replace(/#.*/, "")}#${btoa(String.fromCharCode(...new TextEncoder().encode(content)))}`;
}

/** Open what a link holds, if the address has something behind its #. @returns {Promise<boolean>} */
export async function openLink() {
  if (location.hash.length < 2) return false;
  try {
    const bytes = Uint8Array.from(atob(location.hash.slice(1)), (letter) => letter.charCodeAt(0));
    const { formula, settings: given, step, columns, function: minimised } = JSON.parse(new TextDecoder().decode(bytes));
    if (!columns || !taken(await connection.ask("columns", { columns, function: Boolean(minimised) }), formula)) return false;
    showSettings(given);
    await actions.begin(formula, given);
    await actions.goTo(step);
    return true;
  } catch {
    return false;
  }
}
