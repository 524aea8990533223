// @ts-check
/** The page: ask the engine who it is, put up the views, and open what the command line named. */

import { actions, connection } from "./actions.js";
import { controls, filledIn, listenToKeys, openExample, openLink, openNamed, restored } from "./controls.js";
import { pictureButtons } from "./pictures.js";
import { forgetPlots } from "./plot.js";
import { listen } from "./pointing.js";
import { forgetListeners, set, state } from "./state.js";
import { forgetViews, observe } from "./visible.js";
import { lessons, openWalk, reopened, walkAgain } from "./walk.js";
import { by, made, speak, t } from "./words.js";
import { dataView } from "./views/data.js";
import { graphView } from "./views/graph.js";
import { landscapeView } from "./views/landscape.js";
import { loopView } from "./views/loop.js";
import { lossView } from "./views/loss.js";
import { mathematicsView } from "./views/mathematics.js";
import { networkView } from "./views/network.js";
import { rowsView } from "./views/rows.js";

const VIEWS = /** @type {[string, string, (parent: HTMLElement) => void][]} */ ([
  ["data", "data_and_model", dataView], ["landscape", "landscape", landscapeView], ["loss", "loss_curve", lossView],
  ["mathematics", "mathematics", mathematicsView], ["loop", "loop", loopView], ["graph", "graph", graphView], ["network", "network", networkView], ["rows", "rows", rowsView],
]);

const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;

connection.lost = (why) => {
  document.body.append(made("p", { class: "lost", role: "alert", text: why || t("lost") }));
};

/** The page as it came, from which it is made anew in another language. */
const blank = document.body.cloneNode(true);

/** @param {any} hello what the engine said of itself */
function build(hello) {
  speak(hello.words);
  controls(hello, changeLanguage);
  lessons(hello);
  for (const [name, title, view] of VIEWS) {
    const panel = made("section", { class: `view ${name}`, id: `view-${name}`, "aria-labelledby": `title-${name}` }, [made("h2", { id: `title-${name}`, text: t(title) })]);
    by("views").append(panel);
    view(panel);
    pictureButtons(panel);
    observe(panel);
  }
  document.documentElement.lang = hello.language;
}

/** Everything in the other language, at the same step of the same experiment. */
async function changeLanguage() {
  const lang = document.documentElement.lang === "zh" ? "en" : "zh";
  sessionStorage.setItem("lang", lang);
  const hello = await connection.ask("hello", { lang });
  delete document.documentElement.dataset.ready;
  const filled = filledIn();
  document.body.replaceWith(blank.cloneNode(true));
  forgetListeners();
  forgetPlots();
  forgetViews();
  set({ playing: false, part: 0, graphWanted: false, graph: null, pointed: null });
  build(hello);
  restored(filled, hello);
  if (state.data) await actions.train(state.step, false); // the same bits, and its sentences in the other language
  await walkAgain();
  document.documentElement.dataset.ready = "yes";
  by("language").focus();
}

const hello = await connection.ask("hello", sessionStorage.getItem("lang") ? { lang: sessionStorage.getItem("lang") } : {});
build(hello);
listen();
listenToKeys();
if (await openLink()) { /* the address said it all */ }
else if (await reopened()) { /* the walk goes on */ }
else if (hello.opened.lesson) await openWalk(hello.opened.lesson);
else if (hello.opened.data) await openNamed(hello.opened);
else await openExample(hello.examples[1].name);
document.documentElement.dataset.ready = "yes";
