// What people must know before they believe the numbers: how fresh they are, and what is missing.

import { link, toWord } from "./address.js";
import { count, el, inWords } from "./parts.js";
import { age, shell } from "./state.js";

export const notice = (mood, title, ...rest) => el("div", { class: `notice ${mood}`, "data-key": title }, el("strong", {}, title), " ", ...rest);

const ago = (time) => el("time", { datetime: time, title: time }, `${inWords(age(time))} ago`);

const current = () => {
  const { overview, clusters } = shell;
  return clusters.find((each) => each.name === overview?.cluster) ?? (clusters.length === 1 ? clusters[0] : null);
};

export function trouble() {
  const { overview, lost } = shell;
  if (lost) return "warn";
  if (!overview) return "";
  return overview.stale || overview.collectors.some((each) => each.error || each.carriedSince) ? "warn" : "good";
}

// One line: how many collectors are fresh, since when, and what is not.
export function freshness() {
  const { overview, lost, error, generatedAt } = shell;
  const dot = el("span", { class: "dot", "aria-hidden": "true" });
  if (!overview) return [dot, lost ? "No answer" : error ? "No snapshot yet" : "Loading …"];
  const all = overview.collectors;
  const bad = all.filter((each) => each.error || each.carriedSince);
  const some = bad.length ? `${all.length - bad.length} of ${count(all.length, "collector")}` : all.length === 1 ? "The collector" : `All ${count(all.length, "collector")}`;
  const taken = generatedAt || overview.generatedAt;
  const state = overview.stale ? [`As of `, ago(taken), `: out of date`] : [`${some} fresh, `, ago(taken)];
  return [dot, el("span", {}, ...state, ...bad.flatMap(carried))];
}

function carried({ title, name, error, carriedSince }) {
  const since = carriedSince ? [" carried since ", ago(carriedSince)] : [" failed"];
  return ["; ", link(toWord("runs"), {}, title || name), ...since, error ? `: ${error}` : ""];
}

export function describeNotices() {
  const { lost, data, newer, error } = shell;
  const made = [];
  if (lost) made.push(notice("bad", "The reader does not answer.", data ? "What is shown is what it answered last; this page keeps trying." : "This page keeps trying."));
  if (newer) {
    made.push(notice("newer", "There is newer data.", el("button", { type: "button", class: "action", "data-reload": "yes" }, "Show it")));
  }
  const cluster = current();
  if (!cluster) return made;
  const run = cluster.lastRun;
  const failed = run && !run.success;
  if (failed) {
    const phase = run.phase ? `, in its phase “${run.phase}”` : "";
    made.push(notice("bad", "The last run failed", ...(run.finishedAt ? [ago(run.finishedAt)] : []), `${phase}${run.error ? `: ${run.error}` : "."}`));
  }
  if (!cluster.generatedAt) return error || !data ? [...made, ...absent(cluster, failed)] : made;
  for (const reason of cluster.staleReasons ?? []) {
    const said = STALE[reason];
    if (said) made.push(notice("warn", said[0], ...said[1](ago(cluster.generatedAt))));
  }
  if (cluster.failedLists) {
    made.push(notice("warn", `${count(cluster.failedLists, "list")} failed in this run.`, "What they hold is kept from an earlier run, or is missing. ",
      link(toWord("runs"), {}, "Which, and why")));
  }
  return made;
}

function absent({ staleReasons = [] }, failed) {
  if (staleReasons.includes("corrupt")) return [notice("bad", "The snapshot cannot be read.", "The next good run replaces it.")];
  if (staleReasons.includes("not_loaded")) return [notice("bad", "The snapshot could not be loaded.", "The reader tries again; its log says why.")];
  if (staleReasons.includes("newer_schema")) return [notice("bad", "A newer xpjob wrote the snapshot.", "Update this reader.")];
  if (staleReasons.some((reason) => reason.startsWith("store"))) {
    return [notice("bad", "The snapshot store cannot be read.", "The reader keeps trying; its log says why.")];
  }
  return failed ? [] : [notice("", "There is no snapshot yet.", "The first run of xpjob stores one, and it appears here by itself.")];
}

const STALE = {
  old: ["This is out of date.", (taken) => ["The snapshot was taken ", taken, ", and a newer one is overdue."]],
  future: ["The snapshot is dated in the future.", () => ["A clock is wrong: that of the run that took it, or of this reader. Its real age is unknown."]],
  store_away: ["The snapshot store does not answer.", (taken) => ["What is shown was taken ", taken, "; there may be newer data."]],
  store_refused: ["The snapshot store refuses the reader.", (taken) => ["What is shown was taken ", taken, "; check the reader's credentials."]],
  corrupt: ["The newest snapshot cannot be read.", (taken) => ["The one before is shown, taken ", taken, "."]],
  not_loaded: ["The newest snapshot could not be loaded.", (taken) => ["The one before is shown, taken ", taken, "; the reader's log says why."]],
  newer_schema: ["A newer xpjob wrote the newest snapshot.", (taken) => ["The one before is shown, taken ", taken, "; update this reader."]],
  absent: ["The snapshot is gone from the store.", (taken) => ["What is shown was taken ", taken, "."]],
};
