// All clusters where there are several: how old each is, and which need a human.

import { href, view } from "./address.js";
import { el, inWords, number } from "./parts.js";

const count = (many, one, several) => `${number(many)} ${many === 1 ? one : several}`;

// Why somebody should look at a cluster; nothing where all is well.
function reasons({ generatedAt, stale, failedTargets, findings, lastRun }) {
  const made = [];
  if (lastRun && !lastRun.success) made.push("its last run failed");
  if (!generatedAt) made.push("no snapshot");
  else if (stale) made.push("out of date");
  if (failedTargets.length) made.push(count(failedTargets.length, "list failed", "lists failed"));
  if (findings) made.push(count(findings, "finding", "findings"));
  return made;
}

function line(cluster, now) {
  const to = new URLSearchParams({ cluster: cluster.name });
  if (view().get("tab")) to.set("tab", view().get("tab"));
  const name = cluster.name || "(no name)";
  const age = cluster.generatedAt ? `as of ${inWords((now - Date.parse(cluster.generatedAt)) / 1000)} ago` : "";
  const said = [age, ...reasons(cluster)].filter(Boolean).join(", ");
  return el("li", {}, cluster.generatedAt ? el("a", { href: href(to) }, name) : name, `: ${said}`);
}

export function overview(found, now) {
  const { clusters } = found;
  if (clusters.length < 2) return null;
  const bad = clusters.filter((each) => reasons(each).length);
  const rest = clusters.filter((each) => !bad.includes(each));
  const title = bad.length ? `${number(bad.length)} of ${number(clusters.length)} clusters ${bad.length === 1 ? "needs" : "need"} attention.`
    : `All ${number(clusters.length)} clusters are well.`;
  const items = [...bad, ...rest].map((each) => line(each, now));
  return el("div", { class: `notice ${bad.length ? "warn" : ""}`, id: "overview" }, el("strong", {}, title), " ",
    el("details", {}, el("summary", {}, "How each is"), el("ul", {}, ...items)));
}
