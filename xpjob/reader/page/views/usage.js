// Who had how much, for how long: a month by team or another dimension, its days, and what is missing.
// The parameters of the address are those of the reader's /usage.

import { api, here, link, query, toTeam, toUsage } from "../address.js";
import { average, capital, listed, meterName, monthAfter, monthName, objectsName, said, unitName, unitWord } from "../amounts.js";
import { json } from "../ask.js";
import { share } from "../cells.js";
import { chart, daily, state } from "../days.js";
import { chip } from "../facets.js";
import { surveyed } from "../known.js";
import { listing } from "../listing.js";
import { bar, count, dim, el, number, printButton } from "../parts.js";
import { thisMonth, today } from "../state.js";

const MONTHS = 13;
const DRAWN = 500;
const BY = [["team", "Team"], ["kind", "Kind"], ["namespace", "Namespace"]];
const FILTERS = [["team", "Team"], ["namespace", "Namespace"], ["kind", "Kind"], ["group", "Group"], ["composition", "Composition"], ["nodeGroup", "Node group"], ["filter", "Filter"]];

export async function load() {
  const { cluster, clusters } = await surveyed();
  const wanted = query();
  for (const name of ["exact", "format"]) wanted.delete(name);
  if (cluster && !wanted.has("cluster")) wanted.set("cluster", cluster);
  const days = new URLSearchParams(wanted);
  days.delete("meter");
  days.set("by", "day");
  const [found, byDay] = await Promise.all([json(api("usage", wanted)), json(api("usage", days))]);
  return { ...found, byDay, wanted, several: clusters.filter((each) => each.generatedAt).length > 1 };
}

export const title = () => "Usage";

const whole = ({ from, to }) => from.endsWith("-01") && to === `${monthAfter(from.slice(0, 7))}-01`;
const period = (data) => (whole(data) ? monthName(data.from.slice(0, 7)) : `${data.from} until ${data.to}, exclusive`);
const isOpen = ({ to, footer }) => to > today() || footer.open > 0;

function chosen({ byDay: { totals } }) {
  const asked = query().get("meter");
  if (asked) return asked;
  return totals.some(({ meter }) => meter === "objects") ? "objects" : totals[0]?.meter ?? "objects";
}

// What is counted: objects by class, which are never added up, and what pods and nodes have.
function choices({ byDay: { totals, classes } }, meter) {
  const meters = [...new Set([...totals.map((each) => each.meter), ...(classes.length ? ["objects"] : []), meter])].sort();
  return meters.flatMap((name) => {
    if (name !== "objects") return [{ meter: name, value: name, words: meterName(name) }];
    const others = classes.filter(({ order }) => !order);
    return [{ meter: name, value: name, words: objectsName(classes) },
      ...others.map((each) => ({ meter: name, value: `${name} ${each.class}`, words: `Objects of class ${each.class}` }))];
  });
}

export function draw(data, _context, heading) {
  const meter = chosen(data);
  const rows = data.rows.filter((each) => each.meter === meter);
  const total = data.totals.find((each) => each.meter === meter);
  const days = daily(data.byDay, meter, today());
  const unit = total?.unit ?? "Unit-Hours";
  const { words } = current(data, meter);
  return [
    el("div", { class: "headline" }, heading, el("span", { class: "sum" }, period(data), isOpen(data) ? el("span", { class: "late idle" }, "open") : null),
      el("div", { class: "tools" }, months(data), meters(data, meter), printButton())),
    el("p", { class: "printed" }, `${words}, ${period(data)}, cluster ${data.wanted.get("cluster") || "default"}${asked().map(([, name, value]) => `, ${name} ${value || "(none)"}`).join("")}. Days are UTC.`),
    el("nav", { class: "by", "aria-label": "By" }, dim("By "), ...dimensions(data)),
    chips(),
    total ? figures(data, rows, total) : null,
    el("section", { class: "panel", "aria-label": "Days" }, el("h2", {}, "Days"), chart(days, unit, `${words}, in ${unitWord(unit)}`), table(days, unit)),
    el("section", { class: "records" }, rows.length ? listing({ key: "usage", identity: data.by.concat("reserved"), columns: [] }, rows.slice(0, DRAWN), cells(data, total), {
      short: (row) => short(data, row, total), label: `${words}, by ${data.by.join(", ")}`, total: rows.length, sums: { quantity: total.quantity, average: total.average, bridgedQuantity: total.bridgedQuantity } })
      : el("p", { class: "nothing" }, "Nothing was counted."),
      bottom(rows, data, meter)),
    missing(data, meter),
    el("p", { class: "dim" }, "Days are UTC. Everyone who can open this page sees every team: it is no access control."),
  ].filter(Boolean);
}

