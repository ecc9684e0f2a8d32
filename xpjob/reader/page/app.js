// The shell: it knows which view the address names, asks for what that shows, and keeps it fresh.
// A view is a module of views/ that exports
//   load(context)         ask for what the address says; return it, with its `generatedAt`
//   title(data, context)  the heading, and the title of the document
//   draw(data, context)   the elements; also now and then, as ages grow
//   press(dataset, context), extra(data, context)  optional: a button was pressed; what comes later

import { here, link, path, query, route, toHome } from "./address.js";
import { json, version } from "./ask.js";
import { drawHeader, wireHeader } from "./header.js";
import { wireKeys } from "./keyboard.js";
import { choose, forget, meet, surveyed } from "./known.js";
import { fit } from "./listing.js";
import { say } from "./live.js";
import { morph } from "./morph.js";
import { describeNotices, freshness, trouble } from "./notices.js";
import { redirected } from "./old.js";
import { el } from "./parts.js";
import { askAgain } from "./record.js";
import { $, PAGE, shell } from "./state.js";

const POLL = 5000;
const TICK = 15000;
const TOP = 120;
// The page of rows that was left is not to be had any more.
const TOKENS = new Set(["bad-token", "other-question"]);
// Views that also show how the last run went, and whether the snapshot is out of date.
const OF_RUNS = new Set(["home", "runs"]);

let turn = 0;
let named = "";

const context = { go, open, reload, redraw: draw, get route() { return shell.route; } };

// Change the parameters of this view.
function go(change, { push = true } = {}) {
  const to = query();
  change(to);
  leave();
  history[push ? "pushState" : "replaceState"](null, "", here(to));
  return restart();
}

// Open an address of the page.
function open(href) {
  leave();
  const table = shell.route?.view === "table" ? shell.route.table : null;
  history.pushState(null, "", href);
  if (route().view === "record") history.replaceState({ from: table }, "");
  return restart({ moved: true });
}

// What somebody comes back to is where it was.
function leave() {
  const key = document.activeElement?.closest("[data-key]")?.dataset.key;
  history.replaceState({ ...history.state, y: scrollY, key }, "");
}

// And on the page of rows that was shown last.
function settle() {
  if (shell.limit === PAGE) history.replaceState({ ...history.state, tokens: [...shell.tokens] }, "");
}

function restart({ moved = false, back = null } = {}) {
  Object.assign(shell, { tokens: back?.tokens ?? [""], limit: PAGE });
  return load({ moved, back });
}

function reload() {
  return load({});
}

async function load({ moved = false, back = null }) {
  const mine = ++turn;
  const still = () => mine === turn;
  $("main").setAttribute("aria-busy", "true");
  try {
    await choose();
    if (!still()) return undefined;
    if (await redirected()) return restart({ moved });
    const next = route();
    const same = shell.route?.view === next.view && path() === named;
    const [module, data] = await ask(next);
    if (!still()) return undefined;
    if (!same) Object.assign(shell, { open: new Map(), facetText: new Map() });
    const before = shell.generatedAt;
    Object.assign(shell, { route: next, view: module, data, error: null, newer: false, lost: "" });
    shell.generatedAt = data.generatedAt ?? shell.overview?.generatedAt ?? "";
    named = path();
    const again = askAgain(context, { forget: shell.generatedAt !== before });
    draw();
    if (moved) arrive();
    else if (back) comeBack(back);
    settle();
    const more = module.extra?.(data, context);
    if (more) more.then((found) => { if (still()) { Object.assign(data, found); draw(); } }, (error) => still() && failed(error));
    await again;
  } catch (error) {
    if (still()) await failed(error, moved);
  } finally {
    if (still()) { $("main").setAttribute("aria-busy", "false"); draw(); }
  }
  return undefined;
}

// A view asks for its own while the shell asks what there is.
async function ask(next) {
  shell.route = next;
  const module = await import(`./views/${next.view}.js`);
  // By now somebody may have gone on to another address.
  const [data] = await Promise.all([module.load({ ...context, route: next }), surveyed()]);
  return [module, data];
}

