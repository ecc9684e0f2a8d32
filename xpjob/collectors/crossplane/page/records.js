// The table of records, one page of them, and what is known of each that is open.

import { details, drawFoot, drawHead, narrowed, row } from "../frame.js";
import { dotted, el, morph, none, number, sub } from "../parts.js";
import { asked, readiness, sorting, view } from "./address.js";
import { $, shell, since, state } from "./state.js";
import { describeTree } from "./tree.js";

export const COLUMNS = [
  { title: "Name", sort: "name", cell: nameCell },
  {
    title: "Kind",
    sort: "kind",
    cell: (record) => [record.kind, sub({ claim: "claim", composite: "XR" }[record.class] ?? (record.provider || "managed"))],
  },
  {
    title: "Team",
    sort: "team",
    cell: (record) => (record.team || record.creator ? [record.team || "–", sub(record.creator)] : [none()]),
  },
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
  return [
    el("button", { type: "button", class: "name", "data-open": record.uid, "aria-expanded": String(open) }, record.name),
    sub(record.namespace || "cluster-scoped"),
  ];
}

function stateCell(record) {
  const bad = !record.ready;
  const flags = [
    record.paused && "paused",
    record.deleting && "deleting",
    ["False", "Unknown"].includes(record.syncedStatus) && !record.paused && "not synced",
    record.carriedSince && "from an earlier run",
  ]
    .filter(Boolean)
    .join(" · ");
  return [el("span", { class: `badge ${bad ? "bad" : "good"}` }, bad ? record.reason || "No condition yet" : "Ready"), sub(flags)];
}

export function drawTable() {
  if (!$("body")) return;
  drawHead(COLUMNS, sorting());
  morph(
    $("body"),
    state.rows.flatMap((record) => {
      const line = row(record.uid, COLUMNS, (column) => column.cell(record));
      return state.open.has(record.uid) ? [line, facts(record)] : [line];
    }),
  );
  drawFoot(state.rows.length, state.total, state.data ? nothing() : null);
}

function nothing() {
  const { claims, xrs, mrs } = shell.cluster;
  if (!(claims.total + xrs.total + mrs.total)) return "This platform holds no claims, XRs or MRs yet.";
  const all = readiness() === "false" && !view().get("since") && !narrowed(asked({ ready: false }));
  return all ? "Everything is ready. Have a good day." : "Nothing matches these filters.";
}

function facts(record) {
  const scope = record.namespace ? ` -n ${record.namespace}` : "";
  const known = [
    ["Ready", `${record.readyStatus || "no condition"}${record.reason ? `, ${record.reason}` : ""}`],
    ["", record.message],
    ["Synced", `${record.syncedStatus || "no condition"}${record.syncedReason ? `, ${record.syncedReason}` : ""}`],
    ["", record.syncedMessage],
    [
      "Also not True",
      Object.entries(record.failing)
        .map(([type, reason]) => `${type}, ${reason}`)
        .join("; "),
    ],
    ["Not there", record.missing?.map((ref) => [ref.kind, ref.namespace, ref.name].filter(Boolean).join("/")).join(", ")],
    ["Lagging", record.lagging && "its controller has not seen its latest spec"],
    ...Object.entries(record.extra),
    ["Revision", record.compositionRevision],
    ["Also composes", record.composed && `${number(record.composed)} of kinds that are not listed`],
    ["Provider", record.provider],
    ["Provider config", record.providerConfig && [record.providerConfigKind, record.providerConfig].filter(Boolean).join(" / ")],
    ["External name", record.externalName],
    ["Policies", record.managementPolicies],
    ["Creator", record.creator],
    ["Created", record.createdAt],
    ["Being deleted since", record.deletingSince || record.deletedAt],
    ["Not seen since", record.carriedSince],
    ["Look closer", `kubectl describe ${record.resource}.${record.group} ${record.name}${scope}`],
  ].filter(([, value]) => value);
  const list = known.flatMap(([name, value]) => [
    el("dt", {}, name),
    el("dd", { class: name === "Look closer" ? "code" : null }, value),
  ]);
  return details(record.uid, COLUMNS, ...describeTree(record), el("dl", {}, ...list));
}