function months(data) {
  const current = thisMonth();
  const shown = whole(data) ? data.from.slice(0, 7) : "";
  const all = Array.from({ length: MONTHS }, (_, back) => monthAfter(current, -back));
  if (shown && !all.includes(shown)) all.push(shown);
  const made = all.map((each) => el("option", { value: each, selected: each === shown }, `${monthName(each)}${each === current ? " (open)" : ""}`));
  if (!shown) made.unshift(el("option", { value: "", selected: true }, `${data.from} – ${data.to}`));
  return el("label", { class: "pick" }, dim("Month "), el("select", { id: "month", "data-change": "month" }, ...made));
}

function meters(data, meter) {
  const all = choices(data, meter);
  const on = current(data, meter);
  return el("label", { class: "pick" }, dim("Of "), el("select", { id: "meter", "data-change": "meter" },
    ...all.map((each) => el("option", { value: each.value, selected: each.value === on.value }, each.words))));
}

function current(data, meter) {
  const all = choices(data, meter);
  return all.find((each) => each.value === `${meter} ${query().getAll("class").join()}`) ?? all.find((each) => each.value === meter);
}

function dimensions({ by, several }) {
  const all = several || by.includes("cluster") ? [...BY, ["cluster", "Cluster"]] : [...BY];
  const named = by.join(",");
  if (!all.some(([name]) => name === named)) all.push([named, by.map(capital).join(", ")]);
  return all.map(([name, words]) => {
    const to = query();
    to.set("by", name);
    if (name === "cluster") to.set("cluster", "*");
    return link(here(to), { class: "quiet", "aria-current": name === named ? "true" : null, "data-key": `by ${name}` }, words);
  });
}

const asked = () => FILTERS.flatMap(([name, words]) => query().getAll(name).map((value) => [name, words, value]));

function chips() {
  return el("div", { class: "chips" }, ...asked().map(([name, words, value]) => chip(name, value, words, value || "(none)")));
}

function figures({ footer }, rows, total) {
  const idle = rows.some(({ reserved }) => reserved === "idle");
  const figure = (name, value, more) => el("div", {}, el("dt", {}, name), el("dd", {}, value, more ? dim(` ${more}`) : null));
  return el("dl", { class: "numbers" },
    figure(idle ? "Total, with what is idle" : "Total", said(total.quantity), unitWord(total.unit)),
    figure("At a time, on average", average(total)),
    figure("Days", `${number(footer.days - footer.missing)} of ${number(footer.days)}`, footer.open ? `${number(footer.open)} open` : ""),
    figure("Coverage", share(footer.coverage)));
}

// What a row is called: its values, what has none, and what stands for many.
function nameOf({ by }, row) {
  if (row.reserved === "other") return "Other, beyond what is counted apart";
  const named = by.map((name) => (row.reserved === "idle" && row[name] === "__idle__" ? "" : row[name] || (name === "team" ? "(no team)" : "(none)"))).filter(Boolean);
  if (row.reserved === "idle") named.push("idle");
  return named.join(" · ") === "idle" && row.reserved ? "Idle: requested by nobody" : named.join(" · ");
}

function nameLink(data, row) {
  const words = nameOf(data, row);
  const [by] = data.by;
  if (row.reserved || data.by.length > 1) return el("span", { class: "name", title: words }, words);
  if (by === "team") return link(toTeam(row.team), { class: "name", title: words }, words);
  const to = query();
  if (by === "cluster") to.set("cluster", row.cluster);
  else if (["kind", "namespace"].includes(by) && !row[by].includes("*")) to.set(by, row[by]);
  else return el("span", { class: "name", title: words }, words);
  to.set("by", "team");
  return link(here(to), { class: "name", title: words }, words);
}

const part = (row, total) => (total.quantity ? row.quantity / total.quantity : 0);

function cells(data, total) {
  const value = (name, title, priority, draw, help = "") => ({ name, title, help, right: true, priority, draw, column: { name, type: "number" } });
  return [
    { name: "name", title: data.by.map((name) => (name === "nodeGroup" ? "Node group" : capital(name))).join(", "), primary: true, priority: 1, draw: (row) => nameLink(data, row) },
    value("quantity", unitName(total?.unit ?? "Unit-Hours"), 1, (row) => said(row.quantity)),
    { ...value("share", "Share", 1, (row) => el("span", { class: "ratio" }, bar(part(row, total)), el("span", {}, share(part(row, total))))), right: false },
    value("average", total?.averageUnit === "Units" ? "On average" : `${total?.averageUnit ?? ""} on average`, 2, (row) => said(row.average), "How much there was at a time, of the time in which it was counted"),
    value("bridgedQuantity", "Over gaps", 3, (row) => (row.bridgedQuantity ? said(row.bridgedQuantity) : dim("0"))),
  ];
}

