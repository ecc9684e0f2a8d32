// One team: what it has in each table. Made to be sent to somebody and to be printed.

import { counted, link, teamApi, toTable, toTeams, toWord } from "../address.js";
import { json } from "../ask.js";
import { badge, share, text } from "../cells.js";
import { cells, columnOf } from "../columns.js";
import { entries, ofFindings, rest } from "../entries.js";
import { descriptions } from "../known.js";
import { listing } from "../listing.js";
import { count, dim, el, number, printButton } from "../parts.js";
import { everything } from "../record.js";
import { shell } from "../state.js";
import { usageOf, usagePanel } from "../team_usage.js";

export async function load({ route }) {
  const [found] = await Promise.all([json(teamApi(route.team)), descriptions()]);
  return found;
}

// What the team had comes later: it is read from files.
export const extra = ({ team }) => (shell.overview?.usage ? usageOf(team).then((usage) => ({ usage })) : null);

export const title = ({ team }) => team || "Without a team";

export function draw(data, _context, heading) {
  const { team, sentence, needs, sections, findings, notRunning = [] } = data;
  return [
    el("p", { class: "above" }, link(toTeams(), {}, "Teams")),
    el("div", { class: "headline" }, heading, el("div", { class: "tools" }, printButton())),
    el("p", { class: "printed" }, `Team ${team || "(none)"}, ${data.cluster ? `cluster ${data.cluster}, ` : ""}as of ${data.generatedAt}`),
    el("p", { class: "lead" }, sentence),
    ...trouble(needs, findings),
    ...sections.map(section),
    data.usage ? usagePanel(data.usage) : null,
    notRunning.length ? el("p", { class: "dim" }, `Not collected: ${notRunning.join(", ")}.`) : null,
    el("p", { class: "dim" }, "Everyone who can open this page sees every team: it is no access control."),
  ].filter(Boolean);
}

function trouble(needs, findings) {
  if (needs?.total) {
    return [el("section", { class: "panel", "aria-label": "Needs a human" }, el("h2", {}, count(needs.total, "thing needs a human", "things need a human")),
      entries(needs.entries, { team: false }), rest(needs))];
  }
  if (!findings?.total) return [];
  const shown = ofFindings(findings.entries);
  return [el("section", { class: "panel", "aria-label": "Findings" }, el("h2", {}, counted(toWord("findings", { team: shown[0].team }), {}, count(findings.total, "finding"))),
    entries(shown, { team: false }))];
}

function section({ table: key, title: said, filters: all, rows, late, state, states = [], sums = {}, first, cluster, sort }) {
  const table = shell.tables.get(key);
  if (!table) return null;
  const rowsOf = (filters) => toTable(key, { ...everything(key, filters), ...(sort ? { sort } : {}) }, cluster);
  const counted = states.map(({ value, total }, place) => [place ? ", " : "", link(rowsOf({ ...all, [state]: [value] }), {}, `${number(total)} ${worded(table, state, value)}`)]).flat();
  const shown = cells({ ...table, shown: table.shown.filter((name) => name !== "team") });
  return el("section", { class: "panel part", "data-key": `${cluster ?? ""} ${key}` },
    el("h2", {}, link(rowsOf(all), {}, said || key), " ", dim(number(rows)), cluster ? dim(` ${cluster}`) : null, late ? badge("bad", `${number(late)} late`) : null),
    counted.length ? el("p", {}, ...counted) : null,
    amounts(table, sums),
    listing(table, first, shown, { label: said }),
    rows > first.length ? el("p", { class: "more" }, link(rowsOf(all), {}, `All ${number(rows)}`)) : null);
}

const worded = (table, state, value) => {
  if (state === table.ok) return { true: "ok", false: "not ok" }[value] ?? (value || "unknown");
  return value || "(none)";
};

function amounts(table, sums) {
  const known = Object.entries(sums).filter(([name, { value }]) => value && columnOf(table, name));
  if (!known.length) return null;
  return el("dl", { class: "numbers" }, ...known.map(([name, { value, share: part }]) => {
    const column = columnOf(table, name);
    return el("div", {}, el("dt", {}, column.title || name), el("dd", {}, text(column, value), part === null || part === undefined ? null : dim(` ${share(part)}`)));
  }));
}