// What has no status is no answer of the reader but a mistake of this page: the console says it.
async function failed(error, moved) {
  const { code, known } = error.problem ?? {};
  if (error.status === 410 || TOKENS.has(code)) return restart();
  if (code === "cluster-needed" && known?.length) {
    const to = query();
    to.set("cluster", shell.route?.view === "home" ? "*" : known[0]);
    history.replaceState(null, "", here(to));
    forget();
    return restart({ moved });
  }
  if (error.status === undefined) throw error;
  if (!error.status) shell.lost = error.message;
  else {
    Object.assign(shell, { route: route(), view: null, data: null, error, lost: "" });
    named = path();
    if (!shell.overview) shell.clusters = (await json("clusters").catch(() => ({ clusters: [] }))).clusters;
  }
  return undefined;
}

function arrive() {
  scrollTo(0, 0);
  $("title")?.focus({ preventScroll: true });
}

function comeBack({ y = 0, key }) {
  const found = key && [...document.querySelectorAll("#view [data-key]")].find((each) => each.dataset.key === key);
  (found?.querySelector(".name") ?? found?.querySelector("a, button"))?.focus({ preventScroll: true });
  scrollTo(0, y);
}

// Whether somebody reads what newer data would move.
const reading = () => scrollY > TOP || shell.open.size > 0 || shell.tokens.length > 1 || $("help").open;

async function poll() {
  try {
    if (document.visibilityState === "hidden") return;
    const found = await version();
    const was = shell.lost;
    shell.lost = "";
    if (found) shell.version = found;
    if (was || shell.error?.status === 503) await reload();
    else if (found) await compare();
  } catch (error) {
    if (error.status === undefined) throw error;
    shell.lost = error.message;
  } finally {
    draw();
    setTimeout(poll, POLL);
  }
}

// What is shown, and what there is.
async function compare() {
  const { data, run } = meet(shell.version);
  if (run || data) forget();
  if (data && reading()) {
    shell.newer = true;
    say("There is newer data.");
  } else if (data || (run && OF_RUNS.has(shell.route?.view))) await reload();
  else if (run) {
    await choose();
    await surveyed();
  }
}

function draw() {
  const { data, view, error } = shell;
  drawHeader();
  $("fresh").hidden = $("bottom").hidden = false;
  morph($("fresh"), freshness());
  $("fresh").className = `fresh ${trouble()}`;
  morph($("notices"), describeNotices());
  if (!view && !error) return;
  const title = error ? titleOf(error) : view.title(data, context);
  document.title = `${title} · xpjob`;
  const heading = el("h1", { id: "title", tabindex: "-1" }, title);
  morph($("view"), error ? [heading, ...describe(error)] : view.draw(data, context, heading));
  requestAnimationFrame(fit);
}

const titleOf = ({ status, problem }) => {
  if (problem?.code === "no-such-row") return "Not in the snapshot";
  if (status === 404) return "Not found";
  return status === 503 ? "No data" : "That cannot be shown";
};

function describe({ status, message, problem = {} }) {
  const { goneSince, lastSeenAt, parameter, known } = problem;
  if (status === 503) return [];
  const made = [el("p", {}, sentence(`${parameter ? `${parameter}: ` : ""}${message}`))];
  if (known?.length) made.push(el("p", { class: "dim" }, `There are: ${known.slice(0, 12).join(", ") || "none"}${known.length > 12 ? " …" : ""}.`));
  if (goneSince) made.push(el("p", {}, "It is not in the snapshot since ", el("time", { datetime: goneSince }, goneSince), "."));
  if (lastSeenAt) made.push(el("p", { class: "dim" }, "It was last seen at ", el("time", { datetime: lastSeenAt }, lastSeenAt), "."));
  if (status === 400) made.push(el("p", {}, el("button", { type: "button", class: "action", "data-clear": "yes" }, "Clear the filters")));
  return [el("div", { class: "notice warn" }, ...made, el("p", {}, link(toHome(), {}, "Home")))];
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

function start() {
  wireHeader(context);
  wireKeys(context);
  history.scrollRestoration = "manual";
  window.addEventListener("popstate", (event) => restart({ back: event.state ?? {} }));
  load({}).finally(() => setTimeout(poll, POLL));
  window.addEventListener("resize", fit);
  setInterval(draw, TICK);
}

start();
