// Questions to the reader. An answer that is a problem becomes an error with the reader's words.
// Every error has a status: 0 where there was no answer at all.

export const NO_ANSWER = "no answer";

export async function get(path, parameters) {
  const query = parameters?.toString();
  const options = { cache: "no-store", credentials: "same-origin" };
  const answer = await fetch(query ? `${path}?${query}` : path, options).catch(silent);
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    const message = problem.detail || `the reader answered ${answer.status}`;
    throw Object.assign(new Error(message), { status: answer.status, problem });
  }
  return answer;
}

export async function json(path, parameters) {
  return (await get(path, parameters)).json().catch(silent);
}

export function silent() {
  throw Object.assign(new Error(NO_ANSWER), { status: 0 });
}
