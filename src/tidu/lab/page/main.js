// @ts-check
/** The page: ask the engine who it is, put up the views, and open what the command line named. */

import { connection } from "./actions.js";
import { controls, openExample, openLink, openNamed } from "./controls.js";
import { listen } from "./pointing.js";
import { lessons, openWalk, reopened } from "./walk.js";
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

const hello = await connection.ask("hello", sessionStorage.getItem("lang") ? { lang: sessionStorage.getItem("lang") } : {});
speak(hello.words);
document.documentElement.lang = hello.language;
controls(hello);
lessons(hello);
listen();
for (const [name, title, view] of VIEWS) {
  const panel = made("section", { class: `view ${name}`, id: `view-${name}`, "aria-labelledby": `title-${name}` }, [made("h2", { id: `title-${name}`, text: t(title) })]);
  by("views").append(panel);
  view(panel);
}
if (await openLink()) { /* the address said it all */ }
else if (await reopened()) { /* the walk goes on */ }
else if (hello.opened.lesson) await openWalk(hello.opened.lesson);
else if (hello.opened.data) await openNamed(hello.opened);
else await openExample(hello.examples[1].name);
document.documentElement.dataset.ready = "yes";
