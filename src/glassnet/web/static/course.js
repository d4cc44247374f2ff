// The course of a training: curves, gradients by layer, the kernels of the first layer.

import { chart } from "./chart.js";
import { el, number } from "./dom.js";

const LAYERS = 10; // whose gradients are drawn
const AGAIN = 200; // milliseconds between two drawings

export class Course {
  constructor() {
    this.charts = el("div", { className: "charts" });
    this.legend = el("ul", { className: "legend" });
    this.picture = el("img", { className: "kernels", alt: "The first layer's weights" });
    this.first = el("figure", { hidden: true }, el("h3", {}, "The first layer's weights"), this.picture);
    this.element = el("div", {}, this.legend, this.charts);
    this.before = null;
    this.begin();
  }

  begin() {
    this.epochs = [];
    this.steps = [];
    this.first.hidden = true;
    this.charts.replaceChildren(this.first);
  }

  // The curves so far are drawn in grey behind those of what comes next.
  keep() {
    this.before = { epochs: this.epochs, steps: this.steps };
  }

  add(record) {
    (record.kind === "epoch" ? this.epochs : this.steps).push(record);
  }

  kernels(source) {
    this.picture.src = source;
    this.first.hidden = false;
  }

  show() {
    if (this.later) return;
    this.later = setTimeout(() => {
      this.later = null;
      this.draw();
    }, AGAIN);
  }

  draw() {
    const old = this.before ? this.curves(this.before, "old") : { loss: [], right: [] };
    const now = this.curves(this, "one");
    const right = this.epochs.some((each) => each.psnr !== undefined) ? "PSNR" : "Accuracy";
    const layers = [...new Set(this.steps.flatMap((each) => Object.keys(each.gradients || {})))].slice(0, LAYERS);
    const colours = layers.map((_, i) => `hsl(${Math.round((360 * i) / layers.length) + 205} 65% 50%)`);
    const gradients = layers.map((name, i) => ({
      stroke: colours[i],
      points: this.steps.filter((each) => each.gradients?.[name] > 0).map((each) => [each.step, Math.log10(each.gradients[name])]),
    }));
    const drawn = [
      chart("Loss", [...old.loss, ...now.loss], "step"),
      chart(right, [...old.right, ...now.right], "step"),
      layers.length ? chart("Gradient by layer, power of 10", gradients, "step") : null,
    ].filter(Boolean);
    this.charts.replaceChildren(...drawn, this.first);
    const last = this.steps[this.steps.length - 1];
    const names = layers.map((name, i) => {
      const mark = el("b", {}, "— ");
      mark.style.color = colours[i];
      return el("li", {}, mark, `${name} ${number(+(last.gradients?.[name] ?? 0).toPrecision(2))}`);
    });
    this.legend.replaceChildren(...(drawn.length ? [el("li", {}, "dashed: training; solid: validation")] : []));
    drawn[2]?.append(el("ul", { className: "legend" }, ...names));
  }

  curves({ epochs, steps }, className) {
    const points = (records, name) => records.filter((each) => Number.isFinite(each[name])).map((each) => [each.step, each[name]]);
    const pick = (names) => names.find((name) => epochs.some((each) => each[name] !== undefined));
    const measured = pick(["accuracy", "psnr", "error"]);
    const validated = pick(["valid_accuracy", "valid_psnr", "valid_error"]);
    return {
      loss: [
        { points: points(steps, "loss"), className, dashed: true },
        { points: points(epochs, "valid_loss"), className },
      ],
      right: [
        { points: measured ? points(epochs, measured) : [], className, dashed: true },
        { points: validated ? points(epochs, validated) : [], className },
      ],
    };
  }
}
