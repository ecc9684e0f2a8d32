// What needs a human: what, whose, since when and why, with one link each.

import { counted, link, toRecord, toTable, toTeam, toWord } from "./address.js";
import { badge } from "./cells.js";
import { count, dim, dotted, el, inTitle } from "./parts.js";
import { since, surveyedTables } from "./state.js";

const TABLES = 4;
const MOOD = { critical: "alarm", warning: "bad", info: "idle" };

export const gravity = (severity) => MOOD[severity] ?? "bad";

// Findings as the reader has them, as entries.
export const ofFindings = (found) => found.map((each) => ({ ...each, what: inTitle(each.finding), why: each.message }));

function hrefOf({ table, row, finding, cluster }) {
  if (table && row) return toRecord(table, row, cluster);
  if (table) return toTable(table, {}, cluster);
  return finding ? toWord("findings", { finding, cluster }) : toWord("runs", { cluster });
}

export function entries(found, { team = true } = {}) {
  const several = new Set(found.map(({ cluster }) => cluster)).size > 1;
  return el("ol", { class: "entries" }, ...found.map((each) => entry(each, { team, several })));
}

function entry(each, { team, several }) {
  const { severity, what, kind, namespace, name, why, dependants, cluster } = each;
  const object = [kind, [namespace, name].filter(Boolean).join("/")].filter(Boolean).join(" ");
  const more = [
    several && cluster ? cluster : "",
    dependants ? `${count(dependants, "other")} affected` : "",
  ].filter(Boolean);
  return el("li", { class: "entry", "data-key": [cluster, each.collector, each.finding, each.table, each.row, kind, namespace, name].join(" "), "data-row": "" },
    el("span", { class: "severity" }, badge(gravity(severity), severity || "warning")),
    el("div", { class: "what" },
      el("p", {}, link(hrefOf(each), { class: "name" }, ...dotted(object || what)), object ? dim(` ${what}`) : null),
      why ? el("p", { class: "why" }, why) : null),
    el("div", { class: "whose" },
      team && each.team ? link(toTeam(each.team), {}, each.team) : null,
      each.since ? el("span", { class: "when" }, since(each.since)) : null,
      more.length ? dim(more.join(", ")) : null));
}

// What is not among the first, and where all of it is.
export function rest({ total, entries: shown }) {
  if (total <= shown.length) return null;
  const most = surveyedTables().filter(({ late }) => late).sort((one, other) => other.late - one.late).slice(0, TABLES);
  return el("p", { class: "rest" }, `${count(total - shown.length, "more", "more")}: `, counted(toWord("findings"), {}, "findings"),
    ...most.flatMap(({ key, title, late }) => [", ", counted(toTable(key, { lateness: ["late", "long"] }), {}, `${title || key} late ${late}`)]));
}
