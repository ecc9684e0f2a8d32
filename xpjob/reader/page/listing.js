// Rows: a table where there is room, and a list of two lines a record on a phone.

import { cell, lateWord, stateOf, text } from "./cells.js";
import { columnOf, idOf, nameLink, nameOf, reason, turned } from "./columns.js";
import { el, hidden, none, number } from "./parts.js";
import { shell, since } from "./state.js";

const NARROW = matchMedia("(max-width: 699px)");

const isNarrow = () => NARROW.matches;
export const onNarrow = (redraw) => NARROW.addEventListener("change", redraw);

const keyOf = (table, row, index) => idOf(table, row) ?? String(index);

// `sorting` is empty where nothing sorts; `details` gives what is below an open row.
// `short` draws the two lines of a row on a phone.
export function listing(table, rows, cells, { sorting = null, details = null, short = null, sums = {}, total = 0, label = table.title } = {}) {
  if (isNarrow()) return el("ul", { class: "listed", "aria-label": label }, ...rows.map((row, index) => item(table, row, index, details, short)));
  const head = cells.map((each) => header(each, sorting));
  const body = rows.flatMap((row, index) => line(table, row, index, cells, details));
  const foot = cells.some(({ name }) => sums[name] !== undefined) ? [el("tfoot", {}, footer(cells, sums, total))] : [];
  return el("div", { class: "scroll", "data-scroll": "", tabindex: "0", role: "region", "aria-label": label },
    el("table", {}, el("caption", { class: "hidden" }, label), el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body), ...foot));
}

const classes = ({ right, priority, rest, primary }) =>
  [right && "num", `p${priority}`, rest && "rest", primary && "primary"].filter(Boolean).join(" ");

function header(each, sorting) {
  const attributes = { scope: "col", class: classes(each), title: each.help || null, "data-covers": each.covers ?? each.name };
  if (sorting === null) return el("th", attributes, each.title);
  const [first] = sorting.split(",");
  const sorted = first.replace(/^-/, "") === each.name;
  const down = first.startsWith("-");
  const arrow = el("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (down ? "↓" : "↑") : "");
  return el("th", { ...attributes, "aria-sort": sorted ? (down ? "descending" : "ascending") : null },
    el("button", { type: "button", "data-sort": turned(sorting, each) }, each.title, arrow));
}

function line(table, row, index, cells, details) {
  const key = keyOf(table, row, index);
  const open = Boolean(details) && shell.open.has(key);
  const drawn = cells.map((each) => el("td", { class: classes(each) }, each.primary
    ? el("div", { class: "named" }, details ? fold(table, row, key, open) : null, each.draw(row)) : each.draw(row)));
  const made = el("tr", { "data-key": key, "data-row": "" }, ...drawn);
  if (!open) return [made];
  return [made, el("tr", { class: "detail", "data-key": `open ${key}` }, el("td", { colspan: cells.length }, el("div", { class: "opened" }, ...details(row, key))))];
}

function fold(table, row, key, open) {
  return el("button", { type: "button", class: "fold", "data-open": key, "aria-expanded": String(open), "aria-label": `${open ? "Close" : "Open"} ${nameOf(table, row)} here` },
    open ? "▾" : "▸");
}

function footer(cells, sums, total) {
  return el("tr", {}, ...cells.map((each) => {
    if (each.primary) return el("th", { scope: "row", class: classes(each) }, `All ${number(total)}`);
    const value = sums[each.name];
    return el("td", { class: classes(each) }, value === undefined ? "" : text(each.column, value));
  }));
}

// Two lines: name and age; state and why.
function item(table, row, index, details, short) {
  const key = keyOf(table, row, index);
  if (short) return el("li", { "data-key": key, "data-row": "" }, ...short(row));
  const open = Boolean(details) && shell.open.has(key);
  const state = stateOf(table);
  const time = columnOf(table, table.since) ?? table.columns.find(({ type }) => type === "time");
  return el("li", { "data-key": key, "data-row": "" },
    el("div", { class: "upper" }, details ? fold(table, row, key, open) : null, nameLink(table, row), time ? el("span", { class: "when" }, since(row[time.name])) : null),
    el("div", { class: "lower" }, state ? cell(state, row, table) : null, lateWord(table, row), table.why?.length ? reason(table, row) : facts(table, row)),
    open ? el("div", { class: "opened" }, ...details(row, key)) : null);
}

// Where nothing explains a row: the first of its other columns.
function facts(table, row) {
  const others = table.columns.filter(({ name, type, priority }) =>
    table.shown.includes(name) && priority && type !== "time" && !table.name.includes(name) && stateOf(table)?.name !== name);
  const said = others.map((column) => [column.title || column.name, text(column, row[column.name])]).filter(([, value]) => value).slice(0, 3);
  return said.length ? el("span", { class: "line" }, said.map(([title, value]) => `${title} ${value}`).join(" · ")) : none();
}

// Where a table is wider than its place, it leaves out what matters least, the last first, and at
// last scrolls within it; else its head sticks to the window.
export function fit() {
  for (const box of document.querySelectorAll("[data-scroll]")) {
    for (const cell of box.querySelectorAll(".out")) cell.classList.remove("out");
    box.classList.remove("over");
    for (const foot of box.querySelectorAll("tfoot")) foot.hidden = false;
    const heads = [...box.querySelectorAll("thead th")];
    let excess = box.firstChild.offsetWidth - box.clientWidth;
    for (const step of ["p3", "p2"]) {
      for (const head of heads.filter((each) => each.classList.contains(step) && !each.classList.contains("rest")).reverse()) {
        if (excess <= 1) break;
        excess -= head.offsetWidth;
        leaveOut(box, heads.indexOf(head));
      }
    }
    if (excess > 1) box.classList.add("over");
    const foot = box.querySelector("tfoot");
    if (foot) foot.hidden = ![...foot.querySelectorAll("td")].some((cell) => cell.textContent && cell.offsetWidth);
  }
  tick();
}

// The boxes of the columns say what is shown.
function tick() {
  const heads = [...document.querySelectorAll("[data-scroll] th[data-covers]")].filter((each) => each.offsetWidth);
  const shown = new Set(heads.flatMap((each) => each.dataset.covers.split(",")));
  for (const box of document.querySelectorAll("input[data-columns]")) box.checked = shown.has(box.dataset.columns);
}

function leaveOut(box, place) {
  for (const { cells } of box.querySelectorAll("tr:not(.detail)")) cells[place]?.classList.add("out");
}
