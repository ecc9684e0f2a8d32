// A value as its column's type says it: in a cell, and in full where a row is open.

import { bar, el, none, number } from "./parts.js";
import { since } from "./state.js";

const NUMBERS = new Set(["count", "ratio", "bytes", "cores"]);
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const GOOD = /^(true|ready|healthy|running|active|bound|available|ok|succeeded|complete(d)?|synced|up)$/i;
const BAD =
  /^(false|unknown|not ?\w+|un(healthy|available|schedulable|synced)|failed|.*error|.*failure|.*backoff|degraded|lost|down)$/i;
const FEW = 2;
const LONG = 60;

export const isNumber = (column) => NUMBERS.has(column.type);
export const alignment = (column) => (isNumber(column) || column.type === "time" ? "num" : null);

const given = (value) => value !== null && value !== undefined && value !== "";
const decimal = (value, digits) => value.toLocaleString("en-US", { maximumFractionDigits: digits });

export function bytes(value) {
  let size = Math.abs(value);
  let unit = 0;
  while (size >= 1023.5 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${value < 0 ? "-" : ""}${decimal(size, size < 10 ? 2 : size < 100 ? 1 : 0)} ${UNITS[unit]}`;
}

// As Kubernetes writes it: thousandths below one core.
export function cores(value) {
  const thousandths = Math.round(value * 1000);
  return Math.abs(thousandths) < 1000 && thousandths ? `${thousandths}m` : decimal(value, 2);
}

// Never rounded to 100 % while something is missing, nor to nothing while there is something.
export function share(value) {
  const percent = 100 * value;
  if (value < 1 && percent > 99.9) return "99.9 %";
  if (value > 0 && percent < 0.1) return "< 0.1 %";
  return `${decimal(percent, 1)} %`;
}

const SAYS = { count: (value) => decimal(value, 3), ratio: share, bytes, cores };

// The value in one line of text.
export function text(column, value) {
  if (!given(value)) return "";
  if (isNumber(column) && typeof value === "number") return SAYS[column.type](value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map((each) => text({}, each)).join(", ");
  if (typeof value === "object")
    return Object.entries(value)
      .map(([name, each]) => `${name}=${text({}, each)}`)
      .join(", ");
  return String(value);
}

// What a summary has counted by: there, all values are text.
export const grouped = (column, value) => {
  if (column.type === "flag") return { true: "yes", false: "no" }[value] ?? value;
  return isNumber(column) && value !== "" && !Number.isNaN(Number(value)) ? text(column, Number(value)) : value;
};

// Good or bad: by the column that says that all is well, else by the word.
function mood(table, row, said) {
  if (typeof row[table.ok] === "boolean") return row[table.ok] ? "good" : "bad";
  if (GOOD.test(said)) return "good";
  return BAD.test(said) ? "bad" : "";
}

function several(all) {
  const more = all.length - FEW;
  const shown = all.slice(0, FEW).join(", ");
  return el(
    "span",
    { class: "clamp", title: all.join(", ") },
    shown,
    more > 0 ? el("span", { class: "none" }, ` +${number(more)}`) : null,
  );
}

export function cell(column, row, table) {
  const value = row[column.name];
  if (!given(value)) return none();
  const said = text(column, value);
  const type = Array.isArray(value) ? "list" : typeof value === "object" ? "object" : column.type;
  if (type === "list") return value.length ? several(value.map((each) => text({}, each))) : none();
  if (type === "object") return said ? several(Object.entries(value).map(([name, each]) => `${name}=${text({}, each)}`)) : none();
  if (type === "state") return el("span", { class: `badge ${mood(table, row, said)}` }, said);
  if (type === "flag") return column.name === table.ok ? el("span", { class: `badge ${value === true ? "good" : "bad"}` }, said) : said;
  if (type === "time") return since(value);
  if (type === "ratio" && typeof value === "number") {
    return el("span", { class: "ratio" }, bar([[value > 1 ? "over" : "part", value]], "ratioline"), el("span", {}, said));
  }
  return isNumber(column) ? said : said.length > LONG ? el("span", { class: "clamp", title: said }, said) : el("span", {}, said);
}

// The value as it is known, for the row that is open.
export function whole(column, row) {
  const value = row[column.name];
  if (!given(value)) return [none()];
  if (column.type === "time") return [`${value} (`, since(value), ")"];
  if (Array.isArray(value))
    return value.length ? [el("ul", {}, ...value.map((each) => el("li", {}, text({}, each) || "–")))] : [none()];
  if (typeof value === "object") {
    const lines = Object.entries(value).map(([name, each]) =>
      el("li", {}, el("span", { class: "dim" }, `${name}: `), text({}, each) || "–"),
    );
    return lines.length ? [el("ul", {}, ...lines)] : [none()];
  }
  const exact = column.type === "bytes" && typeof value === "number" && Math.abs(value) >= 1024;
  return [exact ? `${text(column, value)} (${number(value)} bytes)` : text(column, value)];
}
