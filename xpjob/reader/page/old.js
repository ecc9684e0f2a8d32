// Addresses of earlier versions: `?tab=nodes&pool=gpu` and `?ready=false&team=x`, where the first
// table was shown that had these filters. They become addresses of tables, in place.

import { query, route, toHome, toTable } from "./address.js";
import { parameter } from "./cells.js";
import { descriptions } from "./known.js";
import { shell } from "./state.js";

const OTHERS = ["q", "sort", "since", "tab", "class", "cluster"];
const GONE = ["since", "tab", "class"];

export async function redirected() {
  const asked = query();
  if (route().view !== "home" || ![...asked.keys()].some((name) => name !== "cluster")) return false;
  await descriptions();
  const table = tableOf(asked);
  const to = new URLSearchParams();
  for (const [name, value] of asked) if (!GONE.includes(name) && !(name === "ready" && value === "all")) to.append(name, value);
  history.replaceState(null, "", table ? toTable(table.key, to) : toHome());
  return true;
}

function tableOf(asked) {
  const tab = asked.get("tab")?.replace(/^table\./, "");
  if (shell.tables.has(tab)) return shell.tables.get(tab);
  const filters = [...new Set(asked.keys())].filter((name) => !OTHERS.includes(name));
  if (!filters.length && !asked.has("class") && !asked.has("q")) return null;
  const fits = [...shell.tables.values()].filter((table) => filters.every((name) => table.filters.some((each) => parameter(each) === name)));
  const kind = asked.get("class") ?? "";
  return fits.find((table) => table.title.toLowerCase().startsWith(kind)) ?? fits[0] ?? null;
}
