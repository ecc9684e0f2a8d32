// The state of the page is its address: the tab, the cluster, and what the tab is asked for.

export const view = () => new URLSearchParams(location.search);

// What stays when a filter goes: the tab and the cluster.
export function here() {
  const to = new URLSearchParams();
  for (const name of ["tab", "cluster"]) if (view().get(name)) to.set(name, view().get(name));
  return to;
}

// Add a value to those of a parameter, or take it out.
export function toggle(to, parameter, value) {
  const kept = to.getAll(parameter).filter((each) => each !== value);
  const had = to.has(parameter, value);
  to.delete(parameter);
  for (const each of had ? kept : [...kept, value]) to.append(parameter, each);
  return had;
}

export const href = (to) => (to.toString() ? `?${to}` : location.pathname);
