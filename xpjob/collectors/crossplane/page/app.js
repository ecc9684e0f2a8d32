// The view of claims, XRs and MRs: it asks for counts and for one page of records, never for all.

import { toggle as turn } from "../address.js";
import { get, json, silent } from "../ask.js";
import { follow, paged } from "../frame.js";
import { asked, askedOfFindings, FILTERS, readiness, sorting, view } from "./address.js";
import { fetchChanges } from "./changes.js";
import { drawFindings, SHOWN } from "./findings.js";
import { layout } from "./layout.js";
import { drawPanels, drawTiles, DURATIONS, PANELS, WHY } from "./overview.js";
import { COLUMNS, drawTable } from "./records.js";
import { $, reset, shell, state } from "./state.js";
import { summary } from "./summary.js";
import { fetchTrees } from "./tree.js";

const TITLES = { false: "Not ready", true: "Ready", all: "All records" };
const LATEST_FIRST = ["notReady", "age"];

export function mount(panel, context) {
  reset(context);
  panel.append(layout(context.go));
  return { follow: controls, load, draw, press, clear };
}

export function unmount() {
  reset(null);
}

function clear() {
  Object.assign(state, { rows: [], total: 0, data: null });
}

async function load(still) {
  const few = askedOfFindings();
  few.append("limit", SHOWN);
  const records = paged(asked(), sorting());
  records.append("format", "ndjson");
  const [page, findings, classes, durations, ...panels] = await Promise.all([
    get("bookkeeping", records),
    json("bookkeeping/findings", few),
    summary(asked({ ready: false }), ["class"]),
    Promise.all(DURATIONS.map(([value]) => countOfNotReady(value))),
    ...Object.keys(PANELS).map(breakdown),
  ]);
  const lines = (await page.text().catch(silent)).split("\n").filter(Boolean);
  if (!still()) return "";
  Object.assign(state, {
    rows: lines.map((line) => JSON.parse(line)),
    total: Number(page.headers.get("Xpjob-Total")),
    data: { findings, classes: classes.groups, durations, panels },
  });
  const link = page.headers.get("Link")?.match(/<\?([^>]*)>/)?.[1];
  shell.next = new URLSearchParams(link ?? "").get("continue") ?? "";
  land();
  return page.headers.get("Xpjob-Generated-At");
}

async function countOfNotReady(value) {
  const to = asked({ ready: false });
  to.append("ready", "false");
  if (value) to.append("since", value);
  return (await summary(to, [])).groups[0]?.total ?? 0;
}

function breakdown(name) {
  const to = asked({ ready: false, without: [name] });
  if (WHY.has(name)) to.append(...WHY.get(name));
  return summary(to, [name], 5);
}

// A link to one record shows it open.
function land() {
  if (state.landed !== location.search && state.total === 1 && view().get("name")) state.open.add(state.rows[0].uid);
  state.landed = location.search;
  fetchTrees(drawTable);
  fetchChanges();
}

function draw() {
  if (state.data) {
    drawTiles(state.data.classes);
    drawPanels(state.data);
    drawFindings(state.data.findings, askedOfFindings());
  }
  drawTable();
}

function controls() {
  const from = view();
  $("records-title").textContent = TITLES[readiness()] ?? "Records";
  for (const button of $("readiness").children) {
    button.setAttribute("aria-pressed", String((button.dataset.readiness || "all") === readiness()));
  }
  for (const button of $("class").children) {
    button.setAttribute("aria-pressed", String(button.dataset.class === (from.get("class") ?? "")));
  }
  $("since").value = from.get("since") ?? "";
  const filters = FILTERS.map((name) => [name, name]);
  follow({ columns: COLUMNS, filters, sorting: sorting(), path: "bookkeeping", asked: asked() });
}

function narrow(parameter, value) {
  state.context.go((to) => {
    if (parameter !== "since") { turn(to, parameter, value); return; }
    const had = to.has("since", value);
    to.delete("since");
    if (!had) to.set("since", value);
    if (to.get("ready") === "true") to.delete("ready");
  });
}

function press({ dataset: { filter, value, sort, open, fold, folded, readiness: ready, class: kind } }) {
  const { go } = state.context;
  if (filter) narrow(filter, value);
  else if (sort) go((to) => to.set("sort", turned(sort)));
  else if (open) {
    if (!state.open.delete(open)) state.open.add(open);
    fetchTrees(drawTable);
    drawTable();
  } else if (fold) {
    state.folds.set(fold, folded === "true");
    drawTable();
  } else if (ready !== undefined) go((to) => choose(to, ready));
  else if (kind !== undefined) go((to) => (kind ? to.set("class", kind) : to.delete("class")));
}

function turned(sort) {
  if (sorting() === `-${sort}`) return sort;
  return sorting() === sort || LATEST_FIRST.includes(sort) ? `-${sort}` : sort;
}

function choose(to, ready) {
  to.delete("sort");
  if (ready === "false") to.delete("ready");
  else to.set("ready", ready || "all");
  if (ready === "true") to.delete("since");
}
