// The room Play: a small network learns points in the plane while one watches. Nothing runs between two requests:
// a page that is closed has stopped its training.

import { chart } from "./chart.js";
import { decode, onTheme, palette } from "./colours.js";
import { el, number, percent } from "./dom.js";
import { Layers } from "./layers.js";
import { attempt, post } from "./server.js";

const SIDE = 480; // pixels of the plane
const DEFAULTS = { data: "spirals", network: "linear 8 -> tanh -> linear 8 -> tanh -> linear", optimizer: "adam", rate: "0.03", seed: "0", formula: "sin(4*x) - y" };
const CHOICES = {
  data: ["spirals", "circles", "squares", "clouds", "formula", "own"],
  optimizer: ["adam", "sgd", "rmsprop"],
  rate: ["0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3"],
  pace: ["1", "10", "50"],
};
const UNITS_EVERY = 4; // updates

function select(label, names, changed) {
  const made = el("select", {}, ...names.map((name) => el("option", {}, name)));
  made.addEventListener("change", () => changed(made.value));
  return [made, el("label", { className: "field" }, label, made)];
}

export class PlayRoom {
  constructor(address) {
    this.address = address;
    this.own = { points: [], labels: [] };
    this.running = false;
    this.canvas = el("canvas", { className: "plane", width: SIDE, height: SIDE, role: "img", "aria-label": "The plane: points, and what the network makes of every place" });
    this.canvas.addEventListener("click", (event) => this.add(event));
    this.layers = new Layers(() => this.layers.forget(), el("span"));
    this.said = el("p", { className: "verdictline", role: "status" });
    this.curve = el("div", { className: "charts" });
    const fields = [];
    for (const [name, label] of [["data", "Points"], ["optimizer", "Optimiser"], ["rate", "Learning rate"]]) {
      const [made, field] = select(label, CHOICES[name], (value) => this.set({ [name]: value }));
      this[name] = made;
      fields.push(field);
    }
    const [pace, paceField] = select("Steps for each picture", CHOICES.pace, () => {});
    pace.value = "10";
    this.pace = pace;
    this.network = el("input", { type: "text", maxlength: "200", spellcheck: "false" });
    this.network.addEventListener("change", () => this.set({ network: this.network.value }));
    this.formula = el("input", { type: "text", maxlength: "200", spellcheck: "false" });
    this.formula.addEventListener("change", () => this.set({ formula: this.formula.value }));
    this.law = el("label", { className: "field", hidden: true }, "Blue where this is above 0", this.formula);
    this.play = el("button", { type: "button", className: "first", onclick: () => this.toggle() }, "Train");
    const once = el("button", { type: "button", onclick: () => this.once() }, "One step");
    const again = el("button", { type: "button", onclick: () => this.begin() }, "Start again");
    const other = el("button", { type: "button", onclick: () => this.set({ seed: String(+this.state.seed + 1) }) }, "Other weights");
    this.colour = el("button", { type: "button", "aria-pressed": "false", onclick: () => this.turn() }, "Add orange points");
    const clear = el("button", { type: "button", onclick: () => this.clearOwn() }, "Take own points away");
    const left = el(
      "div",
      {},
      el("div", { className: "tools" }, this.play, once, again, other),
      this.said,
      this.law,
      el("label", { className: "field" }, "Network", this.network),
      el("div", { className: "pairs-of-fields" }, ...fields, paceField),
      el("p", { className: "quiet" }, "Click into the plane to add points of your own: blue, or orange."),
      el("div", { className: "tools" }, this.colour, clear),
      this.curve,
    );
    const right = el("div", {}, this.canvas, el("h2", {}, "What every unit makes of the plane"), this.layers.element);
    const lead = "A network learns to tell blue from orange. The rate may change while it trains; any other change starts again.";
    this.element = el("div", {}, el("h1", {}, "Play with points"), el("p", { className: "lead" }, lead), el("div", { className: "studio play" }, left, right));
    onTheme(() => this.latest && this.show(this.latest));
  }

  set(change) {
    this.address.set(change);
  }

  async enter(given) {
    const state = { ...DEFAULTS, ...given };
    const before = this.state;
    this.state = state;
    for (const name of ["data", "optimizer", "rate", "network", "formula"]) this[name].value = state[name];
    this.law.hidden = state.data !== "formula";
    const rateAlone = before && Object.keys(state).every((name) => name === "rate" || state[name] === before[name]);
    if (rateAlone && this.id) return;
    await this.begin();
  }

  leave() {
    this.pause();
  }

  // Whatever is asked for meanwhile waits for the new start.
  begin() {
    this.pause();
    this.ready = this.started();
    return this.ready;
  }

