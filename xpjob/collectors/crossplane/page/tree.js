// The tree that a record is part of: first what blocks it, in plain words, then all of it.

import { addressOf, view } from "./address.js";
import { json } from "../ask.js";
import { el, number } from "../parts.js";
import { shell, since, state } from "./state.js";

const FEW = 12;

// Ask for the trees of the records that are open, where they are not known of this snapshot.
export function fetchTrees(redraw) {
  for (const uid of state.trees.keys()) if (!state.open.has(uid)) state.trees.delete(uid);
  const wanted = state.rows.filter(
    (record) => state.open.has(record.uid) && state.trees.get(record.uid)?.of !== shell.cluster.generatedAt,
  );
  for (const record of wanted) {
    const held = { of: shell.cluster.generatedAt, tree: state.trees.get(record.uid)?.tree ?? null, error: "" };
    state.trees.set(record.uid, held);
    const to = new URLSearchParams();
    for (const name of ["class", "group", "kind", "namespace", "name"]) to.set(name, record[name]);
    if (view().get("cluster")) to.set("cluster", view().get("cluster"));
    json("bookkeeping/tree", to)
      .then(
        (tree) => {
          held.tree = tree;
        },
        (error) => {
          held.error = error.message;
        },
      )
      .finally(redraw);
  }
}

export function describeTree(record) {
  const held = state.trees.get(record.uid);
  if (!held?.tree)
    return [el("p", { class: "explains" }, held?.error ? `Its tree cannot be shown: ${held.error}` : "Looking for its tree …")];
  const { tree } = held;
  const well = tree.nodes[0].state === "ready" && !tree.blockerCount;
  const made = [el("p", { class: `explains ${well ? "good" : "bad"}` }, tree.sentence)];
  if (tree.blockerCount > 1) {
    const items = tree.blockers.map((each) => el("li", {}, link(each), ` ${each.says}`));
    if (tree.blockerCount > tree.blockers.length)
      items.push(el("li", {}, `and ${number(tree.blockerCount - tree.blockers.length)} more`));
    made.push(el("ul", { class: "blockers" }, ...items));
  }
  if (tree.nodes.length > 1) made.push(el("ul", { class: "tree", "aria-label": "Its tree" }, branch(tree, grown(tree), 0)));
  return made;
}

const path = ({ group, kind, namespace, name }) => [kind, group, namespace, name].join("/");
const link = (node) =>
  el("a", { href: addressOf(node), class: "node-name" }, [node.kind, [node.namespace, node.name].filter(Boolean).join("/")].join(" "));

// Which nodes hang below which, and which of them have something amiss with them or below them.
function grown(tree) {
  const below = tree.nodes.map(() => []);
  const amiss = tree.nodes.map((node) => node.state !== "ready" || node.asked);
  tree.nodes.forEach((node, index) => node.parent !== null && below[node.parent].push(index));
  for (let index = tree.nodes.length - 1; index > 0; index -= 1) if (amiss[index]) amiss[tree.nodes[index].parent] = true;
  return { below, amiss };
}

function branch(tree, shape, index) {
  const node = tree.nodes[index];
  const children = shape.below[index];
  const key = path(node);
  const open = state.folds.get(key) ?? (shape.amiss[index] || tree.nodes.length <= FEW);
  const fold = node.children
    ? el(
        "button",
        {
          type: "button",
          class: "fold",
          "data-fold": key,
          "data-folded": String(!open),
          "aria-expanded": String(open),
          "aria-label": `What ${node.kind} ${node.name} has made`,
        },
        open ? "▾" : "▸",
      )
    : el("span", { class: "fold" });
  const time = node.deleting ? node.deletingSince || node.deletedAt : node.notReadySince || node.pausedSince || node.notSyncedSince;
  const both = ["paused", "not synced"].includes(node.state) && !node.ready ? " and not ready" : "";
  const marks = [
    node.blocks && el("strong", { class: "mark" }, "blocks"),
    node.asked && el("span", { class: "mark here" }, "this one"),
  ].filter(Boolean);
  const reason = [
    node.reason !== "Available" && node.reason,
    node.syncedStatus !== "True" && node.syncedReason,
    node.provider,
    node.carriedSince && "kept from an earlier run",
  ]
    .filter(Boolean)
    .join(" · ");
  const message = (node.syncedStatus !== "True" && node.syncedMessage) || (node.ready ? "" : node.message);
  const line = el(
    "div",
    { class: "node" },
    fold,
    el(
      "div",
      {},
      link(node),
      " ",
      el("span", { class: `badge ${node.state === "ready" ? "good" : "bad"}` }, `${node.state}${both}`),
      time && node.state !== "ready" ? el("span", { class: "dim" }, " for ", since(time)) : null,
      ...marks,
      reason ? el("span", { class: "sub" }, reason) : null,
      message ? el("span", { class: "sub said" }, message) : null,
    ),
  );
  if (!open || !node.children) return el("li", {}, line);
  const items = children.map((child) => branch(tree, shape, child));
  if (node.leftOut) items.push(el("li", { class: "dim rest" }, `and ${number(node.leftOut)} more that are not shown`));
  return el("li", {}, line, el("ul", {}, ...items));
}
