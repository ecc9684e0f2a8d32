// The one live region: at most one message a minute, and of several the last.

import { $ } from "./state.js";

const APART = 60000;

let waiting = 0;
let last = -APART;
let next = "";

export function say(text) {
  next = text;
  if (waiting) return;
  waiting = setTimeout(speak, Math.max(0, last + APART - performance.now()));
}

function speak() {
  waiting = 0;
  last = performance.now();
  $("live").textContent = next;
}
