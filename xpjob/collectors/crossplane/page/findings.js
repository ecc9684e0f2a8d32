// What does not fit together: a short panel, each finding with a link to its record.

import { addressOf } from "./address.js";
import { el, morph, number } from "../parts.js";
import { $, since } from "./state.js";

export const SHOWN = 8;
const TITLES = {
  ChildNotReady: "Ready, but a child is not",
  ParentNotReady: "Not ready, though all below is",
  MissingReference: "Refers to what does not exist",
  OwnerGone: "Its owner is gone",
  OwnerReplaced: "Its owner was replaced",
  ChildHasOtherOwner: "Refers to what another owns",
  ClaimHasOtherXR: "Its claim has another XR",
  ClaimRefused: "Its XR has another claim",
  ClaimGone: "Its claim is gone",
  DuplicateExternalName: "Same external name as another",
  PossibleDuplicateExternalName: "Maybe the same external resource as another",
  StuckDeletion: "Its deletion is stuck",
};

export function drawFindings({ findings, total }, query) {
  $("findings").hidden = !total;
  if (!total) return;
  const items = findings.map((found) =>
    el(
      "li",
      {},
      el("span", { class: "badge bad" }, TITLES[found.finding] ?? found.finding),
      el(
        "a",
        { href: addressOf(found), class: "node-name" },
        [found.kind, [found.namespace, found.name].filter(Boolean).join("/")].join(" "),
      ),
      el("span", { class: "dim" }, "for ", since(found.since)),
      el("span", { class: "sub" }, found.message),
    ),
  );
  const more = total > findings.length ? `${number(findings.length)} of ${number(total)}; ` : "";
  morph($("findings"), [
    el("h2", {}, "What does not fit together"),
    el("ul", {}, ...items),
    el("p", { class: "more" }, more, el("a", { href: `bookkeeping/findings?${query}` }, more ? "all of them" : "as JSON")),
  ]);
}
