// Words, elements and small pictures. Everything that tenants wrote goes in as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
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

// "3d 4h", "12m": for columns; never rounded up.
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

export const number = (value) => Number(value).toLocaleString("en-US");
// "3 of 12" where filters leave rows out.
export const counted = ({ total, of }) => (of !== undefined && of !== total ? `${number(total)} of ${number(of)}` : number(total));
export const count = (many, one, several = `${one}s`) => `${number(many)} ${many === 1 ? one : several}`;

// A horizontal bar of one share of its width. What is more than the whole overshoots: a mark at
// the end of the track, and the part beyond it in another colour.
export function bar(share) {
  const over = share > 1;
  const end = over ? 84 : 100;
  const part = Math.max(0, Math.min(share, 1)) * end;
  const shapes = [svg("rect", { class: "track", width: end, height: 6 }), svg("rect", { class: "part", width: part, height: 6 })];
  if (over) {
    shapes.push(svg("rect", { class: "over", x: end, width: Math.min(1, share - 1) * (100 - end) || 1, height: 6 }));
    shapes.push(svg("rect", { class: "whole", x: end - 1, width: 1.5, height: 6 }));
  }
  return svg("svg", { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, ...shapes);
}

// A code as words, as the reader has them: "ParentNotReady" is "Parent not ready".
export function inTitle(code) {
  const words = code.split(/(?<=[a-z0-9])(?=[A-Z])/).map((word) => (/^[A-Z]{2,}/.test(word) ? word : word.toLowerCase())).join(" ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

export const printButton = () => el("button", { type: "button", class: "quiet", "data-print": "yes" }, "Print");
export const hidden = (text) => el("span", { class: "hidden" }, text);
export const none = () => el("span", { class: "none" }, "–");
export const dim = (...text) => el("span", { class: "dim" }, ...text);
// A long name may break after its dots and slashes.
export const dotted = (text) => text.split(/(?<=[./])/).flatMap((part, index) => (index ? [el("wbr"), part] : [part]));
