// @ts-check
/** What a person can do, as requests to the engine; the answers go into the state, and the views follow. */

import { behind, forgetCosts, forgetTold, isHeavy, looking, standing, viewsOf, wanted } from "./answers.js";
import { Connection } from "./connection.js";
import { point } from "./pointing.js";
import { set, state } from "./state.js";
import { whenSeen } from "./visible.js";
import { by, t } from "./words.js";

export const connection = new Connection();
const PAUSE = 250; // milliseconds between two landscapes while it plays
const REST = 20; // milliseconds without a step, behind which slow views are asked for
const LONG_REST = 700; // the same, of heavy ones

/** @type {Record<string, string>} where the user begins */
let chosenStart = {};
/** @type {string[] | null} */
let landscapeNames = null;
let goal = 0;
/** @type {Promise<void>} */
let newest = Promise.resolve();
let drawn = 0;
/** @type {ReturnType<typeof asked> | null} the step that is computed while the one before it is drawn, as one plays */
let ahead = null;
/** @type {Set<string>} views that are asked for next, besides those of a step */
const due = new Set();

/** A request for a step with its views. @param {number} step @param {boolean} brief while one drags */
function asked(step, brief) {
  const { now, later } = wanted(brief);
  return { step, now, later, reply: connection.ask("go", { step, want: now, ...looking() }) };
}

/** @param {import("./connection.js").Reply} reply @returns {boolean} whether it is an error, which is then shown */
function failed(reply) {
  by("formula-error").textContent = reply.error ?? "";
  by("formula").setAttribute("aria-invalid", String(Boolean(reply.error)));
  return Boolean(reply.error);
}

const settings = () => {
  const init = Object.entries(chosenStart).map(([name, value]) => `${name}=${value}`).join(",");
  const own = { ...state.settings };
  if (init) own.init = [own.init, init].filter(Boolean).join(",");
  return own;
};

export const actions = {
  /** @param {string} formula @param {Record<string, any>} [given] */
  async begin(formula, given = state.settings) {
    chosenStart = {};
    if (state.others.length) await actions.drop(null);
    forgetCosts();
    set({ formula, settings: given, step: 0, playing: false, part: 0, explanation: null, rows: null, firstRow: 0, landscape: null, curvature: undefined });
    await actions.train(0, false);
  },

  /**
   * A new experiment with what is set now, and on to a step.
   * @param {number} step @param {boolean} keep the present one beside it @param {boolean} [brief] while one drags
   */
  train(step, keep, brief = false) {
    goal = step;
    return connection.latest("train", async () => {
      ahead = null;
      const made = connection.ask("train", { formula: state.formula, settings: settings(), keep });
      newest = made.then(() => undefined);
      const reply = await made;
      if (failed(reply)) return;
      forgetTold();
      set({
        data: reply.data, table: reply.table, chosen: reply.chosen.values, parameters: reply.parameters,
        equations: reply.equations, source: reply.source, layered: true, numbers: reply.numbers, limited: reply.limited, step: reply.step, params: reply.params, digits: reply.digits,
        cost: reply.cost, firstCost: reply.cost, why: reply.why, end: null, explanation: null, fit: null, batch: new Int32Array(0),
        track: { steps: [], losses: [], path: [], recorded: [] }, notes: reply.notes, takes: reply.takes, rate: reply.rate,
      });
      if (keep) set({ others: reply.others.map((/** @type {string} */ name) => ({ name, start: {}, steps: [], losses: [], path: [], recorded: [] })) });
      noteStart(reply.params);
      await actions.go(goal, brief);
    }).then(() => { if (landscapeNames && !brief) actions.landscapeOf(landscapeNames); });
  },

  /** Toward a step, as the engine gets there. @param {number} step */
  goTo(step) {
    goal = step;
    set({ part: 0 });
    return actions.go(step);
  },

  /** One message for a step and its views. @param {number} step @param {boolean} [brief] while one drags */
  go(step, brief = false) {
    goal = step;
    return connection.latest("go", async () => {
      await newest; // an experiment that was asked for is waited for
      if (!state.data) return;
      const { now, later, reply: coming } = ahead?.step === goal && state.playing ? ahead : asked(goal, brief);
      ahead = null;
      const reply = await coming;
      if (reply.error) { failed(reply); return; }
      set({ ...standing(reply), ...viewsOf(reply) });
      if (state.playing && reply.step === goal && !reply.why) ahead = asked(goal + state.perFrame, false); // while this one is drawn
      if (state.pointed) point(state.pointed);
      atRest([...later, ...givenUp(now, reply)]);
      if (landscapeNames && outgrown()) actions.landscapeOf(landscapeNames);
      if (reply.step < goal && !reply.why) await new Promise((resolve) => requestAnimationFrame(() => resolve(connection.latest("more", () => actions.go(goal)))));
    });
  },

  /** Ask for views of the step where the page stands. @param {string[]} names */
  look(...names) {
    for (const name of names) due.add(name);
    return connection.latest("look", async () => {
      await newest;
      const want = [...due];
      due.clear();
      if (!want.length || !state.data) return;
      const reply = await connection.ask("go", { step: state.step, want, ...looking() });
      if (reply.error || reply.step !== state.step) return; // it has gone on meanwhile
      set(viewsOf(reply));
      const missing = givenUp(want, reply);
      if (missing.length) atRest(missing);
      if (state.pointed) point(state.pointed);
    });
  },

  /** Turn to a page of the table. @param {number} first */
  page(first) {
    set({ firstRow: first });
    return actions.look("rows", "predictions");
  },

  play() {
    if (!state.data) return;
    set({ playing: !state.playing, part: 0 });
    if (state.playing) frame();
    else actions.go(goal);
  },

  /** @param {number} row */
  lookAtRow(row) {
    set({ row });
    actions.look("explanation", ...(state.graphWanted ? ["graph"] : []), ...(state.layered ? ["network"] : []));
  },

  /** @param {string[] | null} names */
  landscapeOf(names) {
    landscapeNames = names;
    if (!names || !state.data || connection.lanes.has("train")) return; // a training asks for it at its end
    noteStart(null);
    if (names.length === 1) { actions.look("profile"); return; }
    connection.latest("landscape", async () => {
      const reply = await connection.ask("contours", { names: landscapeNames });
      drawn = performance.now();
      if (!reply.error) set({ landscape: reply });
    });
  },

  /** @param {Record<string, number>} at */
  startAt(at) {
    chosenStart = { ...chosenStart, ...Object.fromEntries(Object.entries(at).map(([k, v]) => [k, String(v)])) };
    const step = state.step;
    connection.latest("start", async () => {
      const kept = landscapeNames;
      landscapeNames = null; // the landscape stays as it is while one drags over it
      await actions.train(step, false, true);
      landscapeNames = kept;
      noteStart(null);
    });
  },

  /** @param {string} name @param {any} value @param {boolean} [brief] while one drags */
  choose(name, value, brief = false) {
    const keep = by("keep")?.checked ?? false;
    set({ settings: { ...state.settings, [name]: value } });
    if (state.data) actions.train(state.step, keep, brief);
  },

  pointsChanged() {
    connection.latest("points", async () => {
      const { data, table } = state;
      if (!data || !table) return;
      await sendColumns(data.names, table);
    });
  },

  /** @param {number[]} cells */
  addRow(cells) {
    const { data, table } = state;
    if (!data || !table) return;
    const values = new Float64Array([...table.values, ...cells]);
    sendColumns(data.names, { values, shape: [table.shape[0] + 1, table.shape[1]] });
  },

  /** Draw an earlier run no longer; null is all of them. @param {number | null} which */
  async drop(which) {
    const reply = await connection.ask("drop", which === null ? {} : { which });
    if (reply.error) return;
    set({ others: which === null ? [] : state.others.filter((_other, k) => k !== which).map((other, k) => ({ ...other, name: reply.others[k] })) });
  },

  async why() {
    const reply = await connection.ask("why");
    return reply;
  },
};

