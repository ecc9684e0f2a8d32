// What came, went, broke and healed in all tables between two snapshots.

import { api, link, query, toWord } from "../address.js";
import { json } from "../ask.js";
import { change, counts } from "../changed.js";
import { surveyed } from "../known.js";
import { dim, el, number } from "../parts.js";
import { since } from "../state.js";

const SPANS = [["1h", "an hour"], ["1d", "a day"], ["7d", "a week"], ["30d", "30 days"]];

export async function load() {
  const to = new URLSearchParams();
  for (const name of ["since", "from", "to", "team"]) if (query().has(name)) to.set(name, query().get(name));
  const known = await surveyed();
  const run = known.clusters.find(({ name }) => name === known.cluster)?.lastRun;
  const none = { generatedAt: known.generatedAt, tables: null };
  if (run && !run.history) return none;
  return json(api("changes", to)).catch((error) => {
    if (error.problem?.code !== "no-history") throw error;
    return none;
  });
}

export const title = () => "Changes";

export function draw({ from, to, tables, unknown = [] }, _context, heading) {
  if (!tables) {
    return [heading, el("p", { class: "nothing" }, "There are no dated snapshots to compare with."),
      el("p", { class: "dim" }, "Set HISTORY_KEEP for the job, so that it keeps dated snapshots; what came, went and changed is shown from the next run on.")];
  }
  const only = query().get("table");
  const team = query().get("team");
  const shown = tables.filter(({ table }) => !only || table === only);
  const chosen = query().get("since") ?? "1d";
  const with_ = (more) => toWord("changes", { ...(team === null ? {} : { team }), ...(only ? { table: only } : {}), since: chosen, ...more });
  return [
    el("div", { class: "headline" }, heading, el("nav", { class: "tools", "aria-label": "Since" },
      ...SPANS.map(([value, word]) => link(with_({ since: value }), { class: "quiet", "aria-current": chosen === value ? "true" : null }, word)))),
    el("p", { class: "dim" }, "From ", since(from.generatedAt), " ago to ", since(to.generatedAt), " ago", team === null ? "" : `, of the team ${team || "(none)"}`, only ? [". ", link(with_({ table: null }), {}, "All tables")] : null),
    ...shown.map((each) => el("section", { class: "panel", "data-key": each.table, "aria-label": each.title || each.table },
      el("h2", {}, each.title || each.table, dim(` ${counts(each)}`)), el("ul", { class: "plain changes" }, ...each.entries.map((entry) => change(each.table, entry))), left(each))),
    shown.length ? null : el("p", { class: "nothing" }, "Nothing came, went or changed."),
    unknown.length ? el("p", { class: "dim" }, `Not known, as a list or a collector failed: ${unknown.map((each) => (typeof each === "string" ? each : JSON.stringify(each))).join(", ")}.`) : null,
  ].filter(Boolean);
}

function left({ entries, ...counted }) {
  const all = ["came", "went", "broke", "healed", "changed"].reduce((sum, name) => sum + (counted[name] ?? 0), 0);
  return all > entries.length ? el("p", { class: "dim" }, `The first ${number(entries.length)} of ${number(all)}.`) : null;
}
