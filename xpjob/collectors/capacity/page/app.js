// The overview of capacity: how full, what still fits, who requests most, what is pending. Nodes,
// namespaces and pending pods have tabs of their own, with all rows.

import { here, href } from "../address.js";
import { json } from "../ask.js";
import { bytes, cores, share, text } from "../cells.js";
import { bar, el, hidden, morph, none, number, sub } from "../parts.js";
import { $, since } from "../state.js";

const CLUSTER = "all nodes";
const FEW = 6;
const NONE = { allocatable: 0, requested: 0, daemonSets: 0 };

let known = null;

export function mount(panel) {
  panel.append(el("div", { id: "capacity", class: "capacity" }));
  return { follow() {}, load, draw, press() {}, clear() { known = null; } };
}

export function unmount() {
  known = null;
}

function asked(more = {}) {
  const to = new URLSearchParams(more);
  if (here().get("cluster")) to.set("cluster", here().get("cluster"));
  return to;
}

async function load(still) {
  const [groups, namespaces, pending, reasons] = await Promise.all([
    json("tables/nodeGroups", asked()),
    json("tables/namespaces", asked({ sort: "-cpuRequested", limit: FEW })),
    json("tables/pending", asked({ sort: "createdAt", limit: FEW })),
    json("tables/pending/summary", asked({ by: "reason" })),
  ]);
  if (!still()) return "";
  known = { groups: groups.rows, namespaces: namespaces.rows, pending: pending.rows, reasons: reasons.groups };
  return groups.generatedAt;
}

function draw() {
  if (!known) return;
  const whole = known.groups.find((row) => row.group === CLUSTER);
  morph($("capacity"), whole ? [
    panel("All nodes", resources(whole)),
    panel("What still fits", fits(whole)),
    panel("Who requests most", namespaces(), link("namespaces", "All namespaces")),
    panel("Pending pods", pending(), link("pending", "All pending pods")),
    groups(),
  ] : [panel("All nodes", [el("p", { class: "empty" }, "There are no nodes.")])]);
}

function panel(title, lines, ...more) {
  return el("section", { class: "panel", "data-key": title }, el("h2", {}, title), ...lines, ...more);
}

function link(tab, title) {
  const to = here();
  to.set("tab", tab);
  return el("p", { class: "more" }, el("a", { href: href(to), "data-tab": tab }, title));
}

function amount(resource, value) {
  if (resource === "cpu") return cores(value);
  return resource === "memory" || resource === "ephemeral-storage" || resource.startsWith("hugepages-") ? bytes(value) : number(value);
}

// Requests of DaemonSets, then those of all others, as shares of what is allocatable.
function fullness(use) {
  const { allocatable = 0, requested = 0, daemonSets = 0 } = use;
  if (!allocatable) return bar([]);
  return bar([["daemons", daemonSets / allocatable], [requested > allocatable ? "over" : "part", (requested - daemonSets) / allocatable]]);
}

function resources(row) {
  return Object.entries(row.resources).filter(([, use]) => use.allocatable || use.requested).map(([name, use]) => {
    const { allocatable = 0, requested = 0, daemonSets = 0, free } = use;
    const ratio = allocatable ? share(requested / allocatable) : "–";
    const said = `${amount(name, requested)} of ${amount(name, allocatable)} requested`;
    const more = [`DaemonSets ${amount(name, daemonSets)}`, `free ${amount(name, free ?? 0)}`].join(", ");
    return line(name, name, ratio, fullness(use), `${said}; ${more}`);
  });
}

function line(key, label, count, picture, more, bad = false) {
  return el("div", { class: "row still", "data-key": key },
    el("span", { class: "label" }, label), el("span", { class: bad ? "count bad" : "count" }, count), picture ?? "", sub(more) ?? "");
}

function fits(row) {
  const lines = Object.entries(row.fits).map(([shape, count]) =>
    line(shape, shape, count ? `${number(count)} more` : "no more", null, "", !count));
  if (row.largestHoleNode) {
    const hole = Object.entries(row.largestHole).filter(([, value]) => value).map(([name, value]) => `${amount(name, value)} ${name}`);
    lines.push(line("hole", "Largest hole", row.largestHoleNode, null, hole.join(", ")));
  }
  const stranded = Object.entries(row.stranded).filter(([, value]) => value).map(([name, value]) => `${amount(name, value)} ${name}`);
  if (stranded.length) lines.push(line("stranded", "Stranded", "", null, `${stranded.join(", ")} free where something else is lacking`));
  return lines;
}

function namespaces() {
  const lines = known.namespaces.map((row) => line(row.namespace, row.namespace, row.cpuShare === null ? "–" : share(row.cpuShare),
    bar([["part", row.cpuShare ?? 0]]), `${cores(row.cpuRequested)} cores, ${bytes(row.memoryRequested)}${row.team ? `, ${row.team}` : ""}`));
  return lines.length ? lines : [el("p", { class: "empty" }, "No namespace has pods.")];
}

function pending() {
  if (!known.pending.length) return [el("p", { class: "empty" }, "Every pod has a node.")];
  const counts = known.reasons.map(({ reason, total }) => line(`reason ${reason}`, reason, number(total), null, "", reason !== "SchedulingGated"));
  const oldest = known.pending.map((row) => el("div", { class: "row still", "data-key": row.uid },
    el("span", { class: "label", title: row.message || null }, `${row.namespace}/${row.name}`), el("span", { class: "count" }, since(row.createdAt)),
    sub(Object.entries(row.causes).map(([cause, nodes]) => `${cause} (${number(nodes)})`).join(", ") || row.reason)));
  return [...counts, ...oldest];
}

const COLUMNS = ["Group", "Nodes", "CPU", "Memory", "Pods", "Fits"];

function groups() {
  const rows = known.groups.filter((row) => row.group !== CLUSTER);
  const head = COLUMNS.map((title, index) => el("th", { scope: "col", class: index === 1 ? "num" : null }, title));
  const body = rows.map((row) => el("tr", { "data-key": `${row.group} ${row.value}` },
    el("td", {}, row.value, sub(row.group)),
    el("td", { class: "num" }, number(row.nodes), sub(row.schedulableNodes < row.nodes ? `${number(row.schedulableNodes)} schedulable` : "")),
    cell(row, "cpu"), cell(row, "memory"), cell(row, "pods"),
    el("td", {}, Object.keys(row.fits).length ? text({}, row.fits) : none())));
  return el("section", { id: "records", class: "records", tabindex: "-1", "data-key": "groups" },
    el("div", { class: "bar" }, el("h2", {}, "Groups of nodes"), legend()),
    el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body))));
}

function cell(row, resource) {
  const use = row.resources[resource] ?? NONE;
  const said = use.allocatable ? share((use.requested ?? 0) / use.allocatable) : "–";
  const more = `${amount(resource, use.requested ?? 0)} of ${amount(resource, use.allocatable ?? 0)}`;
  return el("td", {}, fullness(use), el("span", {}, said, hidden(" requested")), sub(more));
}

function legend() {
  return el("p", { class: "legend" }, el("span", { class: "key daemons" }), "DaemonSets", el("span", { class: "key part" }), "other requests",
    el("span", { class: "key free" }), "free");
}