/** Whether the way has left the landscape that is drawn, or fills little of it. */
function outgrown() {
  const { landscape, track, params, start } = state;
  if (landscapeNames?.length === 1 || (state.playing && performance.now() - drawn < PAUSE)) return false; // a profile comes with each step
  if (!landscape || landscape.contours.names.length === 1 || !landscapeNames || !start || track.recorded.length === 0) return false;
  const share = landscapeNames.map((name, k) => {
    const axis = (k ? landscape.y : landscape.x).values;
    const at = track.recorded.indexOf(name);
    const seen = [k ? start.y : start.x, params[name], ...track.path.map((p) => p[at])].filter(Number.isFinite);
    const [low, high] = [Math.min(...seen), Math.max(...seen)];
    if (low < axis[0] || high > axis[axis.length - 1]) return Infinity;
    return (high - low) / (axis[axis.length - 1] - axis[0]);
  });
  return Math.max(...share) === Infinity || (!state.playing && Math.min(...share) < 0.15 && state.step > 0);
}

/** @param {string[]} names @param {{values: Float64Array, shape: number[]}} table */
async function sendColumns(names, table) {
  const columns = Object.fromEntries(names.map((name, k) => [name, Array.from({ length: table.shape[0] }, (_none, i) => table.values[i * table.shape[1] + k])]));
  const reply = await connection.ask("columns", { columns });
  if (failed(reply)) return;
  by("data-name").textContent = t("points");
  await actions.train(state.step, false, true);
  await actions.look("rows", "predictions");
}

/** @param {Record<string, any> | null} params */
function noteStart(params) {
  if (params) startParams = params;
  if (!landscapeNames) return;
  const [x, y] = landscapeNames.map((name) => startParams[name]);
  set({ start: Number.isFinite(x) && Number.isFinite(y) ? { x, y } : null });
}
/** @type {Record<string, any>} */
let startParams = {};

/** What was asked for and given up, because something newer was. @param {string[]} names @param {import("./connection.js").Reply} reply */
const givenUp = (names, reply) => names.filter((name) => !(name in reply.took));

/** What is slow is asked for once the page has been left in peace for a while. @param {string[]} names */
function atRest(names) {
  const late = state.others.some(({ steps }) => (steps.at(-1) ?? 0) < state.step && state.step !== behindAt);
  if (late) { behindAt = state.step; names.push("others"); }
  const turn = ++rests;
  const look = (/** @type {string[]} */ some) => (turn !== rests || state.playing || !some.length ? null : actions.look(...some));
  const [heavy, others] = [names.filter(isHeavy), names.filter((name) => !isHeavy(name))];
  setTimeout(async () => {
    await look(others);
    setTimeout(look, LONG_REST, heavy);
  }, REST);
}
let rests = 0;
let behindAt = -1;

/** One frame of playing: the next request goes out when the last has been answered. */
async function frame() {
  if (!state.playing) return;
  await actions.go(state.step + state.perFrame);
  if (state.why) { set({ playing: false }); return; }
  requestAnimationFrame(frame);
}

whenSeen((view) => {
  const names = behind(view);
  if (names.length && state.data) actions.look(...names);
});
