// What a team had this month and the last one, of all that is counted.

import { api, link, query, toUsage } from "./address.js";
import { average, daysOf, listed, meterName, monthAfter, monthName, objectsName, said, unitWord } from "./amounts.js";
import { json } from "./ask.js";
import { share } from "./cells.js";
import { listing } from "./listing.js";
import { dim, el, number } from "./parts.js";
import { shell, thisMonth, today } from "./state.js";

// No usage is no trouble; a store that is away costs this panel only.
export const usageOf = (team) => asked(team).catch((error) => {
  if (error.status === undefined) throw error;
  return { trouble: [400, 404].includes(error.status) ? "" : error.message };
});

// Names may have a star, which is a pattern in filters: the rows are filtered once more.
async function asked(team) {
  const current = thisMonth();
  const [from, to] = [`${monthAfter(current, -1)}-01`, `${monthAfter(current)}-01`];
  const cluster = query().get("cluster") ?? shell.overview.cluster;
  const found = await json(api("usage", { from, to, by: "month,team", team, ...(cluster ? { cluster } : {}) }));
  return { ...found, current, last: monthAfter(current, -1), rows: found.rows.filter((row) => row.team === team && !row.reserved) };
}

export function usagePanel({ trouble, rows = [], classes, current, last, footer }) {
  if (trouble) return el("p", { class: "dim" }, `Usage: ${trouble}.`);
  if (!rows.length) return null;
  const meters = [...new Set(rows.map(({ meter }) => meter))].map((meter) => ({
    meter, ...Object.fromEntries(rows.filter((row) => row.meter === meter).map((row) => [row.month, row])),
  }));
  const amount = (row) => (row ? [said(row.quantity), dim(` ${unitWord(row.unit)}`)] : [dim("–")]);
  const column = (name, title, draw, priority = 1) => ({ name, title, draw, priority, right: name !== "meter", primary: name === "meter" });
  const cells = [
    column("meter", "Of", ({ meter }) => link(toUsage({ month: current, meter, by: "team" }), { class: "name" }, meter === "objects" ? objectsName(classes) : meterName(meter))),
    ...[current, last].flatMap((month) => [
      column(month, month === current ? `${monthName(month)}, so far` : monthName(month), (row) => el("span", {}, ...amount(row[month]))),
      column(`average ${month}`, "On average", (row) => (row[month] ? average(row[month]) : dim("–")), 2),
    ]),
  ];
  const short = (row) => [
    el("div", { class: "upper" }, cells[0].draw(row), el("span", { class: "when" }, ...amount(row[current]), dim(" so far"))),
    el("div", { class: "lower" }, el("span", { class: "line" }, `${monthName(last)}: `, ...amount(row[last]))),
  ];
  return el("section", { class: "panel part usage", "data-key": "usage", "aria-label": "Usage" },
    el("h2", {}, link(toUsage({ month: current }), {}, "Usage")),
    listing({ key: "usage", identity: ["meter"], columns: [] }, meters, cells, { label: "Usage by month", short }),
    el("p", { class: "dim" }, ...[current, last].map((month) => `${monthName(month)}: ${known(month, footer)}. `), `Coverage of both: ${share(footer.coverage)}. Days are UTC.`));
}

function known(month, { clusters }) {
  const begun = daysOf(`${month}-01`, `${monthAfter(month)}-01`).filter((day) => day <= today());
  const gone = clusters.flatMap(({ missing }) => missing.filter((day) => day.startsWith(month)));
  const open = clusters.flatMap((each) => each.open.filter((day) => day.startsWith(month)));
  const all = begun.length * Math.max(1, clusters.length);
  return `${number(all - gone.length)} of ${number(all)} days${gone.length ? `, missing ${listed([...new Set(gone)], 3)}` : ""}${open.length ? `, ${number(open.length)} open` : ""}`;
}
