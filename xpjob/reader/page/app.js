// The page: its state is its URL; it asks for counts and for one page of records, never for all.

import { describeNotices } from "./notices.js";
import { el, inWords, morph, number, percent, readinessBar, ring, short } from "./parts.js";

const FILTERS = ["namespace", "team", "kind", "composition", "reason", "creator", "group", "source", "name", "paused", "deleting", "synced", "carried"];
const PANELS = { reason: "Why", team: "Team", namespace: "Namespace", kind: "Kind", composition: "Composition" };
const DURATIONS = [["1w", "over a week"], ["1d", "over a day"], ["1h", "over an hour"], ["10m", "over 10 minutes"], ["", "any time"]];
const COLUMNS = [
  { title: "Name", sort: "name", cell: nameCell },
  { title: "Kind", sort: "kind", cell: (record) => [record.kind, sub(record.class === "claim" ? "claim" : "XR")] },
  { title: "Team", sort: "team", cell: (record) => record.team || record.creator ? [record.team || "–", sub(record.creator)] : [none()] },
  { title: "Composition", sort: "composition", cell: (record) => (record.composition ? dotted(record.composition) : [none()]) },
  { title: "State", sort: "reason", cell: stateCell },
  { title: "Why", cell: (record) => [why(record) ? el("span", { class: "why", title: why(record) }, why(record)) : none()] },
  { title: "Not ready for", sort: "notReady", cell: (record) => [since(record.notReadySince)], class: "num" },
  { title: "Age", sort: "age", cell: (record) => [since(record.createdAt)], class: "num" },
];
const PAGE = 50;
const POLL = 5000;

const $ = (id) => document.getElementById(id);
const state = { tokens: [""], next: "", rows: [], total: 0, open: new Set(), generatedAt: "", cluster: null, offset: 0, newer: false, lost: "", refused: null, data: null };
let turn = 0;

const now = () => Date.now() + state.offset;
const sub = (text) => (text ? el("span", { class: "sub" }, text) : null);
const hidden = (text) => el("span", { class: "hidden" }, text);
const none = () => el("span", { class: "none" }, "–");
// A controller's own error says more than "waiting".
const why = (record) => (!record.synced && record.syncedMessage) || (record.ready ? "" : record.message);
// A long name may break after its dots.
const dotted = (text) => text.split(/(?<=\.)/).flatMap((part, index) => (index ? [el("wbr"), part] : [part]));
const since = (time) => (time ? el("time", { datetime: time, title: time }, short((now() - Date.parse(time)) / 1000)) : none());
const view = () => new URLSearchParams(location.search);

// What the API is asked, from the URL: the same names, and "not ready" where nothing is said.
function asked({ without = [], readiness = true } = {}) {
  const from = view();
  const to = new URLSearchParams();
  for (const name of [...FILTERS, "class", "q", "cluster"]) {
    if (!without.includes(name)) for (const value of from.getAll(name)) to.append(name, value);
  }
  if (readiness) {
    const ready = from.get("ready") ?? "false";
    if (ready !== "all") to.append("ready", ready);
    if (from.get("since") && ready !== "true") to.append("since", from.get("since"));
  }
  return to;
}

const sorting = () => view().get("sort") ?? ((view().get("ready") ?? "false") === "false" ? "-notReady" : "name");

function go(change, { push = true } = {}) {
  const to = view();
  change(to);
  const text = to.toString();
  history[push ? "pushState" : "replaceState"](null, "", text ? `?${text}` : location.pathname);
  state.tokens = [""];
  load();
}

async function get(path, parameters) {
  const query = parameters?.toString();
  const answer = await fetch(query ? `${path}?${query}` : path, { cache: "no-store", credentials: "same-origin" });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(problem.detail || `the reader answered ${answer.status}`), { status: answer.status, problem });
  }
  return answer;
}

