// A bar for each day: what was counted over gaps lighter, days that are not known hatched.

import { daysOf, said, unitWord } from "./amounts.js";
import { count, el, svg } from "./parts.js";

const HEIGHT = 100;
const WIDE = 10;
const GAP = 2;

// Each day of the period with what was counted, and how it is known.
export function daily({ from, to, rows, footer }, meter, today) {
  const held = new Map();
  for (const row of rows) {
    if (row.meter !== meter || row.reserved === "idle") continue;
    const day = held.get(row.day) ?? { quantity: 0, bridged: 0 };
    held.set(row.day, { quantity: day.quantity + row.quantity, bridged: day.bridged + row.bridgedQuantity });
  }
  const marked = (name) => {
    const days = new Map();
    for (const each of footer.clusters) for (const day of each[name]) days.set(day, (days.get(day) ?? 0) + 1);
    return days;
  };
  const [missing, open] = [marked("missing"), marked("open")];
  return daysOf(from, to).map((day) => ({
    day,
    ...(held.get(day) ?? { quantity: 0, bridged: 0 }),
    future: day > today,
    missing: missing.get(day) ?? 0,
    gone: day <= today && (missing.get(day) ?? 0) >= Math.max(1, footer.clusters.length),
    open: open.has(day),
  }));
}

export function state({ future, gone, missing, open, bridged, quantity }) {
  if (future) return "to come";
  if (gone) return "missing";
  const made = [];
  if (missing) made.push(`missing in ${count(missing, "cluster")}`);
  if (open) made.push("open");
  if (bridged > 0) made.push(bridged >= quantity ? "over a gap" : "in part over a gap");
  return made.join(", ");
}

export function chart(days, unit, label) {
  const most = Math.max(...days.map(({ quantity }) => quantity), 0);
  const word = unitWord(unit);
  const shapes = days.map((each, place) => group(each, place * WIDE, most, word));
  const width = days.length * WIDE;
  const top = days.find(({ quantity }) => quantity === most);
  return el("figure", { class: "days" },
    svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${label}, by day; as a table below` },
      ...shapes, svg("line", { class: "base", x1: 0, x2: width, y1: HEIGHT, y2: HEIGHT })),
    el("div", { class: "axis", "aria-hidden": "true" }, el("span", {}, days[0]?.day ?? ""), el("span", {}, days.at(-1)?.day ?? "")),
    el("figcaption", {}, most > 0 ? `Most: ${said(most)} ${word} on ${top.day}.` : "Nothing was counted.", ...legend(days)));
}

function legend(days) {
  const made = [];
  const add = (kind, text) => made.push(el("span", { class: "key" }, el("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), text));
  if (days.some(({ bridged }) => bridged > 0)) add("bridged", "over a gap between runs");
  if (days.some(({ open }) => open)) add("open", "open: it still grows");
  if (days.some(({ missing }) => missing)) add("missing", "missing: not known, and not zero");
  return made;
}

function group(each, x, most, word) {
  const kinds = [each.gone ? "missing" : each.missing ? "partly" : "", each.open && "open", each.future && "future"].filter(Boolean).join(" ");
  const how = state(each);
  const shown = each.gone || each.future ? [] : [`${said(each.quantity)} ${word}`];
  const made = svg("g", { class: `day ${kinds}`, "data-day": each.day }, svg("title", {}, [`${each.day}:`, [...shown, how].filter(Boolean).join(", ")].join(" ")),
    svg("rect", { class: "place", x, y: 0, width: WIDE, height: HEIGHT }));
  if (each.missing) made.append(hatch(x));
  const size = (value) => (most > 0 ? (HEIGHT - 4) * Math.max(0, value) / most : 0);
  const [whole, over] = [size(each.quantity), size(Math.min(each.bridged, each.quantity))];
  if (whole) made.append(svg("rect", { class: "sure", x: x + GAP / 2, y: HEIGHT - whole + over, width: WIDE - GAP, height: whole - over }));
  if (over) made.append(svg("rect", { class: "bridged", x: x + GAP / 2, y: HEIGHT - whole, width: WIDE - GAP, height: over }));
  return made;
}

// Lines from side to side: a pattern would need an address, which <base> turns elsewhere.
function hatch(x) {
  const [left, right] = [x + GAP / 2, x + WIDE - GAP / 2];
  const lines = [];
  for (let y = 12; y <= HEIGHT; y += 8) lines.push(`M${left} ${y}L${right} ${y - 10}`);
  return svg("path", { class: "hatch", d: lines.join("") });
}
