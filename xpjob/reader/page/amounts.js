// Usage in words: what was counted, in which unit, and which days there are.

import { number } from "./parts.js";

const NAMES = { objects: "Objects", pods: "Pods", cpu_requests: "CPU requested", memory_requests: "Memory requested", cpu_allocatable: "CPU of nodes", memory_allocatable: "Memory of nodes" };
const DECIMALS = { maximumFractionDigits: 3 };

export const said = (value) => Number(value).toLocaleString("en-US", DECIMALS);
export const meterName = (meter) => NAMES[meter] ?? capital(meter.replace(/_requests$/, " requested").replace(/_allocatable$/, " of nodes").replaceAll("_", " "));

// Objects are orders, unless no class is one.
export function objectsName(classes) {
  const orders = classes.filter(({ order }) => order).map((each) => each.class);
  return orders.length ? `Orders: ${orders.join(", ")}` : NAMES.objects;
}

// "Core-Hours" as the head of a column, and after a number.
export const unitName = (unit) => (unit === "Unit-Hours" ? "Hours" : unit.replace("-Hours", "-hours"));
export const unitWord = (unit) => unitName(unit).replace(/^(Hours|Core)/, (each) => each.toLowerCase());

// How much there was at a time: "3", "1.5 cores".
export const average = ({ average: value, averageUnit: unit }) => (unit === "Units" ? said(value) : `${said(value)} ${unit === "Cores" ? (value === 1 ? "core" : "cores") : unit}`);

export const capital = (text) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

export function monthName(month) {
  const first = new Date(`${month}-01T00:00:00Z`);
  return Number.isNaN(first.getTime()) ? month : first.toLocaleDateString("en-US", { month: "long", year: "numeric", timeZone: "UTC" });
}

export function monthAfter(month, by = 1) {
  const first = new Date(`${month}-01T00:00:00Z`);
  first.setUTCMonth(first.getUTCMonth() + by);
  return first.toISOString().slice(0, 7);
}

// The days of a period, its end exclusive.
export function daysOf(from, to) {
  const made = [];
  for (let at = Date.parse(`${from}T00:00:00Z`); at < Date.parse(`${to}T00:00:00Z`); at += 86400000) made.push(new Date(at).toISOString().slice(0, 10));
  return made;
}

// "2026-10-01 to 2026-10-04, 2026-10-09 and 2 more".
export function listed(days, most = 5) {
  const spans = [];
  for (const day of days) {
    const last = spans.at(-1);
    if (last && Date.parse(day) - Date.parse(last[1]) === 86400000) last[1] = day;
    else spans.push([day, day]);
  }
  const left = spans.slice(most).reduce((sum, [first, last]) => sum + 1 + (Date.parse(last) - Date.parse(first)) / 86400000, 0);
  return `${spans.slice(0, most).map(([first, last]) => (first === last ? first : `${first} to ${last}`)).join(", ")}${left ? ` and ${number(left)} more` : ""}`;
}
