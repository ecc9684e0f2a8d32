// What there is: the collectors, their tables and how fresh they are, and the tables' descriptions.
// Both are asked for once for each snapshot and cluster.

import { allowsAll, api, here, query, route } from "./address.js";
import { json } from "./ask.js";
import { shell } from "./state.js";

let survey = null;
let described = null;

const wanted = () => query().get("cluster") ?? "";

export function forget() {
  survey = described = null;
}

function once(held, of, ask) {
  if (held?.of === of) return held;
  const made = { of };
  made.promise = ask().catch((error) => {
    if (survey === made) survey = null;
    if (described === made) described = null;
    throw error;
  });
  return made;
}

// Collectors, tables, clusters, and what needs a human.
export async function surveyed() {
  survey = once(survey, wanted(), () => json(api("overview")));
  const mine = survey;
  const found = await mine.promise;
  if (mine === survey) Object.assign(shell, { overview: found, clusters: found.clusters });
  return found;
}

// Write into an address that names no cluster the one that it shows, where there are several and none
// is the default: no other request is made before, since the reader would have to refuse it.
export async function choose() {
  if (wanted()) return;
  const shown = shell.overview?.cluster;
  const found = await surveyed().catch(() => null); // what is asked for next says why
  const names = (found?.clusters ?? []).filter((each) => each.generatedAt).map(({ name }) => name);
  if (wanted() || found?.cluster !== "*" || names.length < 2 || names.includes("")) return;
  const to = query();
  to.set("cluster", names.includes(shown) ? shown : allowsAll(route().view) ? "*" : names[0]);
  history.replaceState(history.state, "", here(to));
  if (wanted() === "*" && survey) survey.of = "*"; // the answer is the same
}

// The descriptions of the tables; of all clusters, those of the first.
export async function descriptions() {
  described = once(described, wanted(), async () => {
    const first = wanted() === "*" ? (await surveyed()).clusters.find((each) => each.generatedAt)?.name : undefined;
    return json(api("schema.json", first === undefined ? {} : { cluster: first }));
  });
  const mine = described;
  const { tables, reserved } = await mine.promise;
  if (mine === described) Object.assign(shell, { tables: new Map(tables.map((each) => [each.key, each])), reserved });
  return shell.tables;
}

const signOf = ({ name, stale, staleReasons = [], lastRun }) => JSON.stringify([name, stale, staleReasons, lastRun?.id, lastRun?.success]);

// Compare the reader's version with what is shown: whether its data is newer, or its run's outcome.
export function meet({ clusters }) {
  const shown = shell.overview?.cluster ?? "";
  const all = wanted() === "*";
  const those = clusters.filter((each) => all || each.name === shown);
  const times = new Map((shell.overview?.clusters ?? []).map((each) => [each.name, each.generatedAt]));
  const fresh = all
    ? those.some((each) => times.get(each.name) !== each.generatedAt)
    : those.some((each) => each.generatedAt !== shell.generatedAt);
  const run = clusters.map(signOf).join() !== (shell.overview?.clusters ?? []).map(signOf).join();
  return { data: fresh && !shell.error, run: run || fresh };
}
