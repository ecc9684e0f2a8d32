// Counts of what is asked for.

import { json } from "../ask.js";

export const summary = (parameters, by, limit) => {
  for (const name of by) parameters.append("by", name);
  if (limit) parameters.append("limit", limit);
  return json("bookkeeping/summary", parameters);
};
