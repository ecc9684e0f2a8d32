// Questions to the reader. An answer that is a problem becomes an error with the reader's words.
// Every error has a status: 0 where there was no answer at all.

import { shell } from "./state.js";

const OPTIONS = { cache: "no-store", credentials: "same-origin" };

async function get(url, headers = {}) {
  const answer = await fetch(url, { ...OPTIONS, headers: { Accept: "application/json", ...headers } }).catch(silent);
  const date = Date.parse(answer.headers.get("Date"));
  if (!Number.isNaN(date)) shell.offset = date - Date.now();
  if (answer.ok || answer.status === 304) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail || `the reader answered ${answer.status}`), { status: answer.status, problem });
}

export const json = async (url) => (await get(url)).json().catch(silent);

function silent() {
  throw Object.assign(new Error("no answer"), { status: 0 });
}

let tag = "";

// The version, or null where it is what it was: a quiet minute costs nothing but headers.
export async function version() {
  const answer = await get("version", tag ? { "If-None-Match": tag } : {});
  if (answer.status === 304) return null;
  tag = answer.headers.get("ETag") ?? "";
  return answer.json().catch(silent);
}
