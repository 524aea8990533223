// @ts-check
/** The views of a step: which of them one message asks for, and what its answer changes in the state. */

import { state } from "./state.js";
import { isSeen } from "./visible.js";

/** @typedef {import("./connection.js").Reply} Reply */
/** @typedef {typeof state.track} Track */

const QUICK = 10; // milliseconds of the engine, up to which a view is asked for with every step that is played
const PATIENT = 60; // the same, of a step that one takes by hand
const HEAVY = 400; // the same, from which a view waits until the page is left in peace
const MANY = 2000; // numbers that are learned, from which the curvature is taken to be heavy before it was asked for
const LIGHT = ["losses", "fit", "batch", "others"]; // what moves while one drags

/** @type {Record<string, string>} where a view is drawn that is asked for only while it can be seen */
const PLACES = { fit: "data", predictions: "rows", network: "network", confusion: "network", graph: "graph", profile: "landscape" };

/** @type {Map<string, number>} milliseconds that each view cost when it was asked for last */
const took = new Map();
/** @type {Map<string, {step: number, at: number}>} of this experiment, which step a view was answered for last, and when */
const answered = new Map();
/** the explanation that the page was told last, by its number; what is shown may be none, as at the end of a run */
let known = 0;
/** @type {any} */
let last = null;

/** Another problem: nothing is known of what its views cost. */
export function forgetCosts() {
  took.clear();
}

/** Another experiment: what is told of its steps begins anew. */
export function forgetTold() {
  answered.clear();
  known = 0;
  last = null;
}

/** The views that there may be. */
const all = () => [
  "losses", "fit", "batch", "explanation", "predictions", "curvature",
  ...(state.others.length ? ["others"] : []), ...(state.rows ? [] : ["rows"]), ...(state.graphWanted ? ["graph"] : []),
  ...(state.layered ? ["network", "confusion"] : []), ...(state.landscape?.way ? ["profile"] : []),
];

/** Those that can be seen, or of which nothing is known yet. */
export const shown = () => all().filter((name) => !(name in PLACES) || !answered.has(name) || isSeen(PLACES[name]));

/** What is drawn in a place and is not of the step where the page stands. @param {string} place */
export const behind = (place) => all().filter((name) => PLACES[name] === place && answered.get(name)?.step !== state.step);

/** What is asked for with a step, and what waits. @param {boolean} brief while one drags */
export function wanted(brief) {
  const most = state.playing ? QUICK : PATIENT;
  const waited = (/** @type {string} */ name) => performance.now() - (answered.get(name)?.at ?? 0);
  const due = (/** @type {string} */ name) => cost(name) <= most || (state.playing && !isHeavy(name) && waited(name) > 4 * cost(name));
  const every = shown();
  const now = every.filter((name) => (brief ? LIGHT.includes(name) : due(name)));
  return { now, later: every.filter((name) => !now.includes(name)) };
}

/** What a view costs the engine, in milliseconds. @param {string} name */
const cost = (name) => took.get(name) ?? (name === "curvature" && state.limited && state.numbers > MANY ? HEAVY : 0);

/** Whether a view takes so long that it waits until the page is left in peace. @param {string} name */
export const isHeavy = (name) => cost(name) >= HEAVY;

/** What the page has and shows, which a request says, so that it is answered with what is new. */
export function looking() {
  return {
    after: state.track.steps.at(-1) ?? 0, others_after: state.others.map(({ steps }) => steps.at(-1) ?? 0),
    first: state.firstRow, known, ...(state.row === null ? {} : { row: state.row }),
  };
}

/** Where the experiment stands. @param {Reply} reply @returns {Partial<typeof state>} */
export function standing(reply) {
  const patch = /** @type {Partial<typeof state>} */ ({
    step: reply.step, epoch: reply.epoch, why: reply.why, params: reply.params, digits: reply.digits, cost: reply.cost, end: reply.end,
  });
  if (reply.why && reply.step >= (reply.end ?? Infinity)) patch.playing = false;
  return patch;
}

/** What the views of an answer change in the state. @param {Reply} reply @returns {Partial<typeof state>} */
export function viewsOf(reply) {
  for (const [name, milliseconds] of Object.entries(reply.took ?? {})) {
    took.set(name, milliseconds);
    answered.set(name, { step: reply.step, at: performance.now() });
  }
  /** @type {Partial<typeof state>} */
  const patch = {};
  if (reply.curvature !== undefined) patch.curvature = reply.curvature;
  if (reply.steps?.values.length) patch.track = extended(reply, state.track);
  if (reply.others) patch.others = state.others.map((other, k) => ({ ...extended(reply, other, `_${k}`), name: reply.others[k], start: reply[`start_${k}`] }));
  if (reply.fit) patch.fit = reply;
  if (reply.batch) Object.assign(patch, { batch: reply.batch.values, batchSize: reply.batch_size });
  if (reply.explanation) patch.explanation = told(reply.explanation);
  if (reply.no_explanation) patch.explanation = null;
  if (reply.graph) patch.graph = reply.graph;
  if (reply.layers) patch.network = reply;
  if (reply.classes) patch.confusion = reply;
  if (reply.layers && reply.classes) patch.layered = reply.layers.length > 0 || reply.classes.length > 0;
  if (reply.profile) patch.landscape = { contours: reply.profile, x: reply.along, heights: reply.along_heights, way: reply.way, way_heights: reply.way_heights };
  if (reply.table) Object.assign(patch, { rows: { ...reply.table, cells: reply.cells }, firstRow: reply.table.first });
  if (reply.predicted && reply.predicted_from === (patch.rows ?? state.rows)?.first) patch.predictions = reply.predicted.values;
  return patch;
}

/** An explanation that is told by what is new in it; entries that stay are the same objects. @param {any} news */
function told(news) {
  known = news.number;
  if (news.entries) return (last = news);
  const entries = [...last.entries];
  for (const [k, change] of news.changes) entries[k] = { ...entries[k], ...change };
  return (last = { ...last, ...news, entries });
}

/**
 * A history with the rows that are new.
 * @template {Track} T
 * @param {Reply} reply @param {T} track @param {string} [suffix]
 * @returns {T}
 */
function extended(reply, track, suffix = "") {
  const [steps, losses, path] = ["steps", "losses", "path"].map((name) => reply[name + suffix]);
  if (!steps) return track;
  const width = path.shape[1];
  const rows = Array.from({ length: path.shape[0] }, (_none, i) => Array.from(path.values.slice(i * width, (i + 1) * width)));
  return {
    ...track, steps: track.steps.concat(Array.from(steps.values)), losses: track.losses.concat(Array.from(losses.values)),
    path: track.path.concat(rows), recorded: reply[`recorded${suffix}`] ?? reply.recorded,
  };
}
