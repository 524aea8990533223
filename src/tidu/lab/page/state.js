// @ts-check
/** What the page knows, in one place: views are told of what has changed, once for all that a piece of work changes. */

/**
 * @typedef {object} Data
 * @property {string[]} names the columns that the formula reads
 * @property {string[]} features
 * @property {string} target
 * @property {number} rows
 * @property {string[]} classes
 * @property {boolean} function whether a function is minimised, and nothing is predicted
 */

export const state = {
  /** @type {Data | null} */ data: null,
  /** @type {{values: Float64Array, shape: number[]} | null} rows of the data that are drawn */ table: null,
  /** @type {Int32Array | null} their numbers */ chosen: null,
  /** @type {string} */ formula: "",
  /** @type {Record<string, any>} */ settings: {},
  /** @type {string[]} */ parameters: [],
  /** how many numbers are learned */ numbers: 0,
  /** whether the optimizer has a limit of the learning rate, which follows from the curvature */ limited: true,
  /** @type {[string, string, string][]} the left side, the sign, the right side */ equations: [],
  /** @type {string} */ source: "",
  /** @type {number | null} the learning rate, where it is a number */ rate: null,
  /** @type {string[]} what can be taken away */ takes: [],
  /** @type {string[]} what a reader must know of data and settings */ notes: [],
  step: 0,
  epoch: 0,
  why: "",
  cost: NaN,
  /** at the start */ firstCost: NaN,
  /** @type {Record<string, any>} */ params: {},
  /** @type {Record<string, string>} every digit of them */ digits: {},
  playing: false,
  perFrame: 1,
  /** part of the next step that is looked at: 0 is none */ part: 0,
  /** @type {{steps: number[], losses: number[], path: number[][], recorded: string[]}} */
  track: { steps: [], losses: [], path: [], recorded: [] },
  /** @type {{name: string, start: Record<string, number>, steps: number[], losses: number[], path: number[][], recorded: string[]}[]} */ others: [],
  /** @type {any} */ fit: null,
  /** @type {any} the cost over two parameters, or along one */ landscape: null,
  /** @type {{x: number, y: number} | null} where the descent starts, in the landscape */ start: null,
  /** @type {any} */ network: null,
  /** @type {any} how many rows of each class are taken for which */ confusion: null,
  /** @type {any} a page of the table */ rows: null,
  /** the row with which the page that is wanted begins */ firstRow: 0,
  /** @type {Float64Array | null} what is predicted for them */ predictions: null,
  /** @type {any} */ graph: null,
  graphWanted: false,
  /** whether there may be a network or classes to show */ layered: true,
  /** @type {any} */ explanation: null,
  /** @type {number | null} behind which there is nothing */ end: null,
  /** @type {{largest: number, limit: number | null} | null | undefined} not known yet, where it is undefined */ curvature: undefined,
  /** @type {Int32Array} rows of the next step */ batch: new Int32Array(0),
  batchSize: 0,
  /** @type {number | null} */ row: null,
  /** @type {string | null} the name that is pointed at */ pointed: null,
};

/** @typedef {keyof typeof state} Key */

/** @type {{keys: Key[], then: () => void}[]} */
const listeners = [];
/** @type {Set<Key>} */
let changed = new Set();
let scheduled = false;

/**
 * Call `then` once after each piece of work in which one of the keys changed.
 * @param {Key[]} keys
 * @param {() => void} then
 */
export function on(keys, then) {
  listeners.push({ keys, then });
}

/** The views are made anew: the old ones hear nothing any more. */
export function forgetListeners() {
  listeners.length = 0;
}

/** @param {Partial<typeof state>} patch */
export function set(patch) {
  Object.assign(state, patch);
  for (const key of Object.keys(patch)) changed.add(/** @type {Key} */ (key));
  if (!scheduled) {
    scheduled = true;
    queueMicrotask(tell); // not at the next frame: what an answer brings is drawn into the frame that it comes in
  }
}

function tell() {
  scheduled = false;
  const now = changed;
  changed = new Set();
  for (const { keys, then } of listeners) if (keys.some((key) => now.has(key))) then();
}
