// The page: its state is its URL; it asks for counts and for one page of records, never for all.

import { asked, askedOfFindings, FILTERS, sorting, view } from "./address.js";
import { get, summary } from "./ask.js";
import { fetchChanges } from "./changes.js";
import { drawFindings, SHOWN } from "./findings.js";
import { describeNotices } from "./notices.js";
import { drawPanels, drawTiles, DURATIONS, PANELS, WHY } from "./overview.js";
import { el, hidden, inWords, morph } from "./parts.js";
import { COLUMNS, drawTable } from "./records.js";
import { $, now, PAGE, state } from "./state.js";
import { fetchTrees } from "./tree.js";

const POLL = 5000;

let turn = 0;

function go(change, { push = true } = {}) {
  const to = view();
  change(to);
  const text = to.toString();
  history[push ? "pushState" : "replaceState"](null, "", text ? `?${text}` : location.pathname);
  state.tokens = [""];
  load();
}

async function load() {
  const mine = ++turn;
  controls();
  $("main").setAttribute("aria-busy", "true");
  try {
    await lookAround();
    if (mine !== turn) return;
    if (!state.cluster?.generatedAt) { state.data = null; return; }
    const records = asked();
    records.append("sort", sorting());
    records.append("limit", PAGE);
    records.append("format", "ndjson");
    const token = state.tokens.at(-1);
    if (token) records.append("continue", token);
    const rest = { readiness: false };
    const few = askedOfFindings();
    few.append("limit", SHOWN);
    const [page, findings, classes, durations, ...panels] = await Promise.all([
      get("bookkeeping", records),
      get("bookkeeping/findings", few).then((answer) => answer.json()),
      summary(asked(rest), ["class"]),
      Promise.all(DURATIONS.map(([value]) => { const to = asked(rest); to.append("ready", "false"); if (value) to.append("since", value); return summary(to, []); })),
      ...Object.keys(PANELS).map((name) => { const to = asked({ ...rest, without: [name] }); if (WHY.has(name)) to.append(...WHY.get(name)); return summary(to, [name], 5); }),
    ]);
    const lines = (await page.text()).split("\n").filter(Boolean);
    if (mine !== turn) return;
    Object.assign(state, {
      rows: lines.map((line) => JSON.parse(line)),
      total: Number(page.headers.get("Xpjob-Total")),
      next: new URLSearchParams(page.headers.get("Link")?.match(/<\?([^>]*)>/)?.[1] ?? "").get("continue") ?? "",
      generatedAt: page.headers.get("Xpjob-Generated-At"),
      newer: false, lost: "", refused: null,
      data: { findings, classes: classes.groups, durations: durations.map((each) => each.groups[0]?.total ?? 0), panels },
    });
  } catch (error) {
    if (mine !== turn) return;
    if (error.status === 410) { state.tokens = [""]; return void load(); }
    if (error.status === 400) Object.assign(state, { refused: error, rows: [], total: 0, next: "", data: null });
    else if (error.status !== 503) state.lost = error.status ? error.message : "no answer";
  } finally {
    if (mine === turn) { land(); $("main").setAttribute("aria-busy", "false"); draw(); }
  }
}

// A link to one record shows it open.
function land() {
  if (state.landed !== location.search && state.total === 1 && view().get("name")) state.open.add(state.rows[0].uid);
  state.landed = location.search;
  fetchTrees(drawTable);
  if (state.data) fetchChanges();
}

// How fresh the snapshot is and how the last run went; cheap, so it is asked for often.
async function lookAround() {
  const found = await (await get("clusters")).json();
  state.offset = Date.parse(found.servedAt) - Date.now();
  state.found = found;
  const wanted = view().get("cluster");
  const served = found.clusters.filter((each) => each.generatedAt);
  state.cluster = found.clusters.find((each) => each.name === wanted)
    ?? found.clusters.find((each) => each.default) ?? served[0] ?? found.clusters[0] ?? null;
  if (served.length > 1 && !wanted && !state.cluster.default) {
    const to = view();
    to.set("cluster", state.cluster.name);
    history.replaceState(null, "", `?${to}`);
  }
  state.lost = "";
}

async function poll() {
  if (document.visibilityState !== "hidden") {
    try {
      await lookAround();
      const changed = (state.cluster?.generatedAt ?? "") !== state.generatedAt || !state.data;
      if (changed && state.tokens.length > 1 && state.data) state.newer = true;
      else if (changed && !state.refused) await load();
    } catch (error) {
      state.lost = error.status ? error.message : "no answer";
    }
    draw();
  }
  setTimeout(poll, POLL);
}

