// @ts-check
/** The socket to the engine: requests as JSON, replies as JSON or binary frames, matched by number. */

/** @typedef {Record<string, any>} Reply plain values; arrays of numbers stand among them under their names */

const KINDS = { float64: Float64Array, float32: Float32Array, int32: Int32Array };

/**
 * A binary frame as a reply; each array is `{values, shape}`.
 * @param {ArrayBuffer} buffer
 * @returns {Reply}
 */
export function decoded(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  for (const { name, kind, shape, at } of head.arrays) {
    const count = shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
    head[name] = { values: new KINDS[/** @type {keyof typeof KINDS} */ (kind)](buffer, 4 + length + at, count), shape };
  }
  return head;
}

export class Connection {
  constructor() {
    /** @type {Map<number, (reply: Reply) => void>} */
    this.waiting = new Map();
    /** @type {Map<string, {next: (() => void) | null}>} */
    this.lanes = new Map();
    this.number = 0;
    /** @param {string} _why what the engine says of it, if it says anything */
    this.lost = (_why) => {};
    this.tab = crypto.randomUUID();
    const address = new URL(`socket/${this.tab}`, location.href.replace(/[#?].*$/, ""));
    address.protocol = "ws:";
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      const reply = typeof data === "string" ? JSON.parse(data) : decoded(data);
      this.waiting.get(reply.id)?.(reply);
      this.waiting.delete(reply.id);
    };
    this.socket.onclose = ({ reason }) => this.lost(reason);
    this.open = new Promise((resolve) => { this.socket.onopen = resolve; });
  }

  /**
   * One request; the reply may have `error`.
   * @param {string} name
   * @param {Record<string, any>} [fields]
   * @returns {Promise<Reply>}
   */
  async ask(name, fields = {}) {
    await this.open;
    const id = ++this.number;
    const reply = new Promise((/** @type {(reply: Reply) => void} */ resolve) => this.waiting.set(id, resolve));
    this.socket.send(JSON.stringify({ ...fields, do: name, id }));
    return reply;
  }

  /**
   * Do `work` unless the lane is busy; then remember it, in the place of what waited there. So each lane has one
   * message under way at most, and the last wish is the one that is met.
   * @param {string} lane
   * @param {() => Promise<void>} work
   */
  async latest(lane, work) {
    const busy = this.lanes.get(lane);
    if (busy) {
      busy.next = () => this.latest(lane, work);
      return;
    }
    const here = { next: /** @type {(() => void) | null} */ (null) };
    this.lanes.set(lane, here);
    try {
      await work();
    } finally {
      this.lanes.delete(lane);
      here.next?.();
    }
  }

  /**
   * @param {File} file
   * @returns {Promise<Reply>}
   */
  async upload(file) {
    await this.open;
    const answer = await fetch(`upload/${this.tab}?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    return answer.json();
  }
}
