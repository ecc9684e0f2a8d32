// The values of each column that a table is filtered by, with how many rows have each.

import { view } from "./address.js";
import { json } from "./ask.js";
import { grouped } from "./cells.js";
import { bar, el, morph, number } from "./parts.js";
import { $ } from "./state.js";

const FEW = 6;
const MANY = 200;

// Beside the table where there is room, else behind a button.
export function facets(load) {
  const wide = matchMedia("(min-width: 1081px)");
  const box = el(
    "details",
    { class: "facets panel", id: "facets", open: wide.matches },
    el("summary", {}, "Filters"),
    el("div", { id: "facet-list" }),
  );
  const fit = () => {
    box.open = wide.matches;
  };
  // Nothing is asked for filters that nobody sees.
  box.addEventListener("toggle", () => {
    if (box.open && !$("facet-list").childElementCount) load();
  });
  wide.addEventListener("change", fit);
  return { box, away: () => wide.removeEventListener("change", fit) };
}

export function ask(path, filters, asked, all) {
  if (!$("facets")?.open) return Promise.resolve([]);
  return Promise.all(
    filters.map(async ([parameter, title, column]) => {
      const query = asked(parameter);
      query.append("by", parameter);
      query.append("limit", all.has(parameter) ? MANY : FEW);
      const { groups, groupCount } = await json(`${path}/summary`, query);
      return { parameter, title, column, groups, groupCount };
    }),
  );
}

export function drawFacets(found, all) {
  morph(
    $("facet-list"),
    found.map(({ parameter, title, column, groups, groupCount }) => {
      const chosen = view().getAll(parameter);
      const most = Math.max(1, ...groups.map((group) => group.total));
      const items = groups.map((group) => {
        const value = group[parameter];
        const inner = [
          el("span", { class: "label" }, grouped(column, value) || "(none)"),
          el("span", { class: "count" }, number(group.total)),
          bar([["part", group.total / most]]),
        ];
        // A flag that is neither is not to be filtered by.
        if (column.type === "flag" && !value) return el("li", {}, el("span", { class: "row still" }, ...inner));
        const pressed = String(chosen.includes(value));
        const button = { type: "button", class: "row", "data-filter": parameter, "data-value": value, "aria-pressed": pressed };
        return el("li", { "data-key": value }, el("button", button, ...inner));
      });
      return el(
        "section",
        { class: "facet", "data-key": parameter, "aria-label": title },
        el("h2", { title: column.help || null }, title),
        items.length ? el("ul", {}, ...items) : el("p", { class: "empty" }, "Nothing here."),
        rest(parameter, title, groups.length, groupCount, all.has(parameter)),
      );
    }),
  );
}

function rest(parameter, title, shown, count, all) {
  if (count > shown && all) return el("p", { class: "more" }, `and ${number(count - shown)} more; search for them`);
  if (count <= FEW) return null;
  const said = all ? "Show fewer" : `All ${number(count)}`;
  return el(
    "button",
    { type: "button", class: "more", "data-more": parameter, "aria-label": `${said}: ${title}`, "aria-expanded": String(all) },
    said,
  );
}
