// What the last day has changed: a short panel, where the job keeps dated snapshots.

import { addressOf, askedOfFindings } from "./address.js";
import { json } from "../ask.js";
import { el, inWords, morph, number } from "../parts.js";
import { $, now, shell, state } from "./state.js";

const SHOWN = 5;
const DAY = 86400;

// Asked for beside everything else: the page does not wait for the store.
export function fetchChanges() {
  const query = askedOfFindings();
  const of = `${shell.cluster.generatedAt}?${query}`;
  if (!shell.cluster?.lastRun?.history) state.changes = null;
  else if (state.changes?.of !== of) {
    const held = { of, found: state.changes?.found ?? null };
    state.changes = held;
    query.append("limit", SHOWN);
    json("bookkeeping/diff", query)
      .then(
        (found) => {
          held.found = found;
        },
        () => {
          held.found = null;
        },
      )
      .finally(drawChanges);
  }
  drawChanges();
}

function drawChanges() {
  if (!$("changes")) return;
  const found = state.changes?.found;
  $("changes").hidden = !found;
  if (!found) return;
  const age = (now() - Date.parse(found.from.generatedAt)) / 1000;
  const all = [
    ["changed", found.changedCount],
    ["came", found.cameCount],
    ["went", found.wentCount],
  ];
  const shown = all.flatMap(([what]) => found[what].map((change) => ({ what, ...change }))).slice(0, SHOWN);
  const total = all.reduce((sum, [, count]) => sum + count, 0);
  const when = Math.abs(age - DAY) < DAY / 10 ? "the last day" : `the last ${inWords(age)}`;
  const counts = `${number(found.cameCount)} came, ${number(found.wentCount)} went, ${number(found.changedCount)} changed state`;
  const more = total > shown.length ? `${number(shown.length)} of ${number(total)}; ` : "";
  const link = askedOfFindings();
  link.append("limit", 1000);
  morph($("changes"), [
    el("h2", {}, `In ${when}: ${total ? counts : "nothing came, went or changed state"}`),
    el("ul", {}, ...shown.map(line)),
    el("p", { class: "more" }, more, el("a", { href: `bookkeeping/diff?${link}` }, more ? "all of them" : "as JSON")),
  ]);
}

function line(change) {
  const name = [change.kind, [change.namespace, change.name].filter(Boolean).join("/")].join(" ");
  const bad = change.what === "went" || (change.is && change.is.readyStatus !== "True");
  const told = {
    changed: () => `${words(change.was)} → ${words(change.is)}`,
    came: () => words(change.is),
    went: () => `was ${words(change.was)}`,
  }[change.what]();
  return el(
    "li",
    {},
    el("span", { class: `badge ${bad ? "bad" : "good"}` }, { changed: "Changed", came: "Came", went: "Went" }[change.what]),
    change.is ? el("a", { href: addressOf(change), class: "node-name" }, name) : el("span", { class: "node-name" }, name),
    el("span", { class: "dim" }, told),
  );
}

function words({ readyStatus, reason, syncedStatus, paused, deleting }) {
  const ready = { True: "ready", "": "without a condition" }[readyStatus] ?? `not ready${reason ? ` (${reason})` : ""}`;
  return [ready, ["False", "Unknown"].includes(syncedStatus) && "not synced", paused && "paused", deleting && "being deleted"]
    .filter(Boolean)
    .join(", ");
}
