// What this view knows, beside what all tabs share.

export { $, now, PAGE, shell, since } from "../state.js";

const FRESH = () => ({
  rows: [], total: 0, data: null, changes: null, open: new Set(), trees: new Map(), folds: new Map(), landed: "", context: null,
});

export const state = FRESH();
export const reset = (context) => Object.assign(state, FRESH(), { context });
