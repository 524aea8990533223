// @ts-check
/** Which views are on the screen, or nearly: what nobody sees is asked for once it comes there. */

const NEARLY = "20%"; // of the screen's height, beyond its ends

/** @type {Set<string>} */
const seen = new Set();
/** @type {(view: string) => void} what is done when a view comes to the screen */
let arrived = () => {};

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const view = target.id.replace("view-", "");
    if (!isIntersecting) seen.delete(view);
    else if (!seen.has(view)) { seen.add(view); arrived(view); }
  }
}, { rootMargin: `${NEARLY} 0%` });

/** @param {HTMLElement} panel of a view */
export const observe = (panel) => observer.observe(panel);

/** @param {string} view */
export const isSeen = (view) => seen.has(view);

/** @param {(view: string) => void} then */
export function whenSeen(then) { arrived = then; }

/** The views are made anew. */
export function forgetViews() {
  observer.disconnect();
  seen.clear();
}
