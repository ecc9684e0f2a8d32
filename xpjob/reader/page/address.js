// The page's state is its address: what is asked for, in the API's own names.

export const FILTERS = ["namespace", "team", "kind", "composition", "provider", "providerConfig", "reason", "syncedReason", "readyStatus", "syncedStatus", "creator", "group", "source", "name", "paused", "deleting", "synced", "carried"];

export const view = () => new URLSearchParams(location.search);

// What the API is asked, from the URL: the same names, and "not ready" where nothing is said.
export function asked({ without = [], readiness = true } = {}) {
  const from = view();
  const to = new URLSearchParams();
  for (const name of [...FILTERS, "class", "q", "cluster"]) {
    if (!without.includes(name)) for (const value of from.getAll(name)) to.append(name, value);
  }
  if (readiness) {
    const ready = from.get("ready") ?? "false";
    if (ready !== "all") to.append("ready", ready);
    if (from.get("since") && ready !== "true") to.append("since", from.get("since"));
  }
  return to;
}

export const sorting = () => view().get("sort") ?? ((view().get("ready") ?? "false") === "false" ? "-notReady" : "name");

// What the findings are asked: those of what is filtered for, as far as they have it.
export function askedOfFindings() {
  const to = new URLSearchParams();
  for (const name of ["class", "group", "kind", "namespace", "team", "cluster"]) for (const value of view().getAll(name)) to.append(name, value);
  return to;
}

// Where one record is shown, open, with its tree.
export function addressOf(record) {
  const to = new URLSearchParams();
  if (view().get("cluster")) to.set("cluster", view().get("cluster"));
  to.set("ready", "all");
  for (const name of ["group", "kind", "namespace", "name"]) to.set(name, record[name]);
  return `?${to}`;
}
