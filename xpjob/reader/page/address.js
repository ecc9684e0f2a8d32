// The state of the page is its address: the view, what it is of, and what it is asked for.
// Every href is made here, relative to the root that the server has written into <base>.

import { el } from "./parts.js";

const ROOT = new URL(document.baseURI);
const WORDS = new Set(["search", "findings", "changes", "runs", "usage"]);
const CLUSTERS = new Set(["home", "search", "teams", "usage"]);
const UNSAFE = /[!'()*]/g;

export const query = () => new URLSearchParams(location.search);
const encoded = (text) =>
  encodeURIComponent(text.toWellFormed?.() ?? text).replace(UNSAFE, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

// The path below the root, percent-encoding kept.
export const path = () => (location.pathname.startsWith(ROOT.pathname) ? location.pathname.slice(ROOT.pathname.length) : "");

// Which view an address is of.
export function route() {
  const [first, ...rest] = path().split("/");
  const id = rest.join("/");
  if (!first) return { view: "home" };
  if (first === "teams") {
    if (id) return { view: "team", team: decoded(id.replace(/^~/, "")) };
    return query().has("name") ? { view: "team", team: query().get("name") } : { view: "teams" };
  }
  if (WORDS.has(first)) return { view: first };
  return id ? { view: "record", table: decoded(first), id } : { view: "table", table: decoded(first) };
}

export const allowsAll = (view) => CLUSTERS.has(view);

// The id of a row: as the reader makes it of the texts of its identity columns.
export const rowId = (values) =>
  values.map((value) => (["", ".", "~"].includes(value.slice(0, 1)) ? `~${encoded(value)}` : encoded(value))).join("/");

// A query: what is empty is left out of an object, and the cluster that is shown goes along.
function asked(parameters, cluster) {
  const to = new URLSearchParams(parameters instanceof URLSearchParams ? parameters : undefined);
  if (!(parameters instanceof URLSearchParams)) {
    for (const [name, values] of Object.entries(parameters ?? {})) {
      for (const value of [values].flat()) if (value !== null && value !== undefined) to.append(name, value);
    }
  }
  const held = cluster ?? query().get("cluster");
  if (held && !to.has("cluster")) to.set("cluster", held);
  if (to.get("cluster") === "") to.delete("cluster");
  return to;
}

// An address of the page. `*` stays only where a view can show all clusters.
function at(where, parameters, { cluster, all = false } = {}) {
  const to = asked(parameters, cluster);
  if (to.get("cluster") === "*" && !all) to.delete("cluster");
  return `./${where}${to.size ? `?${to}` : ""}`;
}

export const toHome = (cluster) => at("", {}, { cluster, all: true });
export const toTable = (key, parameters, cluster) => at(encoded(key), parameters, { cluster });
export const toRecord = (key, id, cluster) => at(`${encoded(key)}/${id}`, {}, { cluster });
export const toTeams = () => at("teams/", {}, { all: true });
export const toSearch = (q) => at("search", q ? { q } : {}, { all: true });
export const toUsage = (parameters) => at("usage", parameters, { all: true });
export const toWord = (word, parameters) => at(word, parameters);
// A name that a path cannot hold has a ~ before it, as in the id of a row; none at all is a parameter.
export const toTeam = (name) => (name ? at(`teams/${rowId([name])}`, {}, { all: true }) : at("teams/", { name }, { all: true }));

// The address of a question to the reader.
export const api = (where, parameters) => {
  const to = asked(parameters);
  return `${where}${to.size ? `?${to}` : ""}`;
};
export const tablePath = (key) => `tables/${encoded(key)}`;
export const teamApi = (name, cluster) => (name ? api(`teams/${rowId([name])}`, { cluster }) : api("teams/", { name, cluster }));

// A link within the page: a click opens it in place.
export const link = (href, attributes, ...children) => el("a", { ...attributes, href, "data-page": true }, ...children);

// What is counted, as a link to the rows. Those of all clusters are in no one place.
export const counted = (href, attributes, ...children) =>
  (query().get("cluster") === "*" ? el("span", attributes, ...children) : link(href, attributes, ...children));

// This view with other parameters.
export const here = (parameters) => `./${path()}${parameters.size ? `?${parameters}` : ""}`;

// Add a value to those of a parameter, or take it out.
export function toggle(to, parameter, value) {
  const held = to.has(parameter, value);
  const rest = to.getAll(parameter).filter((each) => each !== value);
  to.delete(parameter);
  for (const each of held ? rest : [...rest, value]) to.append(parameter, each);
}