const summary = async (parameters, by, limit) => {
  for (const name of by) parameters.append("by", name);
  if (limit) parameters.append("limit", limit);
  return (await get("bookkeeping/summary", parameters)).json();
};

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
    const [page, classes, durations, ...panels] = await Promise.all([
      get("bookkeeping", records),
      summary(asked(rest), ["class"]),
      Promise.all(DURATIONS.map(([value]) => { const to = asked(rest); to.append("ready", "false"); if (value) to.append("since", value); return summary(to, []); })),
      ...Object.keys(PANELS).map((name) => { const to = asked({ ...rest, without: [name] }); if (name === "reason") to.append("ready", "false"); return summary(to, [name], 5); }),
    ]);
    const lines = (await page.text()).split("\n").filter(Boolean);
    if (mine !== turn) return;
    Object.assign(state, {
      rows: lines.map((line) => JSON.parse(line)),
      total: Number(page.headers.get("Xpjob-Total")),
      next: new URLSearchParams(page.headers.get("Link")?.match(/<\?([^>]*)>/)?.[1] ?? "").get("continue") ?? "",
      generatedAt: page.headers.get("Xpjob-Generated-At"),
      newer: false, lost: "", refused: null,
      data: { classes: classes.groups, durations: durations.map((each) => each.groups[0]?.total ?? 0), panels },
    });
  } catch (error) {
    if (mine !== turn) return;
    if (error.status === 410) { state.tokens = [""]; return void load(); }
    if (error.status === 400) Object.assign(state, { refused: error, rows: [], total: 0, next: "", data: null });
    else if (error.status !== 503) state.lost = error.status ? error.message : "no answer";
  } finally {
    if (mine === turn) { $("main").setAttribute("aria-busy", "false"); draw(); }
  }
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
  if (data) { drawTiles(data.classes); drawPanels(data); }
  drawTable();
}

function drawTiles(groups) {
  const sum = (name) => groups.reduce((total, group) => total + group[name], 0);
  const of = (name) => groups.find((group) => group.class === name) ?? { total: 0, ready: 0 };
  const [total, ready, bad] = [sum("total"), sum("ready"), sum("notReady")];
  const longest = groups.map((group) => group.longestNotReadySince).filter(Boolean).sort()[0];
  const tile = (title, value, note, mood = "", picture = null) => el("div", { class: `tile ${mood}` }, picture, el("div", {}, el("h2", {}, title), el("p", { class: "big" }, value), el("p", { class: "note" }, note)));
  const share = ({ total: all, ready: good }) => (all ? `${number(good)} ready · ${percent(good, all)}` : "none here");
  morph($("tiles"), [
    tile("Ready", percent(ready, total), `${number(ready)} of ${number(total)}`, "", ring(ready, total)),
    tile("Not ready", number(bad), longest ? `longest for ${inWords((now() - Date.parse(longest)) / 1000)}` : "all is well", bad ? "bad" : "good"),
    tile("Claims", number(of("claim").total), share(of("claim"))),
    tile("Composite resources", number(of("composite").total), share(of("composite"))),
    tile("Not synced", number(total - sum("synced")), `${number(sum("paused"))} paused · ${number(sum("deleting"))} deleting`),
  ]);
}

function drawPanels({ panels, durations }) {
  const chosen = view();
  const row = (parameter, value, label, total, bad, most) => {
    const on = chosen.getAll(parameter).includes(value) && (value !== "" || parameter !== "since");
    const counts = bad === null ? number(total) : bad ? `${number(bad)} of ${number(total)}` : number(total);
    return el("li", {}, el("button", { type: "button", class: "row", "data-filter": parameter, "data-value": value, "aria-pressed": String(on) },
      el("span", { class: "label" }, label), el("span", { class: bad || (bad === null && total) ? "count bad" : "count" }, counts, hidden(bad || bad === null ? " not ready" : ", all ready")), readinessBar(total, bad ?? total, most)));
  };
  const steps = DURATIONS.slice(0, 4).map(([value, label], index) => row("since", value, label, durations[index], null, durations[4]));
  morph($("panel-duration"), [el("h2", {}, "Not ready for"), durations[4] ? el("ul", {}, ...steps) : el("p", { class: "empty" }, "Everything is ready.")]);
  Object.entries(PANELS).forEach(([name, title], index) => {
    const { groups, groupCount } = panels[index];
    // Reasons compare with each other; everything else shows its own share that is ready.
    const most = name === "reason" ? Math.max(1, ...groups.map((group) => group.total)) : null;
    const items = groups.map((group) => row(name, group[name], group[name] || (name === "namespace" ? "cluster-scoped" : "(none)"), group.total, name === "reason" ? null : group.notReady, most ?? group.total));
    const more = groupCount > groups.length ? el("p", { class: "more" }, `and ${number(groupCount - groups.length)} more; search to find them`) : null;
    const empty = name === "reason" ? "Everything is ready." : "Nothing here.";
    morph($(`panel-${name}`), [el("h2", {}, title), items.length ? el("ul", {}, ...items) : el("p", { class: "empty" }, empty), ...(more ? [more] : [])]);
  });
}

