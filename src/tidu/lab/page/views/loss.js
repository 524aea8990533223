// @ts-check
/** The loss of each step, of this run and of earlier ones, with the value under the pointer. */

import { actions } from "../actions.js";
import { colour, Plot, range } from "../plot.js";
import { on, state } from "../state.js";
import { short, t } from "../words.js";
import { legend } from "./legend.js";

/** @param {HTMLElement} parent */
export function lossView(parent) {
  const plot = new Plot(parent, { label: t("loss_curve"), keys: true });
  legend(parent);
  const draw = () => {
    const { track, others, step } = state;
    const all = [track.losses, ...others.map((o) => o.losses)];
    const finite = all.flat().filter(Number.isFinite);
    const positive = finite.filter((v) => v > 0);
    const most = finite.reduce((a, b) => Math.max(a, b), -Infinity);
    const least = positive.reduce((a, b) => Math.min(a, b), Infinity);
    plot.logY = positive.length === finite.length && most > 30 * least;
    plot.x = [0, 1.02 * Math.max(10, track.steps.at(-1) ?? 0, step)]; // so that the last dot is whole
    plot.y = plot.logY ? [Math.max(Number.MIN_VALUE, least / 1.5), Math.min(Number.MAX_VALUE, most * 1.5)] : range(all);
    plot.axes(t("step_word"), t("loss"));
    others.forEach((other, k) => plot.curve(other.steps, other.losses, colour(`other${k % 4}`), 1.5, [5, 4]));
    plot.curve(track.steps, track.losses, colour("model"), 2);
    plot.context.strokeStyle = colour("quiet");
    plot.context.lineWidth = 1;
    plot.line(plot.px(step), 0, plot.px(step), plot.height);
    const k = track.steps.findIndex((s) => s >= step);
    if (k >= 0 && Number.isFinite(track.losses[k])) plot.dot(track.steps[k], track.losses[k], colour("model"), 4);
    if (!track.steps.length && !others.length) plot.note(t("no_steps"));
    plot.done();
    plot.canvas.setAttribute("aria-label", `${t("loss_curve")}: ${t("step_word")} ${step}, ${t("cost")} ${short(state.cost)}`);
  };
  plot.redraw = draw;
  const near = (/** @type {number} */ x) => {
    const { steps } = state.track;
    let best = 0;
    for (let k = 1; k < steps.length; k++) if (Math.abs(steps[k] - x) < Math.abs(steps[best] - x)) best = k;
    return best;
  };
  plot.canvas.addEventListener("pointermove", (event) => {
    const place = plot.under(event);
    if (!state.track.steps.length) return;
    const k = near(place.x);
    plot.say(`${t("step_word")} ${state.track.steps[k]}: ${state.track.losses[k]}`, place);
    if (event.buttons) actions.goTo(Math.round(Math.max(0, place.x)));
  });
  plot.canvas.addEventListener("pointerdown", (event) => actions.goTo(Math.round(Math.max(0, plot.under(event).x))));
  plot.canvas.addEventListener("pointerleave", () => plot.say(""));
  on(["track", "others", "step"], draw);
}
