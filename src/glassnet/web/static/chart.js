// Curves over epochs or steps, as SVG.

import { el, number, svg } from "./dom.js";

const [WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM] = [460, 260, 52, 12, 12, 42];

function ticks(low, high, about = 7) {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((each) => each >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) found.push(+value.toPrecision(12));
  return found;
}

// `series`: {points: [[epoch, value]], className, dashed, stroke}; `unit`: what is counted from left to right.
export function chart(title, series, unit = "epoch") {
  const points = series.flatMap((each) => each.points).filter((point) => point[1] !== null);
  if (!points.length) return null;
  const epochs = points.map((point) => point[0]);
  const values = points.map((point) => point[1]);
  const [x0, x1] = [Math.min(...epochs), Math.max(...epochs, Math.min(...epochs) + 1)];
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  [low, high] = [low - margin, high + margin];
  const x = (epoch) => LEFT + ((epoch - x0) / (x1 - x0)) * (WIDE - LEFT - RIGHT);
  const y = (value) => TOP + ((high - value) / (high - low)) * (HIGH - TOP - BOTTOM);
  const parts = [];
  for (const value of ticks(low, high)) {
    parts.push(svg("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: y(value), y2: y(value) }));
    parts.push(svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)));
  }
  for (const epoch of ticks(x0, x1).filter(Number.isInteger))
    parts.push(svg("text", { x: x(epoch), y: HIGH - 24, "text-anchor": "middle" }, String(epoch)));
  parts.push(svg("text", { x: WIDE - RIGHT, y: HIGH - 5, "text-anchor": "end" }, unit));
  for (const { points: own, className = "", dashed, stroke } of series) {
    const known = own.filter((point) => point[1] !== null);
    const d = known.map(([epoch, value], i) => `${i ? "L" : "M"}${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    parts.push(svg("path", { d, stroke, class: `${className}${dashed ? " dashed" : ""}` }));
    if (known.length < 2) for (const [epoch, value] of known) parts.push(svg("circle", { cx: x(epoch), cy: y(value), r: 3, class: className, fill: stroke }));
  }
  const drawn = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${title} by ${unit}` }, ...parts);
  return el("figure", {}, el("h3", {}, title), drawn);
}