function draw() {
  const { cluster, data, found } = state;
  const age = cluster?.generatedAt ? (now() - Date.parse(cluster.generatedAt)) / 1000 : null;
  const trouble = state.lost || cluster?.stale;
  $("age").className = `age ${trouble ? "warn" : age === null ? "" : "good"}`;
  $("age-text").textContent = age === null ? (found ? "No snapshot yet" : state.lost ? "No answer" : "Loading …") : `As of ${inWords(age)} ago`;
  morph($("notices"), describeNotices(state, now()));
  if (found) $("version").textContent = `xpjob ${found.version}`;
  const clusters = (found?.clusters ?? []).filter((each) => each.generatedAt);
  $("cluster-box").hidden = clusters.length < 2;
  morph($("cluster"), clusters.map((each) => el("option", { value: each.name, selected: each === cluster }, each.name || "(no name)")));
  $("cluster").value = cluster?.name ?? "";
  document.body.classList.toggle("blank", !data && !state.refused);
  if (data) { drawTiles(data.classes); drawPanels(data); drawFindings(data.findings, askedOfFindings()); }
  drawTable();
}

function controls() {
  const from = view();
  const ready = from.get("ready") ?? "false";
  $("records-title").textContent = { false: "Not ready", true: "Ready", all: "All records" }[ready] ?? "Records";
  for (const button of $("readiness").children) button.setAttribute("aria-pressed", String((button.dataset.ready || "all") === ready));
  for (const button of $("class").children) button.setAttribute("aria-pressed", String(button.dataset.class === (from.get("class") ?? "")));
  $("since").value = from.get("since") ?? "";
  if (document.activeElement !== $("q")) $("q").value = from.get("q") ?? "";
  morph($("sort"), COLUMNS.filter((column) => column.sort).flatMap(({ sort, title }) => [el("option", { value: sort }, `${title} ↑`), el("option", { value: `-${sort}` }, `${title} ↓`)]));
  $("sort").value = sorting();
  const chips = FILTERS.flatMap((name) => from.getAll(name).map((value) => el("button", { type: "button", class: "chip", "data-filter": name, "data-value": value }, hidden("Remove filter "), el("span", { class: "key" }, name), " ", value || "(none)", el("span", { "aria-hidden": "true" }, " ×"))));
  if (chips.length > 1) chips.push(el("button", { type: "button", class: "chip clear", "data-clear": "yes" }, "Clear all"));
  morph($("chips"), chips);
  const link = asked();
  link.append("sort", sorting());
  $("as-json").href = `bookkeeping?${link}`;
  link.append("format", "csv");
  $("as-csv").href = `bookkeeping?${link}`;
}

function toggle(parameter, value) {
  go((to) => {
    const kept = to.getAll(parameter).filter((each) => each !== value);
    const had = to.has(parameter, value);
    to.delete(parameter);
    if (parameter === "since") { if (!had) to.set(parameter, value); if (to.get("ready") === "true") to.delete("ready"); } else for (const each of had ? kept : [...kept, value]) to.append(parameter, each);
  });
}

function press(target) {
  const { filter, value, clear, sort, open, fold, folded, ready, class: kind } = target.dataset;
  if (filter) toggle(filter, value);
  else if (clear) go((to) => [...FILTERS, "class", "q", "since", "ready"].forEach((name) => to.delete(name)));
  else if (sort) go((to) => to.set("sort", sorting() === `-${sort}` ? sort : sorting() === sort || ["notReady", "age"].includes(sort) ? `-${sort}` : sort));
  else if (open) { if (!state.open.delete(open)) state.open.add(open); fetchTrees(drawTable); drawTable(); }
  else if (fold) { state.folds.set(fold, folded === "true"); drawTable(); }
  else if (ready !== undefined) go((to) => { to.delete("sort"); if (ready === "false") to.delete("ready"); else to.set("ready", ready || "all"); if (ready === "true") to.delete("since"); });
  else if (kind !== undefined) go((to) => (kind ? to.set("class", kind) : to.delete("class")));
  else if (target.dataset.reload) { state.tokens = [""]; load(); }
  else if (target.id === "next") { state.tokens.push(state.next); load().then(() => $("records").focus()); }
  else if (target.id === "previous") { state.tokens.pop(); load().then(() => $("records").focus()); }
}

let typing;
document.addEventListener("click", (event) => { const button = event.target.closest("button"); if (button && !button.disabled) press(button); });
$("q").addEventListener("input", (event) => { clearTimeout(typing); typing = setTimeout(() => go((to) => (event.target.value.trim() ? to.set("q", event.target.value.trim()) : to.delete("q")), { push: false }), 250); });
for (const name of ["since", "sort", "cluster"]) $(name).addEventListener("change", (event) => go((to) => { if (event.target.value) to.set(name, event.target.value); else to.delete(name); if (name === "since" && to.get("ready") === "true") to.delete("ready"); }));
document.addEventListener("keydown", (event) => { if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.nodeName)) { event.preventDefault(); $("q").focus(); } });
window.addEventListener("popstate", () => { state.tokens = [""]; load(); });

load().finally(() => setTimeout(poll, POLL));
setInterval(draw, 15000);
