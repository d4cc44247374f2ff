// The room Read: a page is dropped, read, looked at word by word, and put right.

import { dropOnto, el, fileButton, percent, svg } from "./dom.js";
import { attempt, post, upload } from "./server.js";

const SHEETS = 200; // pages of a PDF that can be chosen
const kind = (confidence) => (confidence >= 0.9 ? "sure" : confidence >= 0.6 ? "unsure" : "doubtful");

export class ReadRoom {
  constructor() {
    this.state = el("p", { className: "quiet", role: "status" });
    this.drop = el("div", { className: "drop" }, el("p", {}, "Drop a photograph of a page here, or a PDF, or "), fileButton("Choose a file", "image/*,application/pdf,.pdf", (file) => this.take(file)));
    dropOnto(this.drop, (file) => this.take(file));
    this.out = el("div");
    this.sheets = el("div", { className: "tools", role: "group", "aria-label": "Pages of the PDF" });
    const lead = "It is read on this machine. Words that it is not sure of are marked; click one to put it right.";
    this.element = el("div", {}, el("h1", {}, "Read a page"), el("p", { className: "lead" }, lead), this.drop, this.state, this.sheets, this.out);
  }

  enter() {}

  async take(file) {
    this.sheets.replaceChildren();
    if (!/\.pdf$/i.test(file.name) && file.type !== "application/pdf") return this.read(file.name, () => upload(file));
    const pdf = await attempt(() => upload(file, "pdf"));
    if (!pdf) return;
    if (pdf.pages > 1) this.sheets.replaceChildren(...Array.from({ length: Math.min(pdf.pages, SHEETS) }, (_, i) => this.sheet(pdf, i + 1)));
    await this.turnTo(pdf, 1);
  }

  sheet(pdf, number) {
    return el("button", { type: "button", onclick: () => this.turnTo(pdf, number) }, `Page ${number}`);
  }

  async turnTo(pdf, page) {
    [...this.sheets.children].forEach((button, i) => button.setAttribute("aria-pressed", String(i + 1 === page)));
    await this.read(`${pdf.name}, page ${page}`, () => post("pdf-page", { pdf: pdf.id, page }));
  }

  // `give` makes the server keep a picture, and gives its id.
  async read(name, give) {
    this.state.textContent = `Reading ${name}`;
    this.state.classList.add("busy");
    const found = await attempt(async () => post("read", { picture: (await give()).id }));
    this.state.classList.remove("busy");
    this.state.textContent = "";
    if (!found) return;
    this.drop.classList.add("small");
    this.stages = found.stages;
    this.show(found);
  }

  show(page) {
    this.page = page;
    this.words = page.lines.flatMap((line, i) => line.words.map((word, j) => ({ ...word, line: i, place: j })));
    const facts = page.lines.length
      ? `${page.name}: ${page.lines.length} lines, ${this.words.length} words, ${percent(page.confidence)} sure`
      : `${page.name}: ${page.nothing || "nothing was read"}`;
    this.looks = el("div", { className: "panel looks", "aria-live": "polite" }, el("p", { className: "quiet" }, "Point at a word, or move to it with Tab, to see its characters and what else each may be."));
    const kept = page.kept.length ? `Kept as training data: ${page.kept.join(", ")}` : "";
    const right = el("div", {}, this.text(), this.looks, this.downloads(), el("p", { className: "quiet", id: "kept", role: "status" }, kept));
    this.out.replaceChildren(el("h2", {}, facts), el("div", { className: "sheet" }, this.paper(), right), this.stagesShown());
  }

