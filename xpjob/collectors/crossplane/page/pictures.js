// Small pictures of how much is ready.

import { bar, svg } from "../parts.js";

// What is ready, then what is not, as shares of the longest bar.
export function readinessBar(total, notReady, most) {
  const width = most ? total / most : 0;
  const bad = total && notReady ? Math.max((width * notReady) / total, 0.015) : 0;
  return bar([["good", Math.max(width - bad, 0)], ["bad", bad]]);
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
