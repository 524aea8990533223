// @ts-check
/** What a person can do, as requests to the engine; the answers go into the state, and the views follow. */

import { Connection } from "./connection.js";
import { point } from "./pointing.js";
import { set, state } from "./state.js";
import { by, t } from "./words.js";

export const connection = new Connection();
const SMALL = 20_000; // rows times learned numbers, up to which the curvature is asked for while it plays

/** @type {Record<string, string>} where the user begins */
let chosenStart = {};
/** @type {string[] | null} */
let landscapeNames = null;
let goal = 0;
/** @type {Promise<void>} */
let newest = Promise.resolve();
let explained = 0;
let took = 0;
let drawn = 0;
const PAUSE = 250; // milliseconds between two explanations while it plays
const REST = 700; // milliseconds without a step
/** @type {ReturnType<typeof setTimeout> | undefined} */
let resting;

const small = () => (state.data?.rows ?? 0) * state.numbers <= SMALL;

/** What is asked for with every step. */
const wanted = () => ["losses", "fit", "batch", ...(small() ? ["curvature"] : [])];

/** The curvature of a large problem takes the engine long: it is asked for once the page has been left in peace. */
function curvatureAtRest() {
  clearTimeout(resting);
  if (small()) return;
  resting = setTimeout(() => connection.latest("curvature", async () => {
    if (state.playing) return;
    const reply = await connection.ask("curvature");
    if (reply.curvature !== undefined) set({ curvature: reply.curvature });
  }), REST);
}

/** @param {import("./connection.js").Reply} reply @returns {boolean} whether it is an error, which is then shown */
function failed(reply) {
  by("formula-error").textContent = reply.error ?? "";
  by("formula").setAttribute("aria-invalid", String(Boolean(reply.error)));
  return Boolean(reply.error);
}

/** @param {any} reply the new rows of the history @param {typeof state.track} track @param {string} [suffix] */
function extended(reply, track, suffix = "") {
  const [steps, losses, path] = ["steps", "losses", "path"].map((name) => reply[name + suffix]);
  if (!steps) return track;
  const width = path.shape[1];
  const rows = Array.from({ length: path.shape[0] }, (_none, i) => Array.from(path.values.slice(i * width, (i + 1) * width)));
  return {
    steps: track.steps.concat(Array.from(steps.values)), losses: track.losses.concat(Array.from(losses.values)),
    path: track.path.concat(rows), recorded: reply[`recorded${suffix}`] ?? reply.recorded,
  };
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
    set({ formula, settings: given, step: 0, playing: false, part: 0, explanation: null });
    await actions.train(0, false);
  },

  /**
   * A new experiment with what is set now, and on to a step.
   * @param {number} step @param {boolean} keep
   */
  train(step, keep) {
    goal = step;
    return connection.latest("train", async () => {
      const made = connection.ask("train", { formula: state.formula, settings: settings(), keep });
      newest = made.then(() => undefined);
      const reply = await made;
      if (failed(reply)) return;
      set({
        data: reply.data, table: reply.table, chosen: reply.chosen.values, parameters: reply.parameters,
        equations: reply.equations, source: reply.source, layered: true, numbers: reply.numbers, step: reply.step, params: reply.params, digits: reply.digits,
        cost: reply.cost, why: reply.why, end: null, explanation: null, fit: null, batch: new Int32Array(0),
        track: { steps: [], losses: [], path: [], recorded: [] }, notes: reply.notes,
      });
      if (keep) set({ others: reply.others.map((/** @type {string} */ name) => ({ name, steps: [], losses: [], path: [], recorded: [] })) });
      noteStart(reply.params);
      await actions.go(goal);
      if (landscapeNames) actions.landscapeOf(landscapeNames);
    });
  },

  /** Toward a step, as the engine gets there. @param {number} step */
  goTo(step) {
    goal = step;
    set({ part: 0 });
    return actions.go(step);
  },

  /** @param {number} step */
  go(step) {
    goal = step;
    return connection.latest("go", async () => {
      await newest; // an experiment that was asked for is waited for
      if (!state.data) return;
      const known = state.track.steps.at(-1) ?? 0;
      const reply = await connection.ask("go", { step: goal, want: wanted(), after: known });
      if (reply.error) { failed(reply); return; }
      /** @type {Partial<typeof state>} */
      const patch = {
        step: reply.step, epoch: reply.epoch, why: reply.why, params: reply.params, digits: reply.digits, cost: reply.cost,
        end: reply.end,
      };
      if (reply.curvature !== undefined) patch.curvature = reply.curvature;
      if (reply.steps?.values.length) patch.track = extended(reply, state.track);
      if (reply.fit) patch.fit = reply;
      if (reply.batch) { patch.batch = reply.batch.values; patch.batchSize = reply.batch_size; }
      if (reply.why && reply.step >= (reply.end ?? Infinity)) patch.playing = false;
      set(patch);
      if (state.others.length) await othersNow();
      actions.explain();
      curvatureAtRest();
      if (landscapeNames && outgrown()) actions.landscapeOf(landscapeNames);
      if (reply.step < goal && !reply.why) await new Promise((resolve) => requestAnimationFrame(() => resolve(connection.latest("more", () => actions.go(goal)))));
    });
  },

  /** The next step, number by number: when the run rests, and now and then while it plays. */
  explain() {
    const now = performance.now();
    if (state.playing && now - explained < PAUSE) return;
    explained = now + (state.playing ? took : 0); // what takes long is asked for more rarely
    const asked = now;
    connection.latest("explain", async () => {
      const row = state.row !== null && state.batch.includes(state.row) ? { row: state.row } : {};
      const reply = await connection.ask("explain", row);
      took = 4 * (performance.now() - asked);
      set({ explanation: reply.explanation ?? null });
      if (state.pointed) point(state.pointed);
    });
    if (state.graphWanted) actions.graph();
    if (state.layered) connection.latest("network", async () => {
      const reply = await connection.ask("network", { row: state.row ?? state.batch[0] ?? 0 });
      if (!reply.error) set({ network: reply, layered: reply.layers.length > 0 || reply.classes.length > 0 });
    });
  },

  graph() {
    connection.latest("graph", async () => {
      const row = state.row !== null && state.batch.includes(state.row) ? { row: state.row } : {};
      const reply = await connection.ask("graph", row);
      if (!reply.error) set({ graph: reply.graph });
    });
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
    actions.explain();
  },

  /** @param {string[] | null} names */
  landscapeOf(names) {
    landscapeNames = names;
    if (!names || !state.data) return;
    noteStart(null);
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
      await actions.train(step, false);
      landscapeNames = kept;
    });
  },

  /** @param {string} name @param {any} value */
  choose(name, value) {
    const keep = by("keep")?.checked ?? false;
    set({ settings: { ...state.settings, [name]: value } });
    if (state.data) actions.train(state.step, keep);
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
  if (landscapeNames?.length === 1) return !state.playing || performance.now() - drawn > PAUSE;
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
  await actions.train(state.step, false);
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

async function othersNow() {
  const known = state.others[0]?.steps.at(-1) ?? 0;
  if (known >= state.step && state.others.every((o) => o.steps.length)) return;
  const reply = await connection.ask("others_now", { after: known });
  if (reply.error) return;
  set({ others: state.others.map((other, k) => ({ ...other, name: reply.others[k], ...extended(reply, other, `_${k}`) })) });
}

/** One frame of playing: the next request goes out when the last has been answered. */
async function frame() {
  if (!state.playing) return;
  await actions.go(state.step + state.perFrame);
  if (state.why) { set({ playing: false }); return; }
  requestAnimationFrame(frame);
}
