// What all views share: the clusters, the tables, and the time as the reader has it.

import { el, none, short } from "./parts.js";

export const PAGE = 50;
export const PRINTED = 500;

// `overview` is the reader's, of the snapshot that is shown; `tables` are the descriptions by key;
// `data` is what the view has loaded, and `generatedAt` the snapshot that it is of.
export const shell = {
  route: null, view: null, data: null, error: null, overview: null, tables: new Map(), reserved: [], version: null, clusters: [],
  offset: 0, generatedAt: "", newer: false, lost: "", facetText: new Map(), tokens: [""], limit: PAGE, open: new Map(),
};

// Go to the next page, or back, and return whether that is another one: what was pressed twice before
// the answer came is one step.
export function step(pages, next) {
  if (pages === "next" && shell.tokens.at(-1) === next) return false;
  if (pages === "next") shell.tokens.push(next);
  else shell.tokens.pop();
  return true;
}

export const $ = (id) => document.getElementById(id);
export const now = () => Date.now() + shell.offset;

// Usage has days and months of UTC.
export const today = () => new Date(now()).toISOString().slice(0, 10);
export const thisMonth = () => today().slice(0, 7);

// The tables that there are, of all collectors, with how fresh they are.
export const surveyedTables = () => shell.overview?.collectors.flatMap(({ tables }) => tables) ?? [];

// Seconds since a time; NaN for what is none.
export const age = (time) => (now() - Date.parse(time)) / 1000;

// A time as its age, or as how far ahead it is.
export function since(time) {
  const seconds = age(time);
  if (!time || Number.isNaN(seconds)) return none();
  return el("time", { datetime: time, title: time }, seconds < -1 ? `in ${short(-seconds)}` : short(seconds));
}

// What is kept on this device; a browser may forbid it.
export function kept(name) {
  try { return localStorage.getItem(`xpjob.${name}`); } catch { return null; }
}

export function keep(name, value) {
  try {
    if (value === null) localStorage.removeItem(`xpjob.${name}`);
    else localStorage.setItem(`xpjob.${name}`, value);
  } catch { /* It lasts as long as the page, then. */ }
}
