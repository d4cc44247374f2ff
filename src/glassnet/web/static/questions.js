// Questions about a drawing: where the evidence lies, the smallest change into another class, the nearest pictures.

import { paintMap } from "./colours.js";
import { el, number, percent } from "./dom.js";
import { attempt, post } from "./server.js";

function picture(source, ...caption) {
  return el("figure", {}, el("img", { src: source, alt: caption[0] }), el("figcaption", {}, el("b", {}, caption[0]), ...caption.slice(1)));
}

function map(field, ...caption) {
  const canvas = el("canvas", { role: "img", "aria-label": caption.join(" ") });
  paintMap(canvas, field);
  return el("figure", {}, canvas, el("figcaption", {}, el("b", {}, caption[0]), ...caption.slice(1)));
}

export class Questions {
  // `room.active` is the drawing that is asked about.
  constructor(room) {
    this.room = room;
    this.target = el("select", { "aria-label": "The class to fool it into" });
    this.out = el("div", { "aria-live": "polite" });
    this.where = this.button("Where is the evidence?", () => this.askWhere());
    this.fool = this.button("Fool it into", () => this.askFool());
    this.near = this.button("Nearest training pictures", () => this.askNearest());
    const tools = el("div", { className: "tools" }, this.where, this.fool, this.target, this.near);
    this.element = el("section", { className: "questions", "aria-label": "Questions" }, el("h2", {}, "Ask about it"), tools, this.out);
  }

  button(text, ask) {
    const made = el("button", { type: "button" }, text);
    made.addEventListener("click", async () => {
      made.disabled = true;
      made.classList.add("busy");
      await attempt(ask);
      made.disabled = false;
      made.classList.remove("busy");
    });
    return made;
  }

  // A model by itself does not know its training pictures.
  show(model, isRun) {
    this.target.replaceChildren(...model.classes.map((name) => el("option", {}, name)));
    this.near.hidden = !isRun;
    this.clear();
  }

  clear() {
    this.out.replaceChildren();
  }

  ask(path, more = {}) {
    const [query, body] = this.room.active.pad.source();
    return post(path, { ...this.room.asked(), ...query, ...more }, body);
  }

  put(said, figures) {
    this.out.replaceChildren(el("p", { className: "quiet" }, said), el("div", { className: "strip" }, ...figures));
  }

  async askWhere() {
    const found = await this.ask("where");
    const figures = found.maps.map((each) => map(each.values, each.method, each.said));
    this.put(`What speaks for ${found.class} (blue) and against it (orange).`, figures);
  }

  async askFool() {
    const found = await this.ask("fool", { class: this.target.value });
    const best = found.classes.reduce((a, b) => (b[1] > a[1] ? b : a));
    const said = found.reached
      ? `The smallest change that was found: its length is ${number(+found.l2.toPrecision(3))}, no pixel changes by more than ${found.largest} of 255 steps. Saved as a picture of 8 bits it is taken for ${found.class}.`
      : `No change was found that makes it ${found.class} in a picture of 8 bits.`;
    this.put(said, [
      picture(this.room.active.reaction.input, "Before", this.room.active.answer.textContent),
      map(found.change, "The change", "Enlarged: blue is brighter, orange darker."),
      picture(found.picture, "After", `${best[0]}, ${percent(best[1])}`),
    ]);
  }

  async askNearest() {
    const found = await this.ask("nearest");
    const figures = found.pictures.map((each) =>
      picture(each.picture, each.class, `number ${each.number}, distance ${number(+each.distance.toPrecision(3))}`),
    );
    this.put("The training pictures that are nearest, by what comes into the last layer.", figures);
  }
}
