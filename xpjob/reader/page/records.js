// The table of records, one page of them, and what is known of each that is open.

import { asked, sorting, view } from "./address.js";
import { dotted, el, morph, none, number, sub } from "./parts.js";
import { $, PAGE, since, state } from "./state.js";
import { describeTree } from "./tree.js";

export const COLUMNS = [
  { title: "Name", sort: "name", cell: nameCell },
  { title: "Kind", sort: "kind", cell: (record) => [record.kind, sub({ claim: "claim", composite: "XR" }[record.class] ?? (record.provider || "managed"))] },
  { title: "Team", sort: "team", cell: (record) => record.team || record.creator ? [record.team || "–", sub(record.creator)] : [none()] },
  { title: "Composition", sort: "composition", cell: (record) => (record.composition ? dotted(record.composition) : [none()]) },
  { title: "State", sort: "reason", cell: stateCell },
  { title: "Why", cell: (record) => [why(record) ? el("span", { class: "why", title: why(record) }, why(record)) : none()] },
  { title: "Not ready for", sort: "notReady", cell: (record) => [since(record.notReadySince)], class: "num" },
  { title: "Age", sort: "age", cell: (record) => [since(record.createdAt)], class: "num" },
];

// A controller's own error says more than "waiting".
const why = (record) => (!record.synced && record.syncedMessage) || (record.ready ? "" : record.message);

function nameCell(record) {
  const open = state.open.has(record.uid);
  return [el("button", { type: "button", class: "name", "data-open": record.uid, "aria-expanded": String(open) }, record.name), sub(record.namespace || "cluster-scoped")];
}

function stateCell(record) {
  const bad = !record.ready;
  const flags = [record.paused && "paused", record.deleting && "deleting", ["False", "Unknown"].includes(record.syncedStatus) && !record.paused && "not synced", record.carriedSince && "from an earlier run"].filter(Boolean).join(" · ");
  return [el("span", { class: `badge ${bad ? "bad" : "good"}` }, bad ? record.reason || "No condition yet" : "Ready"), sub(flags)];
}

export function drawTable() {
  const [key, down] = [sorting().replace(/^-/, ""), sorting().startsWith("-")];
  morph($("head"), COLUMNS.map((column) => {
    const sorted = column.sort === key;
    const inner = column.sort ? el("button", { type: "button", "data-sort": column.sort }, column.title, el("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (down ? "↓" : "↑") : "")) : column.title;
    return el("th", { scope: "col", role: "columnheader", class: column.class, "aria-sort": sorted ? (down ? "descending" : "ascending") : null }, inner);
  }));
  morph($("body"), state.rows.flatMap((record) => {
    const cells = COLUMNS.map((column) => {
      const content = column.cell(record).filter(Boolean);
      const empty = content.every((each) => each.className === "none");
      return el("td", { role: "cell", class: column.class, "data-label": column.title, "data-empty": empty }, el("div", {}, ...content));
    });
    const row = el("tr", { role: "row" }, ...cells);
    return state.open.has(record.uid) ? [row, details(record)] : [row];
  }));
  const empty = state.data && !state.rows.length;
  const narrowed = asked({ readiness: false }).toString().replace(/(^|&)cluster=[^&]*/, "") || view().get("since");
  const all = state.cluster ? state.cluster.claims.total + state.cluster.xrs.total + state.cluster.mrs.total : 0;
  $("nothing").hidden = !empty;
  $("nothing").textContent = !all ? "This platform holds no claims, XRs or MRs yet." : narrowed || (view().get("ready") ?? "false") !== "false" ? "Nothing matches these filters." : "Everything is ready. Have a good day.";
  $("scroll").hidden = !state.rows.length;
  const first = (state.tokens.length - 1) * PAGE;
  $("count").textContent = state.rows.length ? `${number(first + 1)}–${number(first + state.rows.length)} of ${number(state.total)}` : "";
  $("previous").disabled = state.tokens.length < 2;
  $("next").disabled = !state.next;
}

function details(record) {
  const scope = record.namespace ? ` -n ${record.namespace}` : "";
  const facts = [
    ["Ready", `${record.readyStatus || "no condition"}${record.reason ? `, ${record.reason}` : ""}`], ["", record.message],
    ["Synced", `${record.syncedStatus || "no condition"}${record.syncedReason ? `, ${record.syncedReason}` : ""}`], ["", record.syncedMessage],
    ["Also not True", Object.entries(record.failing).map(([type, reason]) => `${type}, ${reason}`).join("; ")],
    ["Not there", record.missing?.map((ref) => [ref.kind, ref.namespace, ref.name].filter(Boolean).join("/")).join(", ")],
    ["Lagging", record.lagging && "its controller has not seen its latest spec"],
    ...Object.entries(record.extra),
    ["Revision", record.compositionRevision], ["Also composes", record.composed && `${number(record.composed)} of kinds that are not listed`],
    ["Provider", record.provider], ["Provider config", record.providerConfig && [record.providerConfigKind, record.providerConfig].filter(Boolean).join(" / ")],
    ["External name", record.externalName], ["Policies", record.managementPolicies],
    ["Creator", record.creator], ["Created", record.createdAt], ["Being deleted since", record.deletingSince || record.deletedAt],
    ["Not seen since", record.carriedSince], ["Look closer", `kubectl describe ${record.resource}.${record.group} ${record.name}${scope}`],
  ].filter(([, value]) => value);
  const list = facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", { class: name === "Look closer" ? "code" : null }, value)]);
  const inner = el("div", { class: "open" }, ...describeTree(record), el("dl", {}, ...list));
  return el("tr", { class: "detail", role: "row" }, el("td", { colspan: COLUMNS.length, role: "cell" }, inner));
}
