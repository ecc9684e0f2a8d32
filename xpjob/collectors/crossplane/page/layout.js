// The parts of the view, empty.

import { frame } from "../frame.js";
import { el } from "../parts.js";

const PANELS = ["duration", "reason", "syncedReason", "provider", "team", "namespace", "kind", "composition"];
const READINESS = [["false", "Not ready"], ["true", "Ready"], ["", "All"]];
const CLASSES = [["", "All classes"], ["claim", "Claims"], ["composite", "XRs"], ["managed", "Managed"]];
const SINCE = [
  ["", "any time"], ["10m", "10 minutes"], ["1h", "1 hour"], ["6h", "6 hours"], ["1d", "1 day"], ["1w", "1 week"],
];

export function layout(go) {
  const segments = (id, label, choices) => el("div", { class: "segments", role: "group", "aria-label": label, id },
    ...choices.map(([value, text]) => el("button", { type: "button", [`data-${id}`]: value }, text)));
  const narrow = ({ target }) => go((to) => {
    if (target.value) to.set("since", target.value);
    else to.delete("since");
    if (to.get("ready") === "true") to.delete("ready");
  });
  const since = el("label", { class: "field since" }, "For at least ",
    el("select", { id: "since", onchange: narrow }, ...SINCE.map(([value, text]) => el("option", { value }, text))));
  const controls = [segments("readiness", "Readiness", READINESS), segments("class", "Class", CLASSES), since];
  return el("div", { class: "crossplane" },
    el("section", { class: "tiles", id: "tiles", "aria-label": "Totals" }),
    el("section", { class: "panels", "aria-label": "Breakdown" },
      ...PANELS.map((name) => el("div", { class: "panel", id: `panel-${name}` }))),
    el("section", { class: "panel findings", id: "findings", "aria-label": "Findings", hidden: true }),
    el("section", { class: "panel findings", id: "changes", "aria-label": "Changes", hidden: true }),
    frame({ title: "Not ready", search: "Search names, owners, messages", controls }, go));
}
