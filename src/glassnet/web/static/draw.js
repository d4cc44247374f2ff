// The room Draw: one sheet or two, every layer, the sum behind a unit, questions.

import { onTheme } from "./colours.js";
import { el } from "./dom.js";
import { Hand } from "./hand.js";
import { Layers } from "./layers.js";
import { Questions } from "./questions.js";
import { attempt, get, post } from "./server.js";
import { unitPanel } from "./unit.js";

export class DrawRoom {
  constructor(opened, address) {
    this.opened = opened;
    this.address = address;
    this.models = opened.models.filter((model) => model.draws);
    this.model = null;
    this.panel = unitPanel(() => this.closeUnit());
    this.layers = new Layers((which, layer, unit) => this.askUnit(which, layer, unit), this.panel.element);
    this.questions = new Questions(this);
    this.hands = [new Hand(this, "Draw here")];
    this.active = this.hands[0];
    this.element = this.models.length ? this.build() : el("p", { className: "lead" }, "There is no model of pictures in this folder. Train one: glassnet train digits");
    onTheme(() => this.show());
    new ResizeObserver(() => this.show()).observe(this.layers.list);
  }

  build() {
    this.choice = el("select", { id: "model" }, ...this.models.map((model) => el("option", { value: model.id }, model.name)));
    this.choice.addEventListener("change", () => this.address.set({ model: this.choice.value, epoch: null }));
    this.facts = el("p", { className: "quiet" });
    this.slider();
    this.second = el("button", { type: "button", "aria-pressed": "false" }, "Two drawings");
    this.second.addEventListener("click", () => this.toggle());
    this.place = el("div", { className: "hands" }, this.hands[0].element);
    const left = el("div", {}, el("label", { className: "field" }, "Model", this.choice), this.facts, this.time, el("div", { className: "tools" }, this.second), this.place);
    const hint = "Every layer reacts while you draw: blue is above 0, orange below. Click a square for the sum that made it.";
    const right = el("div", {}, el("h2", {}, "What every layer makes of it"), el("p", { className: "quiet" }, hint), this.layers.element, this.questions.element);
    this.studio = el("div", { className: "studio" }, left, right);
    return el("div", {}, el("h1", {}, "Draw, and look inside"), this.studio);
  }

  async enter(state) {
    if (!this.models.length) return;
    const wanted = this.models.find((model) => model.id === state.model) || this.models.find((model) => model.id === this.opened.first) || this.models[0];
    if (wanted.id === this.model) {
      this.goTo(state.epoch);
      return;
    }
    this.choice.value = wanted.id;
    const model = await attempt(() => get("model", { model: wanted.id }));
    if (!model) return;
    this.model = wanted.id;
    this.epochs = model.epochs;
    this.slide.max = model.epochs.length;
    this.time.hidden = !model.epochs.length;
    this.setEpoch(state.epoch);
    this.size = model.image_shape[0];
    this.facts.textContent = `${model.facts.join(", ")}, ${model.weights.toLocaleString("en")} weights`;
    this.questions.show(model, wanted.kind === "run");
    this.closeUnit();
    for (const hand of this.hands) {
      hand.reaction = null;
      hand.ask();
    }
  }

  // What every request about a drawing names.
  asked() {
    return { model: this.model, epoch: this.epoch };
  }

  // ---- the epochs of a run: the same drawing through each

  slider() {
    this.epochs = [];
    this.epoch = null;
    this.when = el("output", { className: "when" });
    this.slide = el("input", { type: "range", min: "0", step: "1", "aria-label": "Epoch of the training" });
    this.slide.addEventListener("input", () => this.goTo(this.epochs[+this.slide.value]));
    this.slide.addEventListener("change", () => this.address.set({ epoch: this.epoch }));
    this.time = el("label", { className: "field time", hidden: true }, el("span", {}, "The network after ", this.when), this.slide);
  }

  setEpoch(epoch) {
    const at = this.epochs.indexOf(Number(epoch));
    this.epoch = epoch && at >= 0 ? this.epochs[at] : null;
    this.slide.value = this.epoch === null ? this.epochs.length : at;
    this.when.textContent = this.epoch === null ? "training, as it was kept" : `epoch ${this.epoch}`;
    this.slide.setAttribute("aria-valuetext", this.when.textContent);
  }

  goTo(epoch) {
    const before = this.epoch;
    this.setEpoch(epoch);
    if (this.epoch !== before) for (const hand of this.hands) hand.ask();
  }

  toggle() {
    const two = this.hands.length === 1;
    if (two) this.hands.push(new Hand(this, "And here"));
    else this.hands.pop();
    this.active = this.hands[this.hands.length - 1];
    this.closeUnit();
    this.second.setAttribute("aria-pressed", String(two));
    this.studio.classList.toggle("two", two);
    this.place.replaceChildren(...this.hands.map((hand) => hand.element));
    this.touched(this.active);
    this.active.ask();
    this.show();
  }

  touched(hand) {
    if (this.active !== hand) this.questions.clear();
    this.active = hand;
    for (const each of this.hands) each.element.classList.toggle("active", each === hand && this.hands.length > 1);
  }

  reacted(hand) {
    this.show();
    if (this.layers.chosen && this.hands[this.layers.chosen.which] === hand) this.followUnit();
  }

  show() {
    const reactions = this.hands.map((hand) => hand.reaction);
    if (reactions.every(Boolean)) this.layers.show(reactions);
  }

  // The chosen unit's sum follows the drawing, a moment after the pen.
  followUnit() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.unit && this.askUnit(...this.unit), 150);
  }

  async askUnit(which, layer, unit) {
    this.unit = [which, layer, unit];
    const [query, body] = this.hands[which].pad.source();
    const found = await attempt(() => post("unit", { ...this.asked(), ...query, layer, unit: unit.join() }, body));
    if (found && this.unit) this.panel.show(found);
  }

  closeUnit() {
    this.unit = null;
    this.panel.hide();
    this.layers.forget();
  }
}
