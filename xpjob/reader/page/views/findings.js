// Findings of all collectors: filters beside them, the gravest first.

import { api, query, toggle } from "../address.js";
import { json } from "../ask.js";
import { entries, ofFindings } from "../entries.js";
import { chip, clearable, facet, facetText, filters, unfold } from "../facets.js";
import { surveyed } from "../known.js";
import { counted, el, inTitle, number } from "../parts.js";
import { $, PAGE, shell, step } from "../state.js";
import { pager, with_ } from "../toolbar.js";

const FACETS = [["severity", "Severity"], ["collector", "Collector"], ["finding", "Finding"], ["team", "Team"], ["namespace", "Namespace"], ["kind", "Kind"]];
const COLUMNS = FACETS.map(([name, title]) => ({ name, title, type: "text", coded: name === "finding" }));

export async function load() {
  const to = new URLSearchParams();
  for (const name of [...COLUMNS.map((each) => each.name), "q", "confirmed"]) for (const value of query().getAll(name)) to.append(name, value);
  const asked = new URLSearchParams(to);
  to.append("limit", shell.limit);
  if (shell.tokens.at(-1)) to.append("continue", shell.tokens.at(-1));
  to.append("facets", COLUMNS.map(({ name }) => name).join(","));
  if (shell.facetText.size) to.append("facetLimit", 200);
  const [found] = await Promise.all([json(api("findings", to)), surveyed()]);
  return { ...found, asked };
}

export const title = () => "Findings";

export function draw({ rows, total, of, facets = {}, asked, continue: next }, _context, heading) {
  const shown = ofFindings(rows);
  const first = (shell.tokens.length - 1) * PAGE;
  return [
    el("div", { class: "headline" }, heading, el("span", { class: "sum" }, counted({ total, of }))),
    el("p", { class: "printed" }, `Findings: ${number(total)}, as of ${shell.generatedAt}${asked.size ? `; ${asked}` : ""}`),
    el("div", { class: "chips", role: "group", "aria-label": "Filters in force" }, ...chips(asked)),
    el("div", { class: "split" },
      filters(...COLUMNS.filter(({ name }) => facets[name]).map((column) => one(column, facets[column.name]))),
      el("section", { class: "records" },
        shown.length ? entries(shown) : el("p", { class: "nothing" }, asked.size ? "Nothing matches these filters." : "There are no findings."),
        el("div", { class: "foot" }, el("p", { id: "count" }, rows.length ? `${number(first + 1)}–${number(first + rows.length)} of ${number(total)}` : ""),
          pager(next),
          el("p", { class: "links" }, "Exactly this, as ", el("a", { href: api("findings", with_(asked, { format: "json" })) }, "JSON"), " or ", el("a", { href: api("findings", with_(asked, { format: "csv" })) }, "CSV"))))),
  ];
}

const one = (column, found) => facet(column, found, shell.facetText.has(column.name) ? found : null, facetText(column.name));

function chips(asked) {
  return clearable([...asked].map(([name, value]) => chip(name, value, name, name === "finding" ? inTitle(value) : value || "(none)", `${name} ${value}`)));
}

export function press({ filter, value, facet: name, input, pages }, context) {
  if (input === "facet") { shell.facetText.set(name, value); context.redraw(); }
  else if (filter !== undefined) context.go((to) => toggle(to, filter, value));
  else if (name !== undefined) unfold(name, context);
  else if (pages) {
    if (step(pages, shell.data.continue)) context.reload().then(() => $("title")?.focus());
  }
}
