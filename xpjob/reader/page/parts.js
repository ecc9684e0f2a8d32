// Words, elements and small pictures. Everything that tenants wrote goes in as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

const UNITS = [["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

// "3 days", "1 minute": for sentences.
export function inWords(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 1) return "a moment";
  const [unit, size] = UNITS.find(([, each]) => whole >= each);
  const count = Math.floor(whole / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

// "3d 4h", "12m": for columns.
export function short(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86400);
  const hours = Math.floor((whole % 86400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (days >= 10) return `${days}d`;
  if (days) return hours ? `${days}d ${hours}h` : `${days}d`;
  if (hours) return minutes ? `${hours}h ${minutes}m` : `${hours}h`;
  if (minutes) return `${minutes}m`;
  return `${whole}s`;
}

export function number(value) {
  return Number(value).toLocaleString("en-US");
}

// Never rounded up to 100 % while something is missing.
export function percent(part, whole) {
  if (!whole) return "–";
  const value = (100 * part) / whole;
  if (part < whole && value > 99.9) return "99.9\u00a0%";
  return `${value >= 99.95 || value === 0 ? Math.round(value) : value.toFixed(1)}\u00a0%`;
}

// A horizontal bar: shares of its width, from 0 to 1, each with the class of its colour.
export function bar(shares, name = "barline") {
  let x = 0;
  const parts = shares.map(([kind, share]) => {
    const width = 100 * Math.max(0, Math.min(share, 1 - x / 100));
    const part = svg("rect", { class: kind, x, width, height: 6, rx: 1 });
    x += width;
    return part;
  });
  const track = svg("rect", { class: "track", width: 100, height: 6, rx: 1 });
  return svg("svg", { class: name, viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, track, ...parts);
}

// Replace the children of a node only where they differ, so that focus and scroll stay put.
// Children with a data-key are told apart by it: what has focus is still the same record.
export function morph(node, children) {
  const focused = document.activeElement;
  const fresh = el("div");
  fresh.append(...children);
  reconcile(node, fresh);
  // An element that moves loses the focus.
  if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
}

function reconcile(old, fresh) {
  const wanted = [...fresh.childNodes];
  const kept = new Set(wanted.map(keyOf));
  const known = new Map();
  for (const child of [...old.children]) {
    if (keyOf(child) === undefined) continue;
    if (kept.has(keyOf(child))) known.set(keyOf(child), child);
    else child.remove();
  }
  let place = old.firstChild;
  for (const child of wanted) {
    const found = known.get(keyOf(child)) ?? (keyOf(child) === undefined && place && keyOf(place) === undefined ? place : null);
    known.delete(keyOf(child));
    if (!found) old.insertBefore(child, place);
    else {
      if (found === place) place = place.nextSibling;
      else old.insertBefore(found, place);
      update(found, child);
    }
  }
  while (place) {
    const extra = place;
    place = place.nextSibling;
    extra.remove();
  }
}

const keyOf = (node) => node.dataset?.key;

function update(found, wanted) {
  if (found.nodeType !== wanted.nodeType || found.nodeName !== wanted.nodeName) found.replaceWith(wanted);
  else if (found.nodeType === Node.TEXT_NODE) {
    if (found.data !== wanted.data) found.data = wanted.data;
  } else {
    for (const { name } of [...found.attributes]) if (!wanted.hasAttribute(name)) found.removeAttribute(name);
    for (const { name, value } of [...wanted.attributes]) if (found.getAttribute(name) !== value) found.setAttribute(name, value);
    reconcile(found, wanted);
  }
}

export const sub = (text) => (text ? el("span", { class: "sub" }, text) : null);
export const hidden = (text) => el("span", { class: "hidden" }, text);
export const none = () => el("span", { class: "none" }, "–");
// A long name may break after its dots.
export const dotted = (text) => text.split(/(?<=\.)/).flatMap((part, index) => (index ? [el("wbr"), part] : [part]));
