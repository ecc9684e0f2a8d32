// The tab of a table: all of it comes from the table's description.

import { toggle, view } from "./address.js";
import { json } from "./ask.js";
import { alignment, cell, grouped, isNumber, text, whole } from "./cells.js";
import { ask, drawFacets, facets } from "./facets.js";
import { details, drawFoot, drawHead, follow, frame, narrowed, paged, row } from "./frame.js";
import { notice } from "./notices.js";
import { dotted, el, inWords, morph } from "./parts.js";
import { $, now, shell } from "./state.js";

let leave = () => {};

export function mount(panel, context) {
  const { table, reserved } = context.tab;
  const made = new Tab(context, table, reserved);
  const side = made.filters.length ? facets(() => context.load()) : null;
  const search = table.search.length ? `Search ${table.search.map((name) => made.titled(name).toLowerCase()).join(", ")}` : "";
  const listing = frame({ title: context.tab.title, search }, context.go);
  const parts = side ? [side.box, listing] : [listing];
  panel.append(el("div", { id: "carried" }), el("div", { class: side ? "typed split" : "typed" }, ...parts));
  leave = () => side?.away();
  return made;
}

export function unmount() {
  leave();
}

class Tab {
  constructor(context, table, reserved) {
    Object.assign(this, { context, table, rows: [], total: 0, found: [], open: new Set(), all: new Set(), loaded: false });
    this.path = `tables/${encodeURIComponent(table.key)}`;
    this.byName = new Map(table.columns.map((column) => [column.name, column]));
    const shown = table.shown.length ? table.shown : table.columns.map((column) => column.name);
    this.columns = shown.filter((name) => this.byName.has(name)).map((name) => {
      const column = this.byName.get(name);
      return { ...column, title: this.titled(name), help: column.help || null, sort: name, class: alignment(column) };
    });
    // A column that is called as another parameter is filtered by under a longer name.
    this.filters = table.filters.filter((name) => this.byName.has(name)).map((name) => {
      const parameter = reserved.includes(name) ? `column.${name}` : name;
      return [parameter, this.titled(name), this.byName.get(name)];
    });
    // What tells rows apart alone has as many values as rows.
    this.faceted = this.filters.filter(([, , column]) => table.identity.length !== 1 || table.identity[0] !== column.name);
  }

  titled(name) {
    return this.byName.get(name)?.title || name;
  }

  get order() {
    const { sort } = this.table;
    return this.byName.has(sort.replace(/^-/, "")) ? sort : "";
  }

  get sorting() {
    return view().get("sort") ?? this.order;
  }

  // What the API is asked, from the address: the same names.
  asked(without = "") {
    const to = new URLSearchParams();
    for (const name of [...this.filters.map(([parameter]) => parameter), "cluster", ...(this.table.search.length ? ["q"] : [])]) {
      if (name !== without) for (const value of view().getAll(name)) to.append(name, value);
    }
    return to;
  }

  follow() {
    const filters = this.filters.map(([parameter, title, column]) => [parameter, title, (value) => grouped(column, value)]);
    const { columns, sorting, path } = this;
    follow({ columns, filters, sorting, path, asked: this.asked(), stored: !this.order });
  }

  async load(still) {
    const [page, found] = await Promise.all([
      json(this.path, paged(this.asked(), this.sorting)),
      ask(this.path, this.faceted, (without) => this.asked(without), this.all),
    ]);
    if (!still()) return "";
    Object.assign(this, { rows: page.rows, total: page.total, found, loaded: true });
    shell.next = page.continue;
    return page.generatedAt;
  }

  clear() {
    Object.assign(this, { rows: [], total: 0, found: [], loaded: false });
  }

  draw() {
    const { outcome } = this.context.tab;
    morph($("carried"), carried(outcome));
    if ($("facet-list")) drawFacets(this.found, this.all);
    drawHead(this.columns, this.sorting);
    morph($("body"), this.rows.flatMap((record, index) => this.lines(record, index)));
    const nothing = narrowed(this.asked()) && outcome.rows ? "Nothing matches these filters." : "This table has no rows.";
    drawFoot(this.rows.length, this.total, this.loaded ? nothing : null);
  }

  lines(record, index) {
    const { identity } = this.table;
    const key = identity.length ? JSON.stringify(identity.map((name) => record[name])) : String(index);
    const open = this.open.has(key);
    const line = row(key, this.columns, (column) => {
      if (column !== this.columns[0]) return [cell(column, record, this.table)];
      const said = text(column, record[column.name]) || "(none)";
      return [el("button", { type: "button", class: "name", "data-open": key, "aria-expanded": String(open) }, ...dotted(said))];
    });
    return open ? [line, details(key, this.columns, this.facts(record))] : [line];
  }

  facts(record) {
    return el("dl", {}, ...this.table.columns.flatMap((column) => [
      el("dt", { title: column.help || null }, this.titled(column.name)), el("dd", {}, ...whole(column, record)),
    ]));
  }

  press({ dataset: { filter, value, sort, open, more } }) {
    if (filter !== undefined) this.context.go((to) => toggle(to, filter, value));
    else if (sort) this.context.go((to) => to.set("sort", this.turned(sort)));
    else if (open) { flip(this.open, open); this.draw(); } else if (more) { flip(this.all, more); this.context.load(); }
  }

  // The largest numbers first, and texts from A; then the other way round.
  turned(name) {
    if (this.sorting === name) return `-${name}`;
    if (this.sorting === `-${name}`) return name;
    return isNumber(this.byName.get(name)) ? `-${name}` : name;
  }
}

function flip(set, value) {
  if (!set.delete(value)) set.add(value);
}

function carried({ error, carriedSince }) {
  if (!error && !carriedSince) return [];
  if (!carriedSince) return [notice("warn", "This table could not be made in this run:", error)];
  const age = inWords((now() - Date.parse(carriedSince)) / 1000);
  const kept = el("time", { datetime: carriedSince }, carriedSince);
  return [notice("warn", "This table is not from this run:", "kept from ", kept, ` (${age} ago)`, error ? `: ${error}` : "")];
}
