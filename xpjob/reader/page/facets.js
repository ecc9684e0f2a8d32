// The values of each column that a table is filtered by, with how many rows have each.

import { api, query, tablePath } from "./address.js";
import { json } from "./ask.js";
import { grouped, parameter, share } from "./cells.js";
import { columnOf } from "./columns.js";
import { bar, dim, el, number } from "./parts.js";
import { shell } from "./state.js";

const WHOLE = 1000;
const DRAWN = 300;
const MANY = 12;

const wide = matchMedia("(min-width: 1100px)");
const beside = () => wide.matches;
export const onWide = (redraw) => wide.addEventListener("change", redraw);

// What is filtered by: all but what tells rows apart alone, which has as many values as rows.
const LATENESS = { name: "lateness", type: "text", title: "Lateness", help: "How long a row has not been ok, beside its usual time." };
export const hasLateness = (table) => Boolean(table.since) && !columnOf(table, "lateness");

export function faceted(table) {
  const offered = table.facets?.length ? table.facets : table.filters.filter((name) => !(table.identity.length === 1 && table.identity[0] === name));
  const columns = offered.map((name) => columnOf(table, name)).filter(Boolean);
  return hasLateness(table) ? [LATENESS, ...columns] : columns;
}

// The whole list of one facet, with the filters of all others.
export async function wholeOf(table, column, asked) {
  const of = new URLSearchParams(asked);
  of.delete(parameter(column.name));
  of.append("by", parameter(column.name));
  of.append("limit", WHOLE);
  const { groups, groupCount } = await json(api(`${tablePath(table.key)}/summary`, of));
  return { values: groups.map((group) => ({ value: group[parameter(column.name)] ?? group[column.name], total: group.total })), count: groupCount };
}

// A facet with one value that all rows have narrows nothing.
export const tells = (column, { values, count }, total) =>
  query().has(parameter(column.name)) || count > 1 || (values.length === 1 && values[0].total < total);

export function facet(column, short, whole, pattern) {
  const { values, count } = whole ?? short;
  const title = column.title || column.name;
  const chosen = query().getAll(parameter(column.name));
  const text = pattern.toLowerCase();
  const matching = text ? values.filter(({ value }) => say(column, value).toLowerCase().includes(text)) : values;
  const most = Math.max(1, ...values.map(({ total }) => total));
  const sum = values.reduce((all, { total }) => all + total, 0);
  const items = matching.slice(0, DRAWN).map((each) => line(column, each, { chosen, most, sum: whole ? sum : 0 }));
  const left = (text ? matching.length : count) - items.length;
  return el("section", { class: "facet", "data-key": column.name, "aria-label": title },
    el("h2", { title: column.help || null }, title),
    whole && values.length > MANY ? el("input", { type: "search", class: "narrow", "data-input": "facet", "data-facet": column.name, "aria-label": `Search ${title}`, placeholder: "Search", value: pattern }) : null,
    items.length ? el("ul", {}, ...items) : el("p", { class: "empty" }, "None."),
    left > 0 && whole ? el("p", { class: "empty" }, `${number(left)} more; search for them`) : null,
    opener(column, title, whole, count, values.length));
}

const say = (column, value) => grouped(column, value) || (column.name === "lateness" ? "ok" : "(none)");

function line(column, { value, total }, { chosen, most, sum }) {
  const on = chosen.includes(value);
  return el("li", { "data-key": value },
    el("button", { type: "button", class: "value", "data-filter": parameter(column.name), "data-value": value, "aria-pressed": String(on) },
      el("span", { class: "label", title: say(column, value) }, say(column, value)),
      el("span", { class: "many" }, number(total), sum ? el("span", { class: "share" }, ` ${share(total / sum)}`) : null),
      bar(total / most)));
}

function opener(column, title, whole, count, shown) {
  if (!whole && count <= shown) return null;
  const said = whole ? "Fewer" : `All ${number(count)}`;
  return el("button", { type: "button", class: "more", "data-facet": column.name, "aria-expanded": String(Boolean(whole)), "aria-label": `${said}: ${title}` }, said);
}

// Beside the rows where there is room, else to be opened above them.
export const filters = (...children) =>
  el("details", { class: "facets", id: "facets", open: beside(), "data-own": beside() ? null : "" }, el("summary", {}, "Filters"), ...children);

// What is in force, each with a way out.
export function chips(table) {
  const made = [];
  for (const column of [...faceted(table), ...table.filters.map((name) => columnOf(table, name)), { name: "tree", title: "Tree", type: "text" }]) {
    if (!column || made.some(([name]) => name === column.name)) continue;
    const values = query().getAll(parameter(column.name));
    made.push([column.name, values.map((value) => chipOf(column, parameter(column.name), value))]);
  }
  const all = made.flatMap(([, each]) => each);
  if (query().get("q")) all.unshift(chipOf({ name: "q", title: "Text", type: "text" }, "q", query().get("q")));
  return clearable(all);
}

// Of several filters, a way out of all.
export const clearable = (all) => (all.length > 1 ? [...all, el("button", { type: "button", class: "chip plain", "data-clear": "yes" }, "Clear all")] : all);

export function chip(name, value, title, said, label = `${title} ${said}`) {
  return el("button", { type: "button", class: "chip", "data-key": `${name} ${value}`, "data-filter": name, "data-value": value, "aria-label": `Remove filter ${label}` },
    dim(title), ` ${said}`, el("span", { "aria-hidden": "true" }, " ×"));
}

function chipOf(column, name, value) {
  const said = column.name === "tree" ? decodeURIComponent(value.split("/").at(-1)) : value === "*" ? "any" : say(column, value);
  return chip(name, value, column.title || column.name, said);
}

export const facetText = (name) => shell.facetText.get(name) ?? "";

// All values of a facet, or only the first again.
export function unfold(name, context) {
  if (!shell.facetText.delete(name)) shell.facetText.set(name, "");
  context.reload();
}