function nameCell(record) {
  const open = state.open.has(record.uid);
  return [el("button", { type: "button", class: "name", "data-open": record.uid, "aria-expanded": String(open) }, record.name), sub(record.namespace || "cluster-scoped")];
}

function stateCell(record) {
  const bad = !record.ready;
  const flags = [record.paused && "paused", record.deleting && "deleting", !record.synced && "not synced", record.carriedSince && "from an earlier run"].filter(Boolean).join(" · ");
  return [el("span", { class: `badge ${bad ? "bad" : "good"}` }, bad ? record.reason || "No condition yet" : "Ready"), sub(flags)];
}

function detail(record) {
  const scope = record.namespace ? ` -n ${record.namespace}` : "";
  const partner = record.xr ?? record.claim;
  const facts = [
    ["Ready", `${record.readyStatus || "no condition"}${record.reason ? `, ${record.reason}` : ""}`], ["", record.message],
    ["Synced", `${record.syncedStatus || "no condition"}${record.syncedReason ? `, ${record.syncedReason}` : ""}`], ["", record.syncedMessage],
    [record.xr ? "XR" : "Claim", partner && [partner.kind, partner.namespace, partner.name].filter(Boolean).join(" / ")],
    ["Revision", record.compositionRevision], ["Creator", record.creator], ["Created", record.createdAt], ["Being deleted since", record.deletedAt],
    ["Not seen since", record.carriedSince], ["Look closer", `kubectl describe ${record.resource}.${record.group} ${record.name}${scope}`],
  ].filter(([, value]) => value);
  const list = facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", { class: name === "Look closer" ? "code" : null }, value)]);
  return el("tr", { class: "detail", role: "row" }, el("td", { colspan: COLUMNS.length, role: "cell" }, el("dl", {}, ...list)));
}

function drawTable() {
  const [key, down] = [sorting().replace(/^-/, ""), sorting().startsWith("-")];
  morph($("head"), COLUMNS.map((column) => {
    const sorted = column.sort === key;
    const inner = column.sort ? el("button", { type: "button", "data-sort": column.sort }, column.title, el("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (down ? "↓" : "↑") : "")) : column.title;
    return el("th", { scope: "col", role: "columnheader", class: column.class, "aria-sort": sorted ? (down ? "descending" : "ascending") : null }, inner);
  }));
  morph($("body"), state.rows.flatMap((record) => {
    const cells = COLUMNS.map((column) => {
      const content = column.cell(record).filter(Boolean);
      const empty = content.every((each) => each.className === "none");
      return el("td", { role: "cell", class: column.class, "data-label": column.title, "data-empty": empty }, el("div", {}, ...content));
    });
    const row = el("tr", { role: "row" }, ...cells);
    return state.open.has(record.uid) ? [row, detail(record)] : [row];
  }));
  const empty = state.data && !state.rows.length;
  const narrowed = asked({ readiness: false }).toString().replace(/(^|&)cluster=[^&]*/, "") || view().get("since");
  const all = state.cluster ? state.cluster.claims.total + state.cluster.xrs.total : 0;
  $("nothing").hidden = !empty;
  $("nothing").textContent = !all ? "This platform holds no claims and no XRs yet." : narrowed || (view().get("ready") ?? "false") !== "false" ? "Nothing matches these filters." : "Everything is ready. Have a good day.";
  $("scroll").hidden = !state.rows.length;
  const first = (state.tokens.length - 1) * PAGE;
  $("count").textContent = state.rows.length ? `${number(first + 1)}–${number(first + state.rows.length)} of ${number(state.total)}` : "";
  $("previous").disabled = state.tokens.length < 2;
  $("next").disabled = !state.next;
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
  const { filter, value, clear, sort, open, ready, class: kind } = target.dataset;
  if (filter) toggle(filter, value);
  else if (clear) go((to) => [...FILTERS, "class", "q", "since", "ready"].forEach((name) => to.delete(name)));
  else if (sort) go((to) => to.set("sort", sorting() === `-${sort}` ? sort : sorting() === sort || ["notReady", "age"].includes(sort) ? `-${sort}` : sort));
  else if (open) { if (!state.open.delete(open)) state.open.add(open); drawTable(); }
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
