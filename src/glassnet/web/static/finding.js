// A finding of the doctor as a line of a list.

import { el } from "./dom.js";

export function finding({ severity, evidence, advice, remedy }) {
  const tries = Object.entries(advice).map(([name, value]) => `${name} = ${value}`);
  const tail = [tries.length ? `Try ${tries.join(", ")}.` : "", /^[A-Z]/.test(remedy) ? remedy : remedy ? `Try ${remedy}.` : ""].filter(Boolean).join(" ");
  return el("li", {}, el("span", { className: `dot ${severity}` }), el("b", { className: "sr" }, severity), ` ${evidence} `, tail ? el("span", { className: "quiet" }, tail) : null);
}
