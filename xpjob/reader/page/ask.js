// Questions to the reader. An answer that is a problem becomes an error with the reader's words.

export async function get(path, parameters) {
  const query = parameters?.toString();
  const answer = await fetch(query ? `${path}?${query}` : path, { cache: "no-store", credentials: "same-origin" });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(problem.detail || `the reader answered ${answer.status}`), { status: answer.status, problem });
  }
  return answer;
}

export const summary = async (parameters, by, limit) => {
  for (const name of by) parameters.append("by", name);
  if (limit) parameters.append("limit", limit);
  return (await get("bookkeeping/summary", parameters)).json();
};
