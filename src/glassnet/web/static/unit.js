// The sum that made a unit, term by term, and as an expression for Python.

import { el, number } from "./dom.js";

const SHOWN = 12; // terms

function bar(part, largest) {
  const span = el("span");
  const share = largest > 0 ? (50 * Math.abs(part)) / largest : 0;
  span.style.left = part < 0 ? `${50 - share}%` : "50%";
  span.style.width = `${share}%`;
  span.style.background = part < 0 ? "var(--wrong)" : "var(--accent)";
  return el("span", { className: "track" }, span);
}

function table(found) {
  const weighed = found.terms.some((term) => term[2] !== null);
  const largest = Math.max(...found.terms.map((term) => Math.abs(term[3])), 0);
  const heads = weighed ? ["from", "value", "weight", "value × weight"] : ["from", "value"];
  const rows = found.terms.slice(0, SHOWN).map(([source, value, weight, part]) => {
    const cells = [el("td", {}, source), el("td", { className: "number" }, number(value))];
    if (weighed) cells.push(el("td", { className: "number" }, number(weight)), el("td", { className: "number" }, number(part)));
    return el("tr", {}, ...cells, el("td", { className: "part" }, bar(part, largest)));
  });
  const head = el("tr", {}, ...heads.map((text, i) => el("th", { scope: "col", className: i ? "number" : null }, text)), el("td"));
  return el("div", { className: "scroll" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)));
}

export function unitPanel(close) {
  const body = el("div");
  const button = el("button", { className: "close", type: "button", onclick: close, "aria-label": "Close the sum" }, "Close");
  const element = el("section", { className: "panel", "aria-label": "The sum that made a unit", hidden: true }, button, body);

  function show(found) {
    element.hidden = false;
    const place = found.unit.length === 1 ? `unit ${found.unit[0]}` : `map ${found.unit[2]} at ${found.unit[0]}, ${found.unit[1]}`;
    const parts = [el("h3", {}, `${place} of ${found.layer} = ${number(found.computed)}`)];
    if (!found.expression) {
      parts.push(el("p", { className: "quiet" }, "Several layers work together here: there is no single sum. Look at the layers inside it by glassnet look."));
    } else {
      const more = found.left_out ? ` ${found.left_out} inputs are 0 and left out.` : "";
      const said = `In Python this gives ${found.value}; the network, in float32, has ${found.computed}.${more}`;
      const copy = el("button", { type: "button" }, "Copy");
      copy.addEventListener("click", async () => {
        await navigator.clipboard.writeText(found.expression);
        copy.textContent = "Copied";
      });
      parts.push(el("p", { className: "quiet" }, said));
      parts.push(el("pre", { tabindex: "0", "aria-label": "The expression", id: "expression" }, found.expression));
      parts.push(el("div", { className: "tools" }, copy));
      if (found.terms.length) parts.push(table(found));
      if (found.count > SHOWN) parts.push(el("p", { className: "quiet" }, `The ${SHOWN} largest of ${found.count} terms.`));
    }
    body.replaceChildren(...parts);
  }
  return { element, show, hide: () => (element.hidden = true) };
}
