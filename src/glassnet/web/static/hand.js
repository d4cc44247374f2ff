// One drawing with what the network sees and says: the newest state of the sheet is asked about, never a queue.

import { el, fileButton, percent } from "./dom.js";
import { Pad } from "./pad.js";
import { attempt, post, trouble, upload } from "./server.js";

const CHANGES = { inverted: "light and dark exchanged", centred: "scaled and centred, as in training" };

export class Hand {
  // `room.model` is the id of the model; `room.reacted(hand)` is called with every reaction, `room.touched(hand)` first.
  constructor(room, label) {
    this.room = room;
    this.label = label;
    this.reaction = null;
    this.busy = this.again = false;
    this.pad = new Pad(label, (event) => this.changed(event), (file) => this.take(file));
    this.image = el("img", { alt: "The picture as the network sees it" });
    this.words = el("span");
    this.answer = el("p", { className: "verdictline", role: "status" });
    this.bars = el("ul", { className: "bars", "aria-label": `Probabilities, ${label}` });
    const clear = el("button", { type: "button", onclick: () => this.pad.clear() }, "Clear");
    const file = fileButton("Picture", "image/*", (chosen) => this.take(chosen));
    this.element = el(
      "div",
      { className: "hand" },
      el("h2", {}, label),
      this.pad.canvas,
      el("div", { className: "tools" }, clear, file),
      this.answer,
      this.bars,
      el("div", { className: "seen" }, this.image, this.words),
    );
  }

  async take(file) {
    const kept = await attempt(() => upload(file));
    if (kept) await attempt(() => this.pad.show(`picture/${kept.id}`, kept.id));
  }

  changed(event) {
    this.room.touched(this);
    this.since ??= event ? event.timeStamp : performance.now();
    this.ask();
  }

  async ask() {
    if (!this.room.model) return;
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    const since = this.since ?? performance.now();
    this.since = null;
    const [query, body] = this.pad.source();
    try {
      this.reaction = await post("react", { ...this.room.asked(), ...query }, body);
      this.show();
      this.room.reacted(this);
      document.dispatchEvent(new CustomEvent("reacted", { detail: performance.now() - since }));
      trouble(null);
    } catch (error) {
      trouble(error);
    }
    this.busy = false;
    if (this.again) {
      this.again = false;
      this.ask();
    }
  }

  show() {
    const { input, changes, nothing, classes } = this.reaction;
    this.image.src = input;
    this.image.classList.toggle("large", this.room.size > 100);
    const done = changes.map((change) => CHANGES[change] || change);
    this.words.textContent = `What the network sees${done.length ? `: ${done.join("; ")}` : ""}.`;
    const best = classes.reduce((a, b) => (b[1] > a[1] ? b : a), ["", -1]);
    this.answer.textContent = nothing ? nothing[0].toUpperCase() + nothing.slice(1) : `${best[0]}, ${percent(best[1])}`;
    this.bars.classList.toggle("long", classes.some(([name]) => name.length > 3));
    this.bars.replaceChildren(...classes.map(([name, share]) => line(name, share, name === best[0])));
  }
}

function line(name, share, best) {
  const bar = el("span");
  bar.style.width = `${100 * share}%`;
  return el(
    "li",
    { className: best ? "best" : null },
    el("span", { className: "name", title: name }, name),
    el("span", { className: "track", "aria-hidden": "true" }, bar),
    el("span", { className: "share" }, percent(share)),
  );
}
