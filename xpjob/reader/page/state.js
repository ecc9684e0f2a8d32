// What all tabs share: the clusters, the pages of a listing, and the time as the reader has it.

import { el, none, short } from "./parts.js";

export const PAGE = 50;
export const shell = {
  found: null, cluster: null, offset: 0, generatedAt: "", shown: false, tokens: [""], next: "",
  newer: false, lost: "", refused: null, gone: "", empty: false,
};

export const $ = (id) => document.getElementById(id);
export const now = () => Date.now() + shell.offset;

// A time as its age, or as how far ahead it is.
export function since(time) {
  const seconds = (now() - Date.parse(time)) / 1000;
  if (!time || Number.isNaN(seconds)) return none();
  return el("time", { datetime: time, title: time }, seconds < -1 ? `in ${short(-seconds)}` : short(seconds));
}
