// A table: filters beside the rows, all of it from the table's description.

import { api, query, tablePath, toggle } from "../address.js";
import { json } from "../ask.js";
import { parameter } from "../cells.js";
import { cells, choose, isWide, titleOf } from "../columns.js";
import { chips, facet, faceted, facetText, filters, hasLateness, onWide, tells, unfold, wholeOf } from "../facets.js";
import { groups, openTree, wantsGroups } from "../groups.js";
import { descriptions } from "../known.js";
import { listing, onNarrow } from "../listing.js";
import { say } from "../live.js";
import { notice } from "../notices.js";
import { counted, el, inWords, number } from "../parts.js";
import { opened, openRecord } from "../record.js";
import { $, age, keep, shell, step, surveyedTables } from "../state.js";
import { bottom, toolbar } from "../toolbar.js";

const TYPING = 250;
const SHOWN = ["", "late", "long"];

let watched = null;
let typing;

export async function load(context) {
  watch(context);
  const tables = await descriptions();
  const table = tables.get(context.route.table);
  // The reader has the words for what is not there.
  if (!table) return json(api(tablePath(context.route.table), { limit: 1 }));
  const asked = question(table);
  const grouped = wantsGroups(table);
  const sorting = sortingOf(table);
  const to = new URLSearchParams(asked);
  if (sorting) to.append("sort", sorting);
  to.append("limit", grouped ? 1 : shell.limit);
  if (shell.tokens.at(-1) && !grouped) to.append("continue", shell.tokens.at(-1));
  const names = faceted(table).map(({ name }) => parameter(name));
  if (names.length) to.append("facets", names.join(","));
  const expanded = [...shell.facetText.keys()].map((name) => faceted(table).find((each) => each.name === name)).filter(Boolean);
  const [answer, found, ...whole] = await Promise.all([
    json(api(tablePath(table.key), to)),
    grouped ? trees(table, asked) : null,
    ...expanded.map(async (column) => [column.name, await wholeOf(table, column, asked)]),
  ]);
  return { ...answer, table, asked, sorting, grouped: found, whole: new Map(whole), next: (found ?? answer).continue };
}

function trees(table, asked) {
  const to = new URLSearchParams(asked);
  to.append("limit", shell.limit);
  if (shell.tokens.at(-1)) to.append("continue", shell.tokens.at(-1));
  return json(api(`${tablePath(table.key)}/trees`, to));
}

// What the reader is asked, from the address: the same names. Rows that are not ok but
// younger than usual are left out, unless the address speaks of lateness or looks for a text.
function question(table) {
  const to = new URLSearchParams();
  const names = new Set([...table.filters, ...(hasLateness(table) ? ["lateness"] : []), ...(table.parents?.length ? ["tree"] : [])].map(parameter));
  if (table.search.length) names.add("q");
  for (const name of names) for (const value of query().getAll(name)) to.append(name, value);
  if (leavesOut(table)) for (const value of SHOWN) to.append("lateness", value);
  if (to.getAll("lateness").includes("*")) to.delete("lateness");
  return to;
}

const leavesOut = (table) => hasLateness(table) && !query().has("lateness") && !query().has("tree") && !query().get("q");

const order = (table) => (table.columns.some(({ name }) => name === table.sort.replace(/^-/, "")) ? table.sort : "");
const sortingOf = (table) => query().get("sort") ?? order(table);

export const title = ({ table }) => table.title || table.key;

export function draw(data, _context, heading) {
  const { table, rows } = data;
  const made = cells(table);
  const details = (row, key) => opened(table, row, key);
  const side = filters(filterBox(table), ...facets(data));
  return [
    el("div", { class: "headline" }, heading, el("span", { class: "sum" }, counted(data)), ...toolbar(table, data)),
    ...carried(table),
    el("p", { class: "printed" }, printed(data)),
    el("div", { class: "chips", role: "group", "aria-label": "Filters in force" }, ...chips(table)),
    el("div", { class: "split" }, side, el("section", { class: "records" },
      ...leftOut(data),
      !rows.length ? el("p", { class: "nothing" }, empty(data)) : data.grouped ? groups(table, { ...data.grouped, matching: data.grouped.rows, asked: data.asked }, made, details)
        : listing(table, rows, made, { sorting: data.sorting, details, sums: data.sums ?? {}, total: data.total }),
      bottom(table, data))),
  ];
}

