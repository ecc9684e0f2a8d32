// The last run, for operators: how it ended, how each collector went, and each list.

import { api } from "../address.js";
import { json } from "../ask.js";
import { badge, cell } from "../cells.js";
import { surveyed } from "../known.js";
import { listing } from "../listing.js";
import { count, dim, el, inWords } from "../parts.js";
import { since } from "../state.js";

const COLLECTORS = columns([["collector", "Collector"], ["success", "Well", "flag"], ["seconds", "Seconds", "count"], ["rows", "Rows", "count"], ["failedLists", "Lists failed", "count"], ["carriedSince", "Carried", "time"], ["error", "Error"]]);
const LISTS = columns([["gvr", "List"], ["namespace", "Namespace"], ["collector", "Collector"], ["records", "Objects", "count"], ["seconds", "Seconds", "count"], ["carried", "Carried", "count"], ["error", "Error"]]);

function columns(all) {
  return all.map(([name, title, type = "text"], place) => ({ name, title, type, priority: place < 3 || name === "error" ? 1 : 2 }));
}

export async function load() {
  const [found] = await Promise.all([json(api("runs")), surveyed().catch(() => null)]);
  return { ...found, generatedAt: found.snapshot?.generatedAt };
}

export const title = () => "Last run";

export function draw({ run, snapshot, lists = [], collectors = [], failedLists }, _context, heading) {
  return [
    el("div", { class: "headline" }, heading, run ? badge(run.success ? (run.partial ? "bad" : "good") : "alarm", run.success ? (run.partial ? "partial" : "complete") : "failed") : null),
    run ? el("p", {}, "It ended ", since(run.finishedAt), ` ago and took ${inWords(run.seconds)}.`, run.error ? ` ${run.phase ? `${run.phase}: ` : ""}${run.error}` : "") : el("p", { class: "dim" }, "No run has left a report."),
    snapshot ? el("p", { class: "dim" }, "The snapshot that is shown was taken ", since(snapshot.generatedAt), ` ago${run && snapshot.run !== run.id ? ", by an earlier run" : ""}.`) : null,
    table("Collectors", "collectors", collectors, COLLECTORS),
    table(failedLists ? `Lists: ${count(failedLists, "has failed", "have failed")}` : "Lists", "lists", lists, LISTS),
  ].filter(Boolean);
}

function table(heading, key, rows, all) {
  const of = { key, title: heading, identity: [], name: [all[0].name], columns: all, shown: all.map(({ name }) => name), ok: "success" };
  const cells = all.map((column, place) => ({
    name: column.name, title: column.title, column, priority: column.priority, right: column.type === "count" || column.type === "time", primary: place === 0, rest: column.name === "error",
    draw: (row) => (place ? cell(column, row, of) : el("span", { class: "name", title: row[column.name] }, row[column.name])),
  }));
  const short = (row) => [
    el("div", { class: "upper" }, el("span", { class: "name" }, String(row[all[0].name])), badge(row.error ? "bad" : "good", row.error ? "failed" : "ok")),
    el("div", { class: "lower" }, el("span", { class: "line" }, row.error || `${row.seconds ?? 0} s`)),
  ];
  return el("section", { class: "panel", "data-key": key }, el("h2", {}, heading),
    rows.length ? listing(of, rows, cells, { label: heading, short }) : dim("None."));
}

