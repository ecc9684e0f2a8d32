// One record, on a page of its own.

import { api, link, toTable } from "../address.js";
import { json } from "../ask.js";
import { lateWord } from "../cells.js";
import { descriptions } from "../known.js";
import { dotted, el } from "../parts.js";
import { facts, recordPath, relations, story } from "../record.js";

export async function load({ route }) {
  const [found, tables] = await Promise.all([json(api(recordPath(route.table, route.id))), descriptions()]);
  return { ...found, description: tables.get(route.table) };
}

export const title = ({ title: said, description, row }) => [row.kind, said].filter((each) => typeof each === "string" && each).join(" ") || description.title;

export function draw(data, _context, heading) {
  const { description: table, row } = data;
  heading.replaceChildren(...dotted(title(data)));
  return [
    el("p", { class: "above" }, link(toTable(table.key), {}, table.title || table.key)),
    el("div", { class: "headline" }, heading, lateWord(table, row)),
    ...story(table, data),
    el("div", { class: "sides" }, el("div", {}, ...relations(data)), el("section", { class: "part", "aria-label": "Facts" }, el("h2", {}, "Facts"), facts(table, row))),
  ];
}
