// What the page knows, and the time as the reader has it.

import { el, none, short } from "./parts.js";

export const PAGE = 50;
export const state = {
  tokens: [""], next: "", rows: [], total: 0, generatedAt: "", cluster: null, found: null,
  offset: 0, newer: false, lost: "", refused: null, data: null, changes: null,
  open: new Set(), trees: new Map(), folds: new Map(), landed: "",
};

export const $ = (id) => document.getElementById(id);
export const now = () => Date.now() + state.offset;
export const since = (time) => (time ? el("time", { datetime: time, title: time }, short((now() - Date.parse(time)) / 1000)) : none());
