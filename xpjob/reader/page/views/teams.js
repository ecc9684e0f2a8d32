// All teams: how much each has in every table, and how much of it is late.

import { api, counted, link, query, toTable, toTeam } from "../address.js";
import { json } from "../ask.js";
import { plain, text } from "../cells.js";
import { surveyed } from "../known.js";
import { listing } from "../listing.js";
import { count, dim, el, number } from "../parts.js";
import { everything } from "../record.js";

export async function load() {
  const [found] = await Promise.all([json(api("teams/")), surveyed()]);
  return found;
}

export const title = () => "Teams";

const nameOf = ({ name }) => name || "(no team)";

export function draw({ teams, tables, sums = [], total = teams.length }, _context, heading) {
  const wanted = (query().get("q") ?? "").toLowerCase();
  const sorting = query().get("sort") ?? "name";
  const made = cells(tables, sums);
  const rows = sorted(teams.filter(({ name }) => nameOf({ name }).toLowerCase().includes(wanted)), made, sorting);
  return [
    el("div", { class: "headline" }, heading, el("span", { class: "sum" }, number(total)),
      el("input", { type: "search", class: "narrow", "data-input": "q", "aria-label": "Search teams", placeholder: "Search teams", value: query().get("q") ?? "" })),
    el("p", { class: "dim" }, "What each team has. This page shows everything to everyone who can open it: it is no access control."),
    el("section", { class: "records" }, rows.length
      ? listing({ key: "teams", identity: ["name"], columns: [] }, rows, made, { sorting, short, label: "Teams" })
      : el("p", { class: "nothing" }, "No team matches.")),
  ];
}

function cells(tables, sums) {
  const value = (name, title, of, draw, priority, column = {}) => ({ name, title, right: true, number: true, priority, of, draw, column });
  return [
    { name: "name", title: "Team", primary: true, priority: 1, of: ({ name }) => name, draw: (row) => link(toTeam(row.name), { class: "name" }, nameOf(row)) },
    value("late", "Late", ({ late }) => late, ({ late }) => (late ? el("span", { class: "late bad" }, number(late)) : number(0)), 1),
    value("findings", "Findings", ({ findings }) => findings, ({ findings }) => number(findings), 1),
    ...tables.map(({ key, title: said }, place) => value(`rows.${key}`, said || key, ({ rows }) => rows[key] ?? 0,
      ({ name, rows }) => (rows[key] ? counted(toTable(key, everything(key, { team: [name] })), {}, number(rows[key])) : dim(number(0))), place < 4 ? 2 : 3)),
    ...sums.map((column) => value(`sums.${column.column}`, column.title, (row) => row.sums[column.column] ?? 0,
      (row) => text(column, row.sums[column.column]) || "–", 3)),
  ];
}

function sorted(rows, made, sorting) {
  const by = made.find(({ name }) => name === sorting.replace(/^-/, "")) ?? made[0];
  const sign = sorting.startsWith("-") ? -1 : 1;
  const compare = by.number ? (one, other) => by.of(one) - by.of(other) : (one, other) => plain(by.of(one)).localeCompare(plain(by.of(other)), "en");
  return [...rows].sort((one, other) => sign * compare(one, other));
}

function short(row) {
  const all = Object.values(row.rows).reduce((sum, each) => sum + each, 0);
  return [
    el("div", { class: "upper" }, link(toTeam(row.name), { class: "name" }, nameOf(row)), row.late ? el("span", { class: "late bad" }, `${number(row.late)} late`) : null),
    el("div", { class: "lower" }, el("span", { class: "line" }, `${count(all, "row")}, ${count(row.findings, "finding")}`)),
  ];
}

export function press({ input, value, sort }, context) {
  if (input) context.go((to) => (value.trim() ? to.set("q", value.trim()) : to.delete("q")), { push: false });
  else if (sort) context.go((to) => to.set("sort", sort));
}

