// Every layer's maps and units as coloured squares; a unit is chosen by a click, or by the arrow keys and Enter.

import { decode, palette } from "./colours.js";
import { el, number } from "./dom.js";

const MAP = 56; // pixels that a map is about wide
const CELL = 13; // pixels of a unit in a row
const GAP = 4;

// How the values of a layer lie on a canvas that is `room` pixels wide.
function arrangement(layer, room) {
  const shape = layer.values.shape;
  const [count, height, width] = shape.length === 3 ? shape : [shape[0], 1, 1];
  const zoom = shape.length === 3 ? Math.max(1, Math.min(CELL, Math.floor(MAP / Math.max(height, width)))) : CELL;
  const gap = shape.length === 3 ? GAP : 2;
  const across = Math.max(1, Math.min(count, Math.floor((room + gap) / (width * zoom + gap))));
  return { count, height, width, zoom, gap, across, down: Math.ceil(count / across), flat: shape.length !== 3 };
}

class Maps {
  constructor(owner, index, which) {
    this.owner = owner;
    this.index = index;
    this.which = which;
    this.canvas = el("canvas", { tabindex: "0", role: "application" });
    this.canvas.addEventListener("click", (event) => this.pick(event, true));
    this.canvas.addEventListener("pointermove", (event) => this.pick(event, false));
    this.canvas.addEventListener("pointerleave", () => owner.tell(""));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.at = 0; // the square that the arrow keys have come to
  }

  show(layer, room) {
    this.layer = layer;
    this.values = decode(layer.values);
    const a = (this.plan = arrangement(layer, room));
    const wide = a.across * (a.width * a.zoom + a.gap) - a.gap;
    const high = a.down * (a.height * a.zoom + a.gap) - a.gap;
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
    }
    const what = a.flat ? `${a.count} units` : `${a.count} maps of ${a.height} by ${a.width}`;
    const label = `Layer ${layer.name}: ${what}. Arrow keys choose a unit, Enter shows the sum that made it.`;
    if (this.canvas.getAttribute("aria-label") !== label) this.canvas.setAttribute("aria-label", label);
    this.paint();
  }

  paint() {
    const { width: wide, height: high } = this.canvas;
    const { count, height, width, zoom, gap, across } = this.plan;
    const image = new ImageData(wide, high);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = palette();
    for (let m = 0; m < count; m++) {
      const left = (m % across) * (width * zoom + gap);
      const top = Math.floor(m / across) * (height * zoom + gap);
      for (let y = 0; y < height; y++) {
        const row = (top + y * zoom) * wide + left;
        for (let x = 0; x < width; x++) {
          const start = row + x * zoom;
          pixels.fill(colours[this.values[(m * height + y) * width + x] + 128], start, start + zoom);
        }
        for (let k = 1; k < zoom; k++) pixels.copyWithin(row + k * wide, row, row + width * zoom);
      }
    }
    const context = this.canvas.getContext("2d");
    context.putImageData(image, 0, 0);
    const chosen = this.owner.chosen;
    if (chosen && chosen.layer === this.layer.name && chosen.which === this.which) this.mark(context, chosen.square, "--ink");
    if (this.focused) this.mark(context, this.at, "--accent");
  }

  mark(context, square, colour) {
    const { height, width, zoom, gap, across } = this.plan;
    const size = height * width;
    const [m, y, x] = [Math.floor(square / size), Math.floor((square % size) / width), square % width];
    const left = (m % across) * (width * zoom + gap) + x * zoom;
    const top = Math.floor(m / across) * (height * zoom + gap) + y * zoom;
    context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue(colour);
    context.lineWidth = 2;
    context.strokeRect(left - 1, top - 1, zoom + 2, zoom + 2);
  }

  // The square under the pointer; null between the maps.
  under(event) {
    const box = this.canvas.getBoundingClientRect();
    const px = ((event.clientX - box.left) * this.canvas.width) / box.width;
    const py = ((event.clientY - box.top) * this.canvas.height) / box.height;
    const { count, height, width, zoom, gap, across } = this.plan;
    const [column, row] = [Math.floor(px / (width * zoom + gap)), Math.floor(py / (height * zoom + gap))];
    const x = Math.floor((px - column * (width * zoom + gap)) / zoom);
    const y = Math.floor((py - row * (height * zoom + gap)) / zoom);
    const m = row * across + column;
    if (column < 0 || column >= across || m >= count || x < 0 || y < 0 || x >= width || y >= height) return null;
    return (m * height + y) * width + x;
  }

  unit(square) {
    const { height, width, flat } = this.plan;
    if (flat) return [square];
    const rest = square % (height * width);
    const stride = this.layer.stride;
    return [Math.floor(rest / width) * stride, (rest % width) * stride, Math.floor(square / (height * width))];
  }

  words(square) {
    const unit = this.unit(square);
    const place = unit.length === 1 ? `unit ${unit[0]}` : `map ${unit[2]} at ${unit[0]}, ${unit[1]}`;
    return `${this.layer.name}, ${place}: about ${number(+((this.values[square] * this.layer.values.scale) / 127).toPrecision(2))}`;
  }

  pick(event, choose) {
    const square = this.under(event);
    if (square === null) return;
    this.owner.tell(this.words(square));
    if (choose) this.owner.choose(this, square);
  }

  key(event) {
    const { height, width, flat, across } = this.plan;
    const size = height * width;
    const total = this.plan.count * size;
    const moves = flat
      ? { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }
      : { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -width, ArrowDown: width, PageUp: -size, PageDown: size };
    if (event.key === "Enter") this.owner.choose(this, this.at);
    else if (event.key in moves) {
      this.at = Math.min(total - 1, Math.max(0, this.at + moves[event.key]));
      this.focused = true;
      this.paint();
      this.owner.tell(this.words(this.at));
    } else return;
    event.preventDefault();
  }
}

