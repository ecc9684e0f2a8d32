// What is asked for is in the address, in the API's own names.

import { here, view } from "../address.js";

export { view };

export const FILTERS = [
  "namespace", "team", "kind", "composition", "provider", "providerConfig", "reason", "syncedReason", "readyStatus", "syncedStatus",
  "creator", "group", "source", "name", "paused", "deleting", "synced", "carried",
];

export const readiness = () => view().get("ready") ?? "false";

// What the API is asked, from the URL: the same names, and "not ready" where nothing is said.
export function asked({ without = [], ready: narrow = true } = {}) {
  const from = view();
  const to = new URLSearchParams();
  for (const name of [...FILTERS, "class", "q", "cluster"]) {
    if (!without.includes(name)) for (const value of from.getAll(name)) to.append(name, value);
  }
  if (narrow) {
    if (readiness() !== "all") to.append("ready", readiness());
    if (from.get("since") && readiness() !== "true") to.append("since", from.get("since"));
  }
  return to;
}

export const sorting = () => view().get("sort") ?? (readiness() === "false" ? "-notReady" : "name");

// What the findings are asked: those of what is filtered for, as far as they have it.
export function askedOfFindings() {
  const to = new URLSearchParams();
  for (const name of ["class", "group", "kind", "namespace", "team", "cluster"]) {
    for (const value of view().getAll(name)) to.append(name, value);
  }
  return to;
}

// Where one record is shown, open, with its tree.
export function addressOf(record) {
  const to = here();
  to.set("ready", "all");
  for (const name of ["group", "kind", "namespace", "name"]) to.set(name, record[name]);
  return `?${to}`;
}