  paper() {
    const page = this.page;
    this.boxes = this.words.map((word) => {
      const [left, top, right, bottom] = word.box;
      const box = svg("rect", { x: left, y: top, width: Math.max(1, right - left), height: Math.max(1, bottom - top), class: kind(word.confidence) });
      box.addEventListener("pointerenter", () => this.look(word));
      box.addEventListener("click", () => this.edit(word));
      return box;
    });
    const frame = svg("svg", { viewBox: `0 0 ${page.width} ${page.height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...this.boxes);
    return el("div", { className: "paper" }, el("img", { src: `picture/${page.id}`, alt: `The page ${page.name}` }), frame);
  }

  text() {
    this.buttons = [];
    const lines = this.page.lines.map((line, i) => {
      const words = this.words.filter((word) => word.line === i).map((word) => this.button(word));
      return el("li", {}, ...words);
    });
    return el("ol", { className: "lines", "aria-label": "The text" }, ...lines);
  }

  button(word) {
    const letters = word.characters.map((character, i) => {
      const span = el("span", {}, character.text);
      span.addEventListener("pointerenter", () => this.look(word, i));
      return span;
    });
    const label = `${word.text}, ${percent(word.confidence)} sure. Put it right.`;
    const made = el("button", { type: "button", className: kind(word.confidence), "aria-label": label }, ...letters);
    made.addEventListener("focus", () => this.look(word));
    made.addEventListener("pointerenter", () => this.look(word));
    made.addEventListener("click", () => this.edit(word));
    this.buttons.push(made);
    return made;
  }

  // Show a word's characters, each with what else it may be.
  look(word, at = -1) {
    const index = this.words.indexOf(word);
    this.boxes.forEach((box, i) => box.classList.toggle("lit", i === index));
    this.buttons.forEach((button, i) => button.classList.toggle("lit", i === index));
    const items = word.characters.map((character, i) => {
      const others = character.alternatives.map(([text, share]) => `${text} ${percent(share)}`).join(", ");
      const said = ` ${percent(character.confidence)}${others ? `, else ${others}` : ""}`;
      return el("li", { className: i === at ? "lit" : null }, el("b", {}, character.text), said);
    });
    this.looks.replaceChildren(el("span", {}, `${word.text}: ${percent(word.confidence)} sure`), el("ul", {}, ...items));
  }

  // A field in the place of the word; Enter keeps it, Escape leaves the word as it is.
  edit(word) {
    const button = this.buttons[this.words.indexOf(word)];
    const input = el("input", { type: "text", value: word.text, maxlength: "200", "aria-label": `What stands in place of ${word.text}` });
    let done = false;
    const leave = () => {
      if (!done) input.replaceWith(button);
      done = true;
    };
    input.addEventListener("keydown", async (event) => {
      if (event.key === "Escape") {
        leave();
        button.focus();
      }
      if (event.key !== "Enter" || done) return;
      done = true;
      const query = { picture: this.page.id, line: word.line, word: word.place, text: input.value };
      const found = await attempt(() => post("correct", query));
      if (found) {
        this.show(found);
        this.buttons[Math.min(this.words.length - 1, this.words.indexOf(word) === -1 ? this.nextTo(word) : 0)]?.focus();
      } else input.replaceWith(button);
    });
    input.addEventListener("blur", leave);
    button.replaceWith(input);
    input.focus();
    input.select();
  }

  nextTo(word) {
    const at = this.words.findIndex((each) => each.line > word.line || (each.line === word.line && each.place >= word.place));
    return at < 0 ? this.words.length - 1 : at;
  }

  downloads() {
    const forms = { text: "Text", hocr: "hOCR", pdf: "PDF that can be searched" };
    const links = Object.entries(forms).map(([form, label]) =>
      el("a", { className: "button", href: `download/${form}?picture=${this.page.id}`, download: true }, label),
    );
    return el("div", { className: "tools", "aria-label": "Download", role: "group" }, ...links);
  }

  stagesShown() {
    const figures = this.stages.map((stage) =>
      el("figure", {}, el("img", { src: stage.picture, alt: `Stage ${stage.name}` }), el("figcaption", {}, el("b", {}, stage.name), stage.said)),
    );
    return el("section", {}, el("h2", {}, "How it was read"), el("div", { className: "stages" }, ...figures));
  }
}