  async started() {
    const { data, network, optimizer, seed, formula } = this.state;
    if (data === "own" && new Set(this.own.labels).size < 2) {
      this.id = null;
      this.made = { points: this.own.points, labels: this.own.labels, span: 1.2 };
      this.said.textContent = "Add points of both colours";
      this.paint(null);
      return;
    }
    const body = data === "own" ? JSON.stringify(this.own) : undefined;
    const made = await attempt(() => post("play", { data, network, optimizer, seed, formula: data === "formula" ? formula : null }, body));
    if (!made) return;
    this.made = made;
    this.id = made.id;
    this.losses = [];
    this.show(made);
  }

  toggle() {
    if (this.running) this.pause();
    else this.run();
  }

  pause() {
    this.running = false;
    this.play.textContent = "Train";
  }

  async run() {
    await this.ready;
    if (!this.id) return;
    this.running = true;
    this.play.textContent = "Pause";
    const id = this.id;
    let count = 0;
    let since = performance.now();
    while (this.running && this.id === id) {
      if (!(await this.ask(Number(this.pace.value), count % UNITS_EVERY === 0))) break;
      count += 1;
      const now = performance.now();
      if (now - since > 1000) {
        document.dispatchEvent(new CustomEvent("played", { detail: (1000 * count) / (now - since) }));
        [count, since] = [0, now];
      }
      await new Promise(requestAnimationFrame);
    }
    if (this.id === id) this.pause();
  }

  async once() {
    this.pause();
    await this.ready;
    if (this.id) await this.ask(1, true);
  }

  async ask(count, units) {
    const id = this.id;
    const found = await attempt(() => post("step", { play: id, count, rate: this.state.rate, units: units ? 1 : 0 }));
    if (found && this.id === id) this.show(found);
    return Boolean(found);
  }

  show(found) {
    this.latest = found;
    this.said.textContent = `Step ${found.step.toLocaleString("en")}: loss ${number(+found.loss.toPrecision(3))}, ${percent(found.accuracy)} right`;
    this.paint(found.surface);
    if (Object.keys(found.units).length) {
      const layers = this.made.layers.map((layer) => {
        const values = found.units[layer.name];
        return { ...layer, shape: [values.shape[0]], stride: 1, values };
      });
      this.layers.show([{ layers }]);
      this.losses.push([found.step, found.loss]);
      if (this.losses.length > 400) this.losses = this.losses.filter((_, i) => i % 2 === 0);
      if (this.losses.length > 1) this.curve.replaceChildren(chart("Loss", [{ points: this.losses, className: "one" }], "step"));
      else this.curve.replaceChildren();
    }
  }

  paint(surface) {
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, SIDE, SIDE);
    if (surface) {
      const [side] = surface.shape;
      const values = decode(surface);
      const colours = palette();
      const small = (this.small ??= new OffscreenCanvas(side, side));
      const image = new ImageData(side, side);
      const pixels = new Uint32Array(image.data.buffer);
      for (let i = 0; i < values.length; i++) pixels[i] = colours[Math.round((values[i] * surface.scale) * 0.8) + 128];
      small.getContext("2d").putImageData(image, 0, 0);
      context.imageSmoothingEnabled = true;
      context.drawImage(small, 0, 0, SIDE, SIDE);
    }
    const style = getComputedStyle(document.documentElement);
    const fills = ["--wrong", "--accent"].map((name) => style.getPropertyValue(name));
    context.strokeStyle = style.getPropertyValue("--page");
    const { points, labels, span } = this.made;
    points.forEach(([x, y], i) => {
      context.beginPath();
      context.arc(((x + span) / (2 * span)) * SIDE, ((span - y) / (2 * span)) * SIDE, 5, 0, 2 * Math.PI);
      context.fillStyle = fills[labels[i]];
      context.fill();
      context.stroke();
    });
  }

  turn() {
    this.orange = !this.orange;
    this.colour.setAttribute("aria-pressed", String(Boolean(this.orange)));
  }

  // A click adds a point to those that are shown; from then on they are one's own.
  add(event) {
    const box = this.canvas.getBoundingClientRect();
    const { span } = this.made;
    const x = ((event.clientX - box.left) / box.width) * 2 * span - span;
    const y = span - ((event.clientY - box.top) / box.height) * 2 * span;
    if (this.state.data !== "own") this.own = { points: [...this.made.points], labels: [...this.made.labels] };
    this.own.points.push([x, y]);
    this.own.labels.push(this.orange ? 0 : 1);
    if (this.state.data === "own") this.begin();
    else this.set({ data: "own" });
  }

  clearOwn() {
    this.own = { points: [], labels: [] };
    if (this.state.data === "own") this.begin();
    else this.set({ data: "own" });
  }
}
