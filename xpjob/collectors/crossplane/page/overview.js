// The totals, and what they break down into.

import { view } from "./address.js";
import { el, hidden, inWords, morph, number, percent } from "../parts.js";
import { readinessBar, ring } from "./pictures.js";
import { $, now } from "./state.js";

export const PANELS = {
  reason: "Why not ready",
  syncedReason: "Why not synced",
  team: "Team",
  namespace: "Namespace",
  kind: "Kind",
  composition: "Composition",
  provider: "Provider",
};
export const DURATIONS = [
  ["1w", "over a week"],
  ["1d", "over a day"],
  ["1h", "over an hour"],
  ["10m", "over 10 minutes"],
  ["", "any time"],
];
// In these every record counts as one that is amiss.
export const WHY = new Map([
  ["reason", ["ready", "false"]],
  ["syncedReason", ["synced", "false"]],
]);

export function drawTiles(groups) {
  const sum = (name) => groups.reduce((total, group) => total + group[name], 0);
  const of = (name) => groups.find((group) => group.class === name) ?? { total: 0, ready: 0 };
  const [total, ready, bad] = [sum("total"), sum("ready"), sum("notReady")];
  const longest = groups
    .map((group) => group.longestNotReadySince)
    .filter(Boolean)
    .sort()[0];
  const tile = (title, value, note, mood = "", picture = null) =>
    el(
      "div",
      { class: `tile ${mood}` },
      picture,
      el("div", {}, el("h2", {}, title), el("p", { class: "big" }, value), el("p", { class: "note" }, note)),
    );
  const share = ({ total: all, ready: good }) => (all ? `${number(good)} ready · ${percent(good, all)}` : "none here");
  morph($("tiles"), [
    tile("Ready", percent(ready, total), `${number(ready)} of ${number(total)}`, "", ring(ready, total)),
    tile(
      "Not ready",
      number(bad),
      longest ? `longest for ${inWords((now() - Date.parse(longest)) / 1000)}` : "all is well",
      bad ? "bad" : "good",
    ),
    tile("Claims", number(of("claim").total), share(of("claim"))),
    tile("Composite resources", number(of("composite").total), share(of("composite"))),
    tile("Managed resources", number(of("managed").total), share(of("managed"))),
    tile("Not synced", number(total - sum("synced")), `${number(sum("paused"))} paused · ${number(sum("deleting"))} deleting`),
  ]);
}

export function drawPanels({ panels, durations }) {
  const chosen = view();
  const row = (parameter, value, label, total, bad, most) => {
    const on = chosen.getAll(parameter).includes(value) && (value !== "" || parameter !== "since");
    const counts = bad === null ? number(total) : bad ? `${number(bad)} of ${number(total)}` : number(total);
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "row", "data-filter": parameter, "data-value": value, "aria-pressed": String(on) },
        el("span", { class: "label" }, label),
        el(
          "span",
          { class: bad || (bad === null && total) ? "count bad" : "count" },
          counts,
          hidden(bad || bad === null ? " not ready" : ", all ready"),
        ),
        readinessBar(total, bad ?? total, most),
      ),
    );
  };
  const steps = DURATIONS.slice(0, 4).map(([value, label], index) => row("since", value, label, durations[index], null, durations[4]));
  morph($("panel-duration"), [
    el("h2", {}, "Not ready for"),
    durations[4] ? el("ul", {}, ...steps) : el("p", { class: "empty" }, "Everything is ready."),
  ]);
  Object.entries(PANELS).forEach(([name, title], index) => {
    const { groups, groupCount } = panels[index];
    // Reasons compare with each other; everything else shows its own share that is ready.
    const most = WHY.has(name) ? Math.max(1, ...groups.map((group) => group.total)) : null;
    const items = groups.map((group) =>
      row(
        name,
        group[name],
        group[name] || (name === "namespace" ? "cluster-scoped" : "(none)"),
        group.total,
        WHY.has(name) ? null : group.notReady,
        most ?? group.total,
      ),
    );
    const more =
      groupCount > groups.length
        ? el("p", { class: "more" }, `and ${number(groupCount - groups.length)} more; search to find them`)
        : null;
    const empty = { reason: "Everything is ready.", syncedReason: "Everything is synced." }[name] ?? "Nothing here.";
    morph($(`panel-${name}`), [
      el("h2", {}, title),
      items.length ? el("ul", {}, ...items) : el("p", { class: "empty" }, empty),
      ...(more ? [more] : []),
    ]);
  });
}