function short(data, row, total) {
  return [
    el("div", { class: "upper" }, nameLink(data, row), el("span", { class: "when" }, `${said(row.quantity)} ${unitWord(row.unit)}`)),
    el("div", { class: "lower" }, el("span", { class: "line" }, `${share(part(row, total))}, on average ${average(row)}`)),
  ];
}

function table(days, unit) {
  const known = days.filter(({ future }) => !future);
  const column = (name, title, draw, right = true) => ({ name, title, right, priority: 1, draw, primary: name === "day" });
  const made = [column("day", "Day", ({ day }) => day, false),
    column("quantity", unitName(unit), ({ quantity, gone }) => (gone ? dim("–") : said(quantity))),
    column("bridged", "Over gaps", ({ bridged, gone }) => (gone ? dim("–") : said(bridged))),
    { ...column("state", "", (each) => state(each) || dim("whole"), false), title: "How it is known" }];
  const lines = (each) => [el("div", { class: "upper" }, el("span", { class: "line" }, each.day), el("span", { class: "when" }, each.gone ? "–" : `${said(each.quantity)} ${unitWord(unit)}`)),
    el("div", { class: "lower" }, el("span", { class: "line" }, state(each) || "whole"))];
  return el("details", { class: "daily", "data-own": "", "data-key": "daily" }, el("summary", {}, "Days as a table"),
    listing({ key: "days", identity: ["day"], columns: [] }, known, made, { short: lines, label: "Each day" }));
}

function bottom(rows, { wanted, by }, meter) {
  const to = new URLSearchParams(wanted);
  if (!to.has("meter")) to.set("meter", meter);
  if (!to.has("by")) to.set("by", by.join(","));
  const as = (name, id, form) => {
    const of = new URLSearchParams(to);
    if (form) of.set("format", form);
    return el("a", { id, href: api("usage", of) }, name);
  };
  return el("div", { class: "foot" },
    rows.length > DRAWN ? el("p", {}, `The first ${number(DRAWN)} of ${number(rows.length)}; the CSV has all.`) : null,
    el("p", { class: "links" }, "Exactly this, as ", as("CSV", "as-csv", "csv")));
}

// What is not in the numbers, and how sure the rest is.
function missing({ footer, wanted }, meter) {
  const notes = footer.meters.find((each) => each.meter === meter);
  const several = footer.clusters.length > 1;
  const made = footer.clusters.flatMap(({ cluster, missing: gone, open, present }) => {
    const name = several ? `${cluster}: ` : "";
    return [
      el("li", {}, `${name}${count(present, "day is", "days are")} closed and will not change`, open.length ? `; ${count(open.length, "is", "are")} open and may still grow: ${listed(open)}` : "", "."),
      gone.length ? el("li", {}, `${name}${count(gone.length, "day is", "days are")} missing, which is not known and not zero: ${listed(gone)}.`) : null,
    ];
  });
  if (footer.clusters.length) made.push(el("li", {}, `Coverage ${share(footer.coverage)}: in this part of the time the lists were counted; of the rest nothing is known.`));
  if (notes?.bridged) made.push(el("li", {}, `${share(notes.bridged)} was counted over gaps between runs: what existed is exact, what came and went in them is missing.`));
  if (notes?.corrected) made.push(el("li", {}, `${share(notes.corrected)} are corrections, counted after their day was closed; they are included.`));
  if (notes?.unallocated) {
    const to = new URLSearchParams(wanted);
    to.set("by", "namespace");
    to.set("team", "");
    made.push(el("li", {}, link(toUsage(to), {}, `${share(notes.unallocated)} has no team`), "."));
  }
  if (footer.unreadable.length) made.push(el("li", {}, `${count(footer.unreadable.length, "file")} cannot be read: ${footer.unreadable.slice(0, 3).join(", ")}.`));
  made.push(el("li", {}, "The numbers are a lower bound: of what has gone, the time since the last run that saw it is missing. Requests are not use, and nothing here is a cost."));
  return el("section", { class: "panel", "aria-label": "What is missing" }, el("h2", {}, "What is missing"), el("ul", { class: "plain notes" }, ...made.filter(Boolean)));
}

export function press({ change, value, filter }, context) {
  if (change === "month" && value) context.go((to) => { to.delete("from"); to.delete("to"); to.set("month", value); });
  else if (change === "meter") {
    const [meter, class_] = value.split(/ (.*)/s);
    context.go((to) => { to.set("meter", meter); to.delete("class"); if (class_) to.set("class", class_); });
  } else if (filter) context.go((to) => to.delete(filter, value));
}
