// Replace the children of a node only where they differ, so that focus, open state and scroll stay.
// Children with a data-key are recognised by it: what has the focus is still the same record.

import { el } from "./parts.js";

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

// What somebody has opened stays, and so does how a table fits its place.
const kept = (node, name) => (name === "open" && node.dataset.own !== undefined) || (name === "class" && node.dataset.scroll !== undefined);

function update(found, wanted) {
  if (found.nodeType !== wanted.nodeType || found.nodeName !== wanted.nodeName) found.replaceWith(wanted);
  else if (found.nodeType === Node.TEXT_NODE) {
    if (found.data !== wanted.data) found.data = wanted.data;
  } else {
    // Once somebody has typed, the attribute alone changes nothing; the box with the focus is being typed in.
    if (found.type === "search" && found !== document.activeElement && found.value !== wanted.value) found.value = wanted.value;
    if (!found.isEqualNode(wanted)) differ(found, wanted);
  }
}

function differ(found, wanted) {
  for (const { name } of [...found.attributes]) {
    if (!wanted.hasAttribute(name) && !kept(found, name)) found.removeAttribute(name);
  }
  for (const { name, value } of [...wanted.attributes]) {
    if (found.getAttribute(name) !== value && !kept(found, name)) found.setAttribute(name, value);
  }
  reconcile(found, wanted);
  // Once somebody has chosen, likewise.
  if (found.nodeName === "OPTION" && wanted.hasAttribute("selected")) found.selected = true;
}