function filterBox(table) {
  if (!table.search.length) return null;
  const fields = table.search.map((name) => titleOf(table, name).toLowerCase()).join(", ");
  return el("input", { type: "search", id: "q", class: "narrow", "data-input": "q", maxlength: 120, "aria-label": `Search ${fields}`, title: `Search ${fields}`,
    placeholder: "Text in these rows", autocomplete: "off", spellcheck: "false", value: query().get("q") ?? "" });
}

const facets = ({ table, total, facets: found = {}, whole }) => faceted(table)
  .map((column) => [column, found[parameter(column.name)] ?? found[column.name]])
  .filter(([column, short]) => short && tells(column, short, total))
  .map(([column, short]) => facet(column, short, whole.get(column.name), facetText(column.name)));

const narrowed = ({ asked, table }) => [...asked.keys()].some((name) => name !== "lateness" || !leavesOut(table));

const empty = (data) => (narrowed(data) ? "Nothing matches these filters." : data.of ? "Nothing but what is recent." : "This table has no rows.");

// Rows that are younger than usual, and where they are.
function leftOut({ table, facets: found }) {
  const recent = found?.lateness?.values.find(({ value }) => value === "recent")?.total ?? 0;
  if (!leavesOut(table) || !recent) return [];
  return [el("p", { class: "left" }, `${number(recent)} recent ${recent === 1 ? "row is" : "rows are"} left out: not ok yet, but younger than usual. `,
    el("button", { type: "button", class: "more", "data-lateness": "*" }, "Show all"), " ",
    el("button", { type: "button", class: "more", "data-lateness": "recent" }, "Only these"))];
}

function carried({ key }) {
  const found = surveyedTables().find((each) => each.key === key);
  const { error, carriedSince } = found ?? {};
  if (!error && !carriedSince) return [];
  if (!carriedSince) return [notice("warn", "This table could not be made in this run:", error)];
  const kept = el("time", { datetime: carriedSince, title: carriedSince }, `${inWords(age(carriedSince))} ago`);
  return [notice("warn", "This table is not from this run:", "kept from ", kept, error ? `: ${error}` : "")];
}

function printed({ table, asked, generatedAt, total }) {
  const said = [...asked].filter(([name]) => name !== "cluster").map(([name, value]) => `${name}=${value}`).join(", ");
  const cluster = shell.overview?.cluster ? `cluster ${shell.overview.cluster}, ` : "";
  return `${title({ table })}: ${number(total)} rows, ${cluster}as of ${generatedAt}${said ? `; ${said}` : ""}`;
}

export function press(pressed, context) {
  const { filter, value, sort, open, facet: name, input, lateness, pages, wide, columns, group, tree } = pressed;
  const { table } = shell.data;
  if (input === "q") type(value, context);
  else if (input === "facet") { shell.facetText.set(name, value); context.redraw(); }
  else if (filter !== undefined) context.go((to) => toggle(to, filter, value));
  else if (sort !== undefined) context.go((to) => to.set("sort", sort));
  else if (lateness) context.go((to) => to.set("lateness", lateness));
  else if (tree !== undefined) openTree(table, tree, context);
  else if (open !== undefined) openRecord(table, open, context);
  else if (name !== undefined) unfold(name, context);
  else if (pages) turn(pages, context);
  else if (wide) { keep("wide", isWide() ? null : "yes"); context.redraw(); }
  else if (group !== undefined) context.go((to) => (group ? to.set("by", group) : to.delete("by")));
  else if (columns !== undefined) pick(table, pressed, context);
}

function type(value, context) {
  clearTimeout(typing);
  const text = value.trim();
  typing = setTimeout(async () => {
    await context.go((to) => (text ? to.set("q", text) : to.delete("q")), { push: false });
    if (shell.data?.total !== undefined) say(`${number(shell.data.total)} rows match.`);
  }, TYPING);
}

async function turn(pages, context) {
  if (!step(pages, shell.data.next)) return;
  shell.open.clear();
  await context.reload();
  $("title")?.scrollIntoView();
  document.querySelector("[data-scroll], .listed a")?.focus({ preventScroll: true });
}

// A column is shown or not: in the address, and on this device from now on.
function pick(table, { columns }, context) {
  const now = [...document.querySelectorAll("input[data-columns]:checked")].map(({ dataset }) => dataset.columns);
  const order = [...new Set([...table.shown, ...now])];
  const names = columns === "" ? [] : order.filter((name) => now.includes(name));
  choose(table, names.length ? names : null);
  context.go((to) => (names.length ? to.set("cols", names.join(",")) : to.delete("cols")), { push: false });
}

function watch(context) {
  if (!watched) for (const on of [onWide, onNarrow]) on(() => watched?.redraw());
  watched = context;
}

