// Search over all tables: exact hits first, then rows with all words, five for each table.

import { api, counted, link, query, toRecord, toTable, toTeam } from "../address.js";
import { json } from "../ask.js";
import { badge } from "../cells.js";
import { surveyed } from "../known.js";
import { count, dim, dotted, el, number } from "../parts.js";
import { shell } from "../state.js";

export async function load() {
  const q = query().get("q")?.trim();
  if (!q) return { q: "", exact: [], tables: [], generatedAt: (await surveyed()).generatedAt };
  return json(api("search", { q }));
}

export const title = ({ q }) => (q ? `Search: ${q}` : "Search");

export function draw({ q, exact, tables }, _context, heading) {
  const where = shell.clusters.length > 1 ? " Choose all clusters in the header to search them all." : "";
  if (!q) return [heading, el("p", { class: "dim" }, `Type a name, namespace, team, uid, digest or any word into the box above.${where}`)];
  if (!exact.length && !tables.length) return [heading, el("p", { class: "nothing" }, `No row of any table has these words.${where}`)];
  return [
    heading,
    exact.length ? el("section", { class: "panel", "aria-label": "Exact matches" }, el("h2", {}, "Exact matches"), hits(exact)) : null,
    ...tables.filter((each) => each.hits.length || each.total > exact.filter(({ table }) => table === each.table).length).map((each) => el("section", { class: "panel", "data-key": each.table, "aria-label": each.title || each.table },
      el("h2", {}, counted(toTable(each.table, { q }), {}, each.title || each.table), " ", dim(number(each.total))), hits(each.hits, each.table),
      each.total > each.hits.length ? el("p", { class: "more" }, counted(toTable(each.table, { q }), {}, `All ${count(each.total, "row")}`)) : null)),
  ].filter(Boolean);
}

const hits = (found, table) => el("ul", { class: "hits" }, ...found.map((each) => hit({ table, ...each })));

function hit({ table, id, title: said, kind, team, cluster, ok, why }) {
  const href = table === "teams" ? toTeam(said) : toRecord(table, id, cluster);
  const several = query().get("cluster") === "*";
  return el("li", { "data-key": `${cluster} ${table} ${id}`, "data-row": "" },
    badge(ok === null || ok === undefined ? "idle" : ok ? "good" : "bad", ok === null || ok === undefined ? "" : ok ? "ok" : "not ok"),
    el("div", { class: "what" }, el("p", {}, link(href, { class: "name" }, ...dotted(said || "(none)")), dim(` ${[kind, several ? cluster : ""].filter(Boolean).join(", ")}`)),
      why && ok === false ? el("p", { class: "why" }, why) : null),
    team && table !== "teams" ? link(toTeam(team), {}, team) : null);
}
