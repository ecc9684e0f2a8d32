// One record: what blocks it in words, its facts, its tree, what it refers to and what refers to it.
// The same stands below an open row and on a page of its own.

import { api, link, tablePath, toRecord, toTable, toWord } from "./address.js";
import { json } from "./ask.js";
import { badge, copyButton, lateness, MOOD, mood, parameter, whole } from "./cells.js";
import { naming } from "./columns.js";
import { gravity } from "./entries.js";
import { count, dim, dotted, el, inTitle, number } from "./parts.js";
import { shell, since, surveyedTables } from "./state.js";

export const recordPath = (key, id) => `${tablePath(key)}/rows/${id}`;

// Open what has this key in place, and ask for what is in it; or close it.
export async function toggleOpen(key, ask, context) {
  if (shell.open.delete(key)) { context.redraw(); return; }
  const held = { ask };
  shell.open.set(key, held);
  const filled = fill(held);
  context.redraw();
  await filled;
  context.redraw();
}

// Ask again for what is open: it is of what was loaded before. With `forget`, that is not shown meanwhile.
export async function askAgain(context, { forget }) {
  const all = [...shell.open.values()];
  if (forget) for (const held of all) held.found = null;
  await Promise.all(all.map(fill));
  if (all.length) context.redraw();
}

async function fill(held) {
  const asked = (held.asked = {});
  let made;
  try {
    made = { found: await held.ask(), error: "" };
  } catch (error) {
    if (error.status === undefined) throw error;
    made = { found: null, error: error.message };
  }
  if (held.asked === asked) Object.assign(held, made);
}

// A row without an identity has nothing but its cells.
export const openRecord = (table, key, context) =>
  toggleOpen(key, () => (table.identity.length ? json(api(recordPath(table.key, key))) : null), context);

// What is below an open row.
export function opened(table, row, key) {
  const { found, error } = shell.open.get(key) ?? {};
  const own = table.identity.length ? el("p", { class: "more" }, link(toRecord(table.key, key), {}, "Page of its own")) : null;
  if (error) return [el("p", { class: "dim" }, `More of it cannot be shown: ${error}.`), facts(table, row), own];
  return found ? [...story(table, found), ...relations(found), facts(table, found.row), own] : [facts(table, row), own];
}

// Why it is as it is, the blockers, and the command that looks closer.
export function story(table, found) {
  const kind = mood(table, found.row, "");
  const made = [];
  if (found.sentence) made.push(el("p", { class: `explains ${kind}` }, found.sentence));
  if (found.notes?.length) made.push(el("ul", { class: "blockers" }, ...found.notes.map((each) => el("li", {}, each))));
  if (found.command) made.push(el("p", { class: "command" }, el("code", {}, found.command), " ", copyButton(found.command, "the command")));
  return made;
}

export function facts(table, row) {
  const first = [...naming(table), ...table.identity, ...table.shown];
  const place = ({ name }) => (first.includes(name) ? first.indexOf(name) : first.length);
  const known = [...table.columns].sort((one, other) => place(one) - place(other)).map((column) => [column, whole(column, row, table)]);
  const held = known.filter(([, said]) => said[0]?.className !== "none");
  const empty = known.filter((each) => !held.includes(each)).map(([column]) => column.title || column.name);
  return el("div", { class: "facts" },
    el("dl", {}, ...held.flatMap(([column, said]) => [el("dt", { title: column.help || null }, column.title || column.name), el("dd", {}, ...said)])),
    empty.length ? el("p", { class: "dim without" }, `Without a value: ${empty.join(", ")}.`) : null);
}

// The sections on what it belongs to, each only where there is something.
export function relations(found) {
  return [tree(found), links(found), findings(found), history(found)].filter(Boolean);
}

const section = (title, ...children) => el("section", { class: "part", "data-key": title, "aria-label": title }, el("h2", {}, title), ...children);

function tree({ tree: nodes = [], treeCount }) {
  if (nodes.length < 2) return null;
  const { made } = branch(nodes, 0, nodes[0].depth);
  const left = treeCount > nodes.length ? el("p", { class: "dim" }, `and ${number(treeCount - nodes.length)} more that are not shown`) : null;
  return section("Its tree", el("ul", { class: "tree" }, ...made), left);
}

// Nodes come in order, each with its depth: those that are deeper are below the one before.
function branch(nodes, start, depth) {
  const made = [];
  let at = start;
  while (at < nodes.length && nodes[at].depth >= depth) {
    const node = nodes[at];
    const below = branch(nodes, at + 1, node.depth + 1);
    made.push(el("li", { "data-key": `${node.table}/${node.id}` }, nodeLine(node), below.made.length ? el("ul", {}, ...below.made) : null));
    at = below.at;
  }
  return { made, at };
}

function nodeLine({ table, id, title, kind, ok, state, why, since: time, current }) {
  const tone = ok === null ? "" : ok ? "good" : lateOf(table, time);
  return el("div", { class: "node" },
    current ? el("strong", { "aria-current": "true" }, `${kind} `, ...dotted(title)) : link(toRecord(table, id), {}, `${kind} `, ...dotted(title)),
    " ", badge(tone, state || (ok ? "ok" : "not ok")), current ? el("span", { class: "mark" }, "this one") : null,
    time && !ok ? dim(" for ", since(time)) : null, why ? el("span", { class: "because" }, why) : null);
}

function lateOf(key, time) {
  const table = shell.tables.get(key);
  const late = table && lateness(table, { [table.ok]: false, [table.since]: time });
  return (late && MOOD[late]) || "bad";
}

function links({ links: out = [], referrers = [] }) {
  const lines = [
    ...out.map(({ title, table, id, text }) => el("li", {}, dim(`${title}: `), id ? link(toRecord(table, id), {}, text) : text)),
    ...referrers.map(({ title, table, filters, rows }) =>
      el("li", {}, link(toTable(table, everything(table, filters)), {}, title), dim(` ${count(rows, "row")}`))),
  ];
  return lines.length ? section("Related", el("ul", { class: "plain" }, ...lines)) : null;
}

// A number counts all rows, also those that are younger than usual.
export function everything(key, filters) {
  const named = Object.fromEntries(Object.entries(filters ?? {}).map(([name, values]) => [parameter(name), values]));
  const late = surveyedTables().find((each) => each.key === key)?.late;
  return late === null || late === undefined || "lateness" in named ? named : { ...named, lateness: "*" };
}

function findings({ findings: found = [] }) {
  if (!found.length) return null;
  return section("Findings", el("ul", { class: "plain" }, ...found.map((each) => el("li", { class: "finding" },
    badge(gravity(each.severity), inTitle(each.finding)), dim(" for ", since(each.since)), each.confirmed ? null : dim(", seen once"),
    each.carriedSince ? dim(", not seen again for ", since(each.carriedSince)) : null,
    el("span", { class: "because" }, each.message)))),
    el("p", { class: "more" }, link(toWord("findings"), {}, "All findings")));
}

function history({ history: held = [] }) {
  if (!held.length) return null;
  return section("History", el("ol", { class: "history" }, ...held.map(({ at, text }) => el("li", {}, since(at), " ago ", dim(text)))));
}