export class Layers {
  // `chosen(which, layer, unit)` is called when a unit is asked for; `panel` is shown beneath its layer.
  constructor(chosen, panel) {
    this.onChosen = chosen;
    this.panel = panel;
    this.chosen = null;
    this.below = el("p", { className: "below", role: "status" });
    this.list = el("div");
    this.element = el("div", {}, this.below, this.list);
    this.figures = [];
    this.reactions = [];
  }

  tell(text) {
    this.below.textContent = text;
  }

  choose(maps, square) {
    this.chosen = { layer: maps.layer.name, square, which: maps.which };
    this.repaint();
    this.figures[maps.index].element.after(this.panel);
    this.onChosen(maps.which, maps.layer.name, maps.unit(square));
  }

  forget() {
    this.chosen = null;
    this.repaint();
  }

  repaint() {
    for (const figure of this.figures) for (const maps of figure.maps) maps.paint();
  }

  // The reactions of one drawing or of two, which stand beneath each other in every layer.
  show(reactions) {
    this.reactions = reactions;
    const names = reactions[0] ? reactions[0].layers.map((layer) => layer.name).join() + reactions.length : "";
    if (names !== this.names) this.build(names, reactions);
    const room = Math.floor(this.list.clientWidth) || 600;
    for (const figure of this.figures)
      for (const maps of figure.maps) maps.show(reactions[maps.which].layers[maps.index], room);
  }

  build(names, reactions) {
    this.names = names;
    this.figures = (reactions[0] ? reactions[0].layers : []).map((layer, index) => {
      const maps = reactions.map((_, which) => new Maps(this, index, which));
      const caption = el("figcaption", {}, el("b", {}, layer.name), `${layer.notation}, ${layer.shape.join(" × ")}`);
      return { maps, element: el("figure", { className: "layer" }, caption, ...maps.map((each) => each.canvas)) };
    });
    this.list.replaceChildren(...this.figures.map((figure) => figure.element));
  }
}
