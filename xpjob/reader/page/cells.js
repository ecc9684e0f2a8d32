// A value as its column's type says: in a cell of one line, and whole where a record is open.

import { link, rowId, toRecord, toSearch, toTable } from "./address.js";
import { bar, el, inTitle, none, number } from "./parts.js";
import { shell, since } from "./state.js";

const NUMBERS = new Set(["count", "number", "ratio", "bytes", "cores", "money"]);
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const GOOD = /^(true|ready|healthy|running|active|bound|available|ok|succeeded|complete(d)?|synced|up|.*success(ful)?)$/i;
const BAD =
  /^(false|unknown|not ?\w+|un(healthy|available|schedulable|synced)|failed|.*error|.*failure|.*backoff|degraded|lost|down)$/i;
const FEW = 2;
const DAY = 86400;

export const isNumber = (column) => NUMBERS.has(column.type);
export const isRight = (column) => isNumber(column) || column.type === "time";

const given = (value) => value !== null && value !== undefined && value !== "";
const decimal = (value, most, least = 0) => value.toLocaleString("en-US", { maximumFractionDigits: most, minimumFractionDigits: least });

function bytes(value) {
  let size = Math.abs(value);
  let unit = 0;
  while (size >= 1023.5 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${value < 0 ? "-" : ""}${decimal(size, size < 10 ? 2 : size < 100 ? 1 : 0)} ${UNITS[unit]}`;
}

// Always in cores, so that a column compares; never 0 while there is something.
const cores = (value) => (value && Math.abs(value) < 0.001 ? "< 0.001" : decimal(value, Math.abs(value) < 10 ? 3 : 1));

// Never rounded up to 100 % while something is missing, nor to nothing while there is something.
export function share(value) {
  const percent = 100 * value;
  if (value < 1 && percent > 99.9) return "99.9\u00a0%";
  if (value > 1 && percent < 100.1) return "> 100\u00a0%";
  if (value > 0 && percent < 0.1) return "< 0.1\u00a0%";
  return `${decimal(percent, 1)}\u00a0%`;
}

const money = (value, { unit }) => `${value > 0 && value < 0.01 ? "< 0.01" : decimal(value, 2, 2)}${unit ? ` ${unit}` : ""}`;
const SAYS = { count: (value) => decimal(value, 3), number: (value) => decimal(value, 3), ratio: share, bytes, cores, money };

const refText = ({ kind, namespace, name }) => [kind, [namespace, name].filter(Boolean).join("/")].filter(Boolean).join(" ");
const isRef = (value) => typeof value === "object" && typeof value.name === "string" && "kind" in value;

// The value in one line of text.
export function text(column, value) {
  if (!given(value)) return "";
  if (isNumber(column) && typeof value === "number") return SAYS[column.type](value, column);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map((each) => text({}, each)).join(", ");
  if (isRef(value)) return refText(value);
  if (typeof value === "object") return pairs(value).join(", ");
  return String(value);
}

const pairs = (value) => Object.entries(value).map(([name, each]) => `${name}=${text({}, each)}`);

// A value of a facet or a filter, where all are text.
export function grouped(column, value) {
  if (column.name === "lateness") return LATE[value] ?? value;
  if (column.coded) return inTitle(value);
  if (column.type === "flag") return { true: "yes", false: "no" }[value] ?? value;
  return isNumber(column) && value !== "" && !Number.isNaN(Number(value)) ? text(column, Number(value)) : value;
}

// A value as the reader writes it in filters and ids.
export function plain(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(plain).join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}

const LATE = { "": "ok", recent: "recent", late: "late", long: "late for over a day" };
const SHORT = { recent: "recent", late: "late", long: "over a day" };
export const MOOD = { "": "good", recent: "idle", late: "bad", long: "alarm" };

// How late a row is, as of its snapshot: null where its table does not know.
export function lateness(table, row, at = shell.generatedAt) {
  if (!table.since) return null;
  if (row.lateness !== undefined) return row.lateness;
  if (table.ok && row[table.ok] !== false) return "";
  const seconds = (Date.parse(at) - Date.parse(row[table.since])) / 1000;
  const { by = "", seconds: each = {}, default: otherwise = 900 } = table.usual ?? {};
  if (Number.isNaN(seconds)) return "late";
  if (seconds >= DAY) return "long";
  return seconds < ((by && each[plain(row[by])]) || otherwise) ? "recent" : "late";
}

// Good, bad or neither: of what says how the row is, by how late it is or by the flag that says
// that all is well; of any other state, by its word.
export function mood(table, row, said, column = null) {
  if (column && GOOD.test(said)) return "good";
  const own = !column || column.name === table.ok || stateOf(table)?.name === column.name;
  if (!own && !BAD.test(said)) return "";
  const late = lateness(table, row);
  if (late) return MOOD[late] ?? "";
  if (typeof row[table.ok] === "boolean" && own) return row[table.ok] ? "good" : "bad";
  return BAD.test(said) ? "bad" : "";
}

// The column that says how a row is.
export const stateOf = (table) =>
  table.columns.find(({ name, type }) => type === "state" && table.shown.includes(name)) ?? table.columns.find(({ name }) => name === table.ok);

export const badge = (kind, said) => el("span", { class: `badge ${kind}` }, said);

export function lateWord(table, row) {
  const late = lateness(table, row);
  return late ? el("span", { class: `late ${MOOD[late]}` }, SHORT[late] ?? late) : null;
}

function several(all) {
  const more = all.length - FEW;
  return el("span", { class: "line", title: all.join(", ") }, all.slice(0, FEW).join(", "), more > 0 ? el("span", { class: "none" }, ` +${number(more)}`) : null);
}

export const copyButton = (value, what) =>
  el("button", { type: "button", class: "copy", "data-copy": value, "aria-label": `Copy ${what}`, title: `Copy ${what}` }, "copy");

function digest(value) {
  const [kind, hex] = value.includes(":") ? value.split(/:(.*)/s) : ["", value];
  return el("span", { class: "digest" }, el("code", { title: value }, `${kind ? `${kind}:` : ""}${hex.slice(0, 8)}`), copyButton(value, "the digest"));
}

// Where the value of a column leads: to a record of another table, or to its rows.
function related(table, column, value) {
  const to = table.links?.find((each) => each.column === column.name);
  const other = to && shell.tables.get(to.table);
  if (!other || !given(value) || typeof value === "object") return null;
  if (other.identity.length === 1 && other.identity[0] === to.to) return toRecord(other.key, rowId([plain(value)]));
  return other.filters.includes(to.to) ? toTable(other.key, { [parameter(to.to)]: plain(value) }) : null;
}

// A column that is called as a parameter of the reader is filtered by under a longer name.
export const parameter = (name) => (shell.reserved.includes(name) ? `column.${name}` : name);

const typeOf = (column, value) => {
  if (Array.isArray(value)) return "list";
  if (typeof value !== "object") return column.type;
  return isRef(value) ? "ref" : "object";
};

export function cell(column, row, table) {
  const value = row[column.name];
  if (!given(value)) return none();
  const said = text(column, value);
  const kind = typeOf(column, value);
  const href = related(table, column, value);
  if (kind === "list") return value.length ? several(value.map((each) => text({}, each))) : none();
  if (kind === "object") return said ? several(pairs(value)) : none();
  if (kind === "ref") return link(toSearch(value.name), { class: "line", title: said }, said);
  if (kind === "state") return badge(mood(table, row, said, column), said);
  if (kind === "flag") return column.name === table.ok ? badge(mood(table, row, ""), said) : said;
  if (kind === "time") return since(value);
  if (kind === "digest") return digest(said);
  if (kind === "ratio" && typeof value === "number") return el("span", { class: "ratio" }, bar(value), el("span", {}, said));
  if (isNumber(column)) return el("span", { title: exact(column, value) }, said);
  return href ? link(href, { class: "line", title: said }, said) : el("span", { class: "line", title: said.length > 24 ? said : null }, said);
}

function exact(column, value) {
  if (typeof value !== "number") return null;
  if (column.type === "bytes" && Math.abs(value) >= 1024) return `${number(value)} bytes`;
  return ["cores", "money", "ratio"].includes(column.type) ? String(value) : null;
}

// The value as it is known, for the record that is open.
export function whole(column, row, table) {
  const value = row[column.name];
  if (!given(value)) return [none()];
  const kind = typeOf(column, value);
  if (kind === "time") return [since(value), el("span", { class: "dim" }, ` (${value})`)];
  if (kind === "list") return value.length ? [el("ul", {}, ...value.map((each) => el("li", {}, text({}, each) || "–")))] : [none()];
  if (kind === "object") {
    const lines = Object.entries(value).map(([name, each]) => el("li", {}, el("span", { class: "dim" }, `${name}: `), text({}, each) || "–"));
    return lines.length ? [el("ul", {}, ...lines)] : [none()];
  }
  if (kind === "digest") return [el("code", {}, value), " ", copyButton(value, "the digest")];
  if (kind === "text") {
    const href = related(table, column, value);
    return [href ? link(href, {}, String(value)) : text(column, value)];
  }
  const more = isNumber(column) ? exact(column, value) : null;
  return [cell(column, row, table), ...(more && column.type === "bytes" ? [el("span", { class: "dim" }, ` (${more})`)] : [])];
}
