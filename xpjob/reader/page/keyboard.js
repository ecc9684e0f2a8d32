// The keyboard: single keys, which this device can switch off (WCAG 2.1.4), and what the page presses.

import { here, query, route, toHome, toSearch, toTable, toTeams, toUsage } from "./address.js";
import { say } from "./live.js";
import { morph } from "./morph.js";
import { el } from "./parts.js";
import { $, keep, kept, PRINTED, shell, thisMonth } from "./state.js";

const KEYS = [
  ["/", "Search"], ["?", "This help"], ["j, k", "Next row, row before"], ["Enter", "Open the row"], ["o", "Open the row in a new tab"],
  ["Esc", "Back to the table; leave a field"], ["[, ]", "Page before, next page"], ["f", "Filters"], ["w", "All columns, or those that fit"],
  ["g h", "Home"], ["g t", "Teams"], ["g u", "Usage"], ["g s", "Search"],
];
const FIELD = /^(INPUT|SELECT|TEXTAREA)$/;

let going = 0;

const toThisMonth = () => toUsage({ month: thisMonth() });
const on = () => kept("keys") !== "off";

export function wireKeys(context) {
  document.addEventListener("click", (event) => click(event, context));
  document.addEventListener("keydown", (event) => press(event, context));
  document.addEventListener("change", ({ target }) => {
    if (target.id === "keys-on") keep("keys", target.checked ? null : "off");
    else if (target.dataset.change) shell.view?.press?.({ ...target.dataset, value: target.value, checked: target.checked }, context);
  });
  document.addEventListener("input", ({ target }) => {
    if (target.dataset.input) shell.view?.press?.({ ...target.dataset, value: target.value }, context);
  });
}

function click(event, context) {
  const away = event.target.closest("a[data-page]");
  const button = event.target.closest("button");
  if (away && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.button) {
    event.preventDefault();
    context.open(away.getAttribute("href"));
  } else if (button && !button.disabled) pressed(button, context);
}

function pressed(button, context) {
  const { dataset } = button;
  if (button.id === "keys") help();
  else if (dataset.close) $("help").close();
  else if (dataset.clear) clear(context);
  else if (dataset.reload) showNewer(context);
  else if (dataset.copy !== undefined) copy(button);
  else if (dataset.print) printed(context);
  else shell.view?.press?.(dataset, context);
}

// Take away what narrows down; the cluster and what is shown stay.
function clear(context) {
  const to = new URLSearchParams();
  const refused = shell.error?.problem?.parameter;
  for (const name of ["cluster", "cols", "by", "sort"]) if (name !== refused && query().get(name)) to.set(name, query().get(name));
  context.open(here(to));
}

async function showNewer(context) {
  shell.tokens = [""];
  await context.reload();
  $("title")?.focus({ preventScroll: true });
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "copied";
    say("Copied.");
  } catch {
    button.textContent = "not allowed";
  }
  setTimeout(() => { button.textContent = "copy"; }, 2000);
}

// All rows, up to some hundred, and then the browser's own dialog.
async function printed(context) {
  const { tokens, limit } = shell;
  Object.assign(shell, { tokens: [""], limit: PRINTED });
  await context.reload();
  window.print();
  Object.assign(shell, { tokens, limit });
  await context.reload();
}

function help() {
  morph($("help"), [
    el("h2", { id: "help-title" }, "Keyboard"),
    el("dl", { class: "keys" }, ...KEYS.flatMap(([key, what]) => [el("dt", {}, ...key.split(/[ ,]+/).flatMap((each) => [el("kbd", {}, each), " "])), el("dd", {}, what)])),
    el("p", {}, el("label", { class: "check" }, el("input", { type: "checkbox", id: "keys-on" }), "Single-key shortcuts on this device")),
    el("p", {}, el("button", { type: "button", class: "action", "data-close": "yes" }, "Close")),
  ]);
  $("keys-on").checked = on();
  $("help").showModal();
}

function press(event, context) {
  const { key, target } = event;
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || $("help").open) return;
  if (key === "Escape") { back(target, context); return; }
  if (!on() || FIELD.test(target.nodeName) || target.isContentEditable) return;
  const went = performance.now() - going < 1500 && { h: toHome, t: toTeams, u: toThisMonth, s: toSearch }[key];
  going = key === "g" ? performance.now() : 0;
  const does = went ? () => context.open(went()) : ACTIONS[key];
  if (!does) return;
  event.preventDefault();
  does(context);
}

const rows = () => [...document.querySelectorAll("[data-row] .name")];

function step(by) {
  const all = rows();
  const at = all.findIndex((each) => each.closest("[data-row]").contains(document.activeElement));
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

const ACTIONS = {
  "/": () => { $("search").focus(); $("search").select(); },
  "?": () => help(),
  j: () => step(1),
  k: () => step(-1),
  o: () => { if (document.activeElement?.closest("#view") && document.activeElement.href) window.open(document.activeElement.href, "_blank", "noopener"); },
  "[": () => $("previous")?.click(),
  "]": () => $("next")?.click(),
  f: () => { if ($("facets")) { $("facets").open = true; $("facets").querySelector("summary, input, button")?.focus(); } },
  w: () => $("wide")?.click(),
  g: () => {},
};

let returning = false;

// To the table that was left, with its filters. The browser goes back some time after it is told to.
function back(target, context) {
  if (FIELD.test(target.nodeName)) target.blur();
  else if (route().view !== "record" || returning) return;
  else if (history.state?.from === route().table) {
    returning = true;
    window.addEventListener("popstate", () => { returning = false; }, { once: true });
    history.back();
  } else context.open(toTable(route().table));
}
