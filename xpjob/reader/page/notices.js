// What people must know before they believe the numbers: stale, failed, partial, empty, refused.

import { el, inWords } from "../parts.js";

export const notice = (mood, title, ...rest) => el("div", { class: `notice ${mood}` }, el("strong", {}, title), " ", ...rest);

export function describeNotices(state, now) {
  const { cluster, found, lost, refused, newer, gone, empty, shown } = state;
  const ago = (time) => `${inWords((now - Date.parse(time)) / 1000)} ago`;
  const made = [];
  if (lost) {
    made.push(notice("bad", "The reader does not answer.",
      shown ? "What is shown is what it said last; this page keeps trying." : "This page keeps trying."));
  }
  if (refused) {
    const { parameter, known } = refused.problem ?? {};
    const listed = known?.length ? ` There are: ${known.slice(0, 12).join(", ") || "none"}${known.length > 12 ? " …" : ""}.` : "";
    const said = `${parameter ? `${parameter}: ` : ""}${refused.message}.${listed} `;
    const away = el("button", { type: "button", "data-clear": "yes" }, "Clear the filters");
    made.push(notice("warn", "That filter fits nothing that exists.", said, away));
  }
  if (shown && empty) made.push(notice("", "The snapshot has no tables.", "The job runs no collector that makes one."));
  else if (gone) {
    const away = el("button", { type: "button", "data-clear": "yes" }, "Go to the first one");
    made.push(notice("warn", "There is no such table.", `The snapshot has no table “${gone}”; the first one is shown. `, away));
  }
  if (!found || !cluster) return made;
  const run = cluster.lastRun;
  const failed = run && !run.success;
  if (failed) {
    const phase = run.phase ? `, in its phase “${run.phase}”` : "";
    made.push(notice("bad", "The last run failed", `${ago(run.finishedAt)}${phase}: ${run.error}`));
  }
  if (!cluster.generatedAt) {
    const reasons = cluster.staleReasons ?? [];
    if (reasons.includes("corrupt")) made.push(notice("bad", "The snapshot cannot be read.", "The next good run replaces it."));
    else if (reasons.includes("newer_schema")) made.push(notice("bad", "A newer xpjob wrote the snapshot.", "Update this reader."));
    else if (reasons.some((reason) => reason.startsWith("store"))) {
      made.push(notice("bad", "The snapshot store cannot be read.", "The reader keeps trying; its log says why."));
    } else if (!failed) {
      made.push(notice("", "There is no snapshot yet.", "The first run of xpjob stores one, and it appears here by itself."));
    }
    return made;
  }
  for (const reason of cluster.staleReasons) {
    const text = STALE[reason];
    if (text) made.push(notice("warn", text[0], text[1](ago(cluster.generatedAt), inWords(found.pollIntervalSeconds))));
  }
  if (cluster.failedTargets.length) {
    const lists = cluster.failedTargets;
    const kept = lists.reduce((sum, each) => sum + each.carried, 0);
    const items = lists.map((each) => el("li", {}, `${each.gvr}${each.namespace ? ` in ${each.namespace}` : ""}: ${each.error}`));
    const some = `${kept} ${kept === 1 ? "record is" : "records are"} kept from an earlier run and may be out of date.`;
    made.push(notice("warn", `${lists.length === 1 ? "One list" : `${lists.length} lists`} failed in this run.`,
      kept ? some : "What they hold is not counted.",
      el("details", {}, el("summary", {}, "Which, and why"), el("ul", {}, ...items))));
  }
  const reload = el("button", { type: "button", "data-reload": "yes" }, "Show it, from the first page");
  if (newer) made.push(notice("", "There is a newer snapshot.", reload));
  return made;
}

const STALE = {
  old: ["This is out of date.", (ago, every) => `The snapshot was taken ${ago}, and a run is expected every ${every}.`],
  future: ["The snapshot is dated in the future.", () => "A clock is wrong: that of the run that took it, or of this reader. How old it really is is not known."],
  store_away: ["The snapshot store does not answer.", (ago) => `What is shown was taken ${ago}; newer news may exist.`],
  store_refused: ["The snapshot store refuses the reader.", (ago) => `What is shown was taken ${ago}; check the reader's credentials.`],
  corrupt: ["The newest snapshot cannot be read.", (ago) => `The one before is shown, taken ${ago}.`],
  not_loaded: ["The newest snapshot could not be loaded.", (ago) => `The one before is shown, taken ${ago}; it is tried again. See the reader's log.`],
  newer_schema: ["A newer xpjob wrote the newest snapshot.", (ago) => `The one before is shown, taken ${ago}; update this reader.`],
  absent: ["The snapshot is gone from the store.", (ago) => `What is shown was taken ${ago}.`],
};
