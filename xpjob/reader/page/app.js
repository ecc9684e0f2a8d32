// The page: its address is its state. It knows how fresh the snapshot is, and which tab is open;
// what a tab shows is the tab's own module. That exports
//   mount(panel, context)  fills the panel, and returns the view below; context has the `tab`,
//                          `go(change)` to change the address, and `load()` to ask again
//   unmount()              lets go of all that is not in the panel
// and a view has
//   follow()     the address has changed: set the controls, before anything is asked for
//   load(still)  ask for what the address says, keep it if `still()`, return its generatedAt
//   draw()       show what is known; also now and then, as ages grow
//   press(button), clear()  a button of the panel was pressed; the address was refused: keep no rows

import { here, href, view } from "./address.js";
import { json } from "./ask.js";
import { describeNotices } from "./notices.js";
import { overview } from "./overview.js";
import { el, inWords, morph } from "./parts.js";
import { $, now, shell } from "./state.js";
import { addressOf, chosen, describe, drawTabs, forget, known, load as loadTab, remember, walk } from "./tabs.js";

const POLL = 5000;

let turn = 0;
let mounted = null;

function go(change, { push = true } = {}) {
  const to = view();
  change(to);
  history[push ? "pushState" : "replaceState"](null, "", href(to));
  return restart();
}

function restart() {
  shell.tokens = [""];
  return load();
}

async function load() {
  const mine = ++turn;
  const still = () => mine === turn;
  $("main").setAttribute("aria-busy", "true");
  if (mounted && mounted.tab === chosen(known())) mounted.view.follow();
  try {
    await lookAround();
    if (!still()) return;
    if (!shell.cluster?.generatedAt) { shell.shown = false; return; }
    await mount(await describe(), still);
    if (!still()) return;
    const generatedAt = mounted ? await mounted.view.load(still) : shell.cluster.generatedAt;
    if (!still()) return;
    Object.assign(shell, { generatedAt, newer: false, lost: "", refused: null, shown: true });
  } catch (error) {
    if (still()) failed(error);
  } finally {
    if (still()) { $("main").setAttribute("aria-busy", "false"); draw(); }
  }
}

function failed(error) {
  if (error.status === 410) { restart(); return; }
  if (error.status === 400) {
    Object.assign(shell, { refused: error, shown: true, next: "" });
    mounted?.view.clear();
  } else if (error.status !== 503) lose(error);
}

// What has no status is no answer of the reader but a mistake of this page: the console says it.
function lose(error) {
  shell.lost = error.status ? error.message : "no answer";
  if (error.status === 404) forget();
  if (error.status === undefined) throw error;
}

// Put the tab that the address names into the panel; it stays there as long as it is the same.
async function mount(tabs, still) {
  const tab = chosen(tabs);
  if (mounted && mounted.tab.id === tab?.id && mounted.tab.of === tab.of) {
    mounted.tab = mounted.context.tab = tab;
    return;
  }
  const module = tab && await loadTab(tab);
  if (!still()) return;
  mounted?.module.unmount();
  mounted = null;
  shell.shown = false;
  $("panel").hidden = true;
  $("panel").replaceChildren();
  if (!tab) return;
  const context = { tab, go, load };
  mounted = { tab, module, context, view: module.mount($("panel"), context) };
  mounted.view.follow();
}

// How fresh the snapshot is and how the last run went; cheap, so it is asked for often.
async function lookAround() {
  const found = await json("clusters");
  shell.offset = Date.parse(found.servedAt) - Date.now();
  shell.found = found;
  const wanted = view().get("cluster");
  const served = found.clusters.filter((each) => each.generatedAt);
  shell.cluster = found.clusters.find((each) => each.name === wanted)
    ?? found.clusters.find((each) => each.default) ?? served[0] ?? found.clusters[0] ?? null;
  if (served.length > 1 && !wanted && !shell.cluster.default) {
    const to = view();
    to.set("cluster", shell.cluster.name);
    history.replaceState(null, "", href(to));
  }
  shell.lost = "";
}

async function poll() {
  try {
    if (document.visibilityState === "hidden") return;
    await lookAround();
    const changed = (shell.cluster?.generatedAt ?? "") !== shell.generatedAt || !shell.shown;
    if (changed && shell.tokens.length > 1 && shell.shown) shell.newer = true;
    else if (changed && !shell.refused) await load();
  } catch (error) {
    lose(error);
  } finally {
    draw();
    setTimeout(poll, POLL);
  }
}

function draw() {
  const { cluster, found, lost } = shell;
  const age = cluster?.generatedAt ? (now() - Date.parse(cluster.generatedAt)) / 1000 : null;
  const trouble = lost || cluster?.stale;
  const unknown = found ? "No snapshot yet" : lost ? "No answer" : "Loading …";
  $("age").className = `age ${trouble ? "warn" : age === null ? "" : "good"}`;
  $("age-text").textContent = age === null ? unknown : `As of ${inWords(age)} ago`;
  const all = found && overview(found, now());
  morph($("notices"), [...describeNotices(shell, now()), ...(all ? [all] : [])]);
  if (found) $("version").textContent = `xpjob ${found.version}`;
  const clusters = (found?.clusters ?? []).filter((each) => each.generatedAt);
  $("cluster-box").hidden = clusters.length < 2;
  morph($("cluster"), clusters.map((each) => el("option", { value: each.name, selected: each === cluster }, each.name || "(no name)")));
  $("cluster").value = cluster?.name ?? "";
  drawTabs(mounted?.tab);
  document.title = mounted ? `${mounted.tab.title} · xpjob` : "xpjob";
  $("panel").hidden = !shell.shown || !mounted;
  $("bottom").hidden = false;
  if (mounted && shell.shown) mounted.view.draw();
}

// Take away what narrows down; the order stays unless it is what was refused.
function clear() {
  const refused = shell.refused?.problem?.parameter;
  const to = here();
  if (refused === "cluster") to.delete("cluster");
  if (shell.gone) to.delete("tab");
  if (view().get("sort") && refused !== "sort") to.set("sort", view().get("sort"));
  history.pushState(null, "", href(to));
  restart();
}

function open(id) {
  const tab = known().find((each) => each.id === id);
  if (!tab || tab.id === mounted?.tab.id) return;
  if (mounted) remember(mounted.tab);
  history.pushState(null, "", href(addressOf(tab)));
  restart();
}

function press(target) {
  if (target.dataset.clear) clear();
  else if (target.dataset.reload) restart();
  else if (target.id === "next") { shell.tokens.push(shell.next); turnPage(); }
  else if (target.id === "previous") { shell.tokens.pop(); turnPage(); }
  else mounted?.view.press(target);
}

const turnPage = () => load().then(() => $("records")?.focus());

document.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-tab]");
  const button = event.target.closest("button");
  if (tab && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); open(tab.dataset.tab); }
  else if (button && !button.disabled) press(button);
});
document.addEventListener("keydown", (event) => {
  const search = $("q");
  if (event.key !== "/" || !search || /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.nodeName)) return;
  event.preventDefault();
  search.focus();
});
$("tabs").addEventListener("keydown", walk);
$("cluster").addEventListener("change", (event) => go((to) => to.set("cluster", event.target.value)));
window.addEventListener("popstate", restart);

load().finally(() => setTimeout(poll, POLL));
setInterval(draw, 15000);
