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

// A horizontal bar: what is ready, then what is not. Widths are in percent of the picture.
export function readinessBar(total, notReady, most) {
  const width = most ? (100 * total) / most : 0;
  const bad = total && notReady ? Math.max((width * notReady) / total, 1.5) : 0;
  const good = Math.max(width - bad, 0);
  return svg(
    "svg",
    { class: "barline", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "track", width: 100, height: 6, rx: 1 }),
    svg("rect", { class: "good", width: good, height: 6, rx: 1 }),
    svg("rect", { class: "bad", x: good, width: bad, height: 6, rx: 1 }),
  );
}

// A ring: how much of all is ready.
export function ring(part, whole) {
  const radius = 20;
  const around = 2 * Math.PI * radius;
  const share = whole ? part / whole : 0;
  return svg(
    "svg",
    { class: "ring", viewBox: "0 0 48 48", "aria-hidden": "true" },
    svg("circle", { class: whole && part < whole ? "bad" : "track", cx: 24, cy: 24, r: radius }),
    svg("circle", {
      class: "good", cx: 24, cy: 24, r: radius, transform: "rotate(-90 24 24)",
      "stroke-dasharray": `${around * share} ${around}`,
    }),
  );
}

// Replace the children of a node only where they differ, so that focus and scroll stay put.
export function morph(node, children) {
  const fresh = el("div");
  fresh.append(...children);
  reconcile(node, fresh);
}

function reconcile(old, fresh) {
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((wanted, index) => {
    const found = before[index];
    if (!found) old.append(wanted);
    else if (found.nodeType !== wanted.nodeType || found.nodeName !== wanted.nodeName) found.replaceWith(wanted);
    else if (found.nodeType === Node.TEXT_NODE) {
      if (found.data !== wanted.data) found.data = wanted.data;
    } else {
      for (const { name } of [...found.attributes]) if (!wanted.hasAttribute(name)) found.removeAttribute(name);
      for (const { name, value } of [...wanted.attributes]) if (found.getAttribute(name) !== value) found.setAttribute(name, value);
      reconcile(found, wanted);
    }
  });
  before.slice(after.length).forEach((extra) => extra.remove());
}

export const sub = (text) => (text ? el("span", { class: "sub" }, text) : null);
export const hidden = (text) => el("span", { class: "hidden" }, text);
export const none = () => el("span", { class: "none" }, "–");
// A long name may break after its dots.
export const dotted = (text) => text.split(/(?<=\.)/).flatMap((part, index) => (index ? [el("wbr"), part] : [part]));
