// Home: what needs a human, what has changed since yesterday, and how each collector and cluster is.

import { api, counted, link, query, toHome, toTable, toWord } from "../address.js";
import { json } from "../ask.js";
import { badge, text } from "../cells.js";
import { changeLines } from "../changed.js";
import { entries, rest } from "../entries.js";
import { surveyed } from "../known.js";
import { count, dim, el, inWords, number } from "../parts.js";
import { everything } from "../record.js";
import { age } from "../state.js";

export const load = async () => ({ ...(await surveyed()) });

// A comparison reads the store, so the page does not wait for it; without dated snapshots none is asked for.
export function extra(data) {
  const cluster = data.clusters.find(({ name }) => name === data.cluster);
  if (query().get("cluster") === "*" || !cluster?.lastRun?.history) return null;
  return json(api("changes", { since: "1d" })).then((changes) => ({ changes }), (error) => {
    if (error.status === undefined) throw error;
    return { changes: null };
  });
}

export function title({ needs }) {
  if (!needs.total) return "Nothing needs you";
  return `${count(needs.total, "thing needs", "things need")} a human`;
}

export function draw(data, _context, heading) {
  const { needs, clusters, collectors, changes } = data;
  const { rows, tables, collectors: looked } = needs.looked ?? { rows: 0, tables: 0, collectors: 0 };
  const over = `Looked at ${count(rows, "row")} in ${count(tables, "table")} of ${count(looked, "collector")}.`;
  return [
    el("section", { class: "needs panel", "aria-labelledby": "title" }, el("div", { class: "headline" }, heading, dim(over)),
      needs.entries.length ? entries(needs.entries) : el("p", { class: "nothing" }, "Everything is ok."), rest(needs)),
    clusters.length > 1 ? all(clusters) : null,
    changes ? el("section", { class: "panel since", "aria-label": "Since yesterday" }, el("h2", {}, link(toWord("changes"), {}, "Since yesterday")), ...changeLines(changes)) : null,
    el("div", { class: "cards" }, ...collectors.map(card)),
  ].filter(Boolean);
}

function card({ name, title: said, tables, card: held, error, carriedSince, failedLists }) {
  const first = tables[0]?.key;
  return el("section", { class: "card panel", "data-key": name, "aria-label": said || name },
    el("h2", {}, first ? link(toTable(first), {}, said || name) : said || name,
      error || carriedSince ? badge("bad", carriedSince ? "carried" : "failed") : null),
    el("dl", { class: "numbers" }, ...(held?.numbers ?? []).map(figure)),
    el("p", { class: "dim" }, held?.sentence ?? ""),
    error ? el("p", { class: "because" }, error) : null,
    failedLists ? el("p", {}, counted(toWord("runs"), {}, `${count(failedLists, "list")} failed`)) : null);
}

function figure({ label, value, table, filters, type, bad }) {
  const said = value === null || value === undefined ? "–" : text({ type: type || "count" }, value);
  return el("div", { "data-key": label }, el("dt", {}, label), el("dd", { class: bad && value ? "bad" : "" }, counted(toTable(table, everything(table, filters)), {}, said)));
}

function all(clusters) {
  return el("section", { class: "panel clusters", "aria-label": "Clusters" }, el("h2", {}, `${number(clusters.length)} clusters`), el("ul", { class: "plain" }, ...clusters.map(cluster)));
}

function cluster({ name, generatedAt, stale, lastRun, needs, failedLists }) {
  const said = [];
  if (lastRun && !lastRun.success) said.push("last run failed");
  if (!generatedAt) said.push("no snapshot");
  else said.push(`as of ${inWords(age(generatedAt))} ago${stale ? ", out of date" : ""}`);
  if (failedLists) said.push(`${count(failedLists, "list")} failed`);
  const { critical = 0, warning = 0 } = needs ?? {};
  const bad = critical ? "alarm" : warning || stale || failedLists || !generatedAt || (lastRun && !lastRun.success) ? "bad" : "good";
  const word = critical || warning ? [critical && `${number(critical)} critical`, warning && count(warning, "warning")].filter(Boolean).join(", ") : bad === "good" ? "ok" : "look";
  return el("li", { "data-key": name }, generatedAt ? link(toHome(name), {}, name || "(no name)") : name || "(no name)", " ", badge(bad, word), dim(` ${said.join(", ")}`));
}

