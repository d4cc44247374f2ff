// The room Data: pictures by class in pages, an augmentation previewed, labels that look wrong.

import { el, percent } from "./dom.js";
import { finding } from "./finding.js";
import { attempt, get } from "./server.js";

export class DataRoom {
  constructor(address) {
    this.address = address;
    this.choice = this.select("Data", "data");
    this.part = this.select("Part", "part");
    this.kind = this.select("Class", "class");
    this.facts = el("p", { className: "quiet" });
    this.notes = el("ul", { className: "quiet" });
    this.pictures = el("div", { className: "strip small", "aria-live": "polite" });
    this.before = el("button", { type: "button", onclick: () => this.turn(-1) }, "Previous page");
    this.after = el("button", { type: "button", onclick: () => this.turn(1) }, "Next page");
    this.where = el("span", { className: "quiet" });
    this.augment = el("input", { type: "text", maxlength: "400", spellcheck: "false", placeholder: "shift 2 -> rotate 8" });
    this.augment.addEventListener("change", () => address.set({ augment: this.augment.value || null }));
    this.draws = el("div", { className: "scroll", tabindex: "0", role: "region", "aria-label": "Pictures as a training may see them" });
    this.look = el("button", { type: "button", className: "first", onclick: () => this.examine() }, "Look for faults");
    this.found = el("div", { "aria-live": "polite" });
    const choices = el("div", { className: "pairs-of-fields three" }, this.choice.parentElement, this.part.parentElement, this.kind.parentElement);
    const pager = el("div", { className: "tools" }, this.before, this.after, this.where);
    const preview = el("section", { "aria-label": "Augmentation" }, el("h2", {}, "Augmented"), el("label", { className: "field play" }, "Augmentation", this.augment), this.draws);
    const faults = el("section", { "aria-label": "Faults" }, el("h2", {}, "What is wrong with them"), el("div", { className: "tools" }, this.look), this.found);
    const lead = "Pictures as a training takes them: of the folder that was opened, and the digits that come along.";
    this.element = el("div", {}, el("h1", {}, "Data"), el("p", { className: "lead" }, lead), choices, this.facts, this.notes, this.pictures, pager, faults, preview);
  }

  select(label, name) {
    const made = el("select", { name });
    made.addEventListener("change", () => this.address.set({ ...(name === "data" ? { part: null, class: null, augment: null } : {}), [name]: made.value || null, page: null }));
    el("label", { className: "field" }, label, made);
    return made;
  }

  async enter(state) {
    this.sets ??= (await attempt(() => get("sets")))?.data;
    if (!this.sets) return;
    const id = this.sets.some((each) => each.id === state.data) ? state.data : this.sets[0].id;
    if (id !== this.id) await this.open(id);
    if (this.id !== id) return;
    const parts = Object.keys(this.set.counts);
    this.part.value = parts.includes(state.part) ? state.part : parts[0];
    this.kind.value = this.set.classes.includes(state.class) ? state.class : "";
    await this.show(Math.max(0, Math.floor(Number(state.page) || 1) - 1));
    const augment = state.augment ?? this.set.augment;
    if (augment !== this.previewed) await this.preview(augment);
  }

  async open(id) {
    this.choice.replaceChildren(...this.sets.map((each) => el("option", { value: each.id }, each.name)));
    this.choice.value = id;
    this.facts.textContent = "Reading the pictures …";
    this.found.replaceChildren();
    this.look.disabled = false;
    this.previewed = null;
    const set = await attempt(() => get("set", { data: id }));
    this.facts.textContent = "";
    if (!set) return;
    this.id = id;
    this.set = set;
    const [height, width, channels] = set.image_shape;
    const sums = Object.entries(set.counts).map(([part, counts]) => `${part} ${counts.reduce((a, b) => a + b, 0).toLocaleString("en")}`);
    this.facts.textContent = `${set.name}: ${set.classes.length} classes, ${height}x${width} ${channels === 3 ? "colour" : "grey"}; ${sums.join(", ")}`;
    this.notes.replaceChildren(...set.notes.map((note) => el("li", {}, note)));
    this.part.replaceChildren(...Object.keys(set.counts).map((part) => el("option", {}, part)));
    this.kind.replaceChildren(el("option", { value: "" }, "all"), ...set.classes.map((name) => el("option", { value: name }, name)));
  }

  async show(page) {
    const asked = { data: this.id, part: this.part.value, class: this.kind.value, page };
    const found = await attempt(() => get("page", asked));
    if (!found || asked.data !== this.id) return;
    this.page = page;
    this.pictures.replaceChildren(...found.pictures.map((each) => picture(each, each.file || `number ${each.number}`)));
    this.where.textContent = `page ${page + 1} of ${found.pages}`;
    this.before.disabled = page === 0;
    this.after.disabled = page + 1 >= found.pages;
  }

  turn(step) {
    this.address.set({ page: this.page + step + 1 });
  }

  async preview(augment) {
    this.previewed = augment;
    this.augment.value = augment;
    const found = await attempt(() => get("augmented", { data: this.id, augment, seed: 0 }));
    if (!found || this.previewed !== augment) return;
    const rows = found.rows.map((row) =>
      el("tr", {}, el("th", { scope: "row" }, row.class), ...row.pictures.map((source, i) => el("td", {}, el("img", { src: source, alt: i ? `draw ${i} of ${row.class}` : `${row.class} as it is` })))),
    );
    const heads = ["", "as it is", ...Array.from({ length: found.rows[0].pictures.length - 1 }, (_, i) => `draw ${i + 1}`)];
    this.draws.replaceChildren(el("table", { className: "draws" }, el("thead", {}, el("tr", {}, ...heads.map((text) => (text ? el("th", { scope: "col" }, text) : el("td"))))), el("tbody", {}, ...rows)));
  }

  async examine() {
    const id = this.id;
    this.look.disabled = true;
    this.found.replaceChildren(el("p", { className: "quiet busy" }, "Looking at all pictures"));
    const found = await attempt(() => get("examined", { data: id }));
    this.look.disabled = false;
    if (id !== this.id) return;
    if (!found) return this.found.replaceChildren();
    const list = found.findings.length ? el("ul", { className: "findings" }, ...found.findings.map(finding)) : el("p", {}, "Nothing was found.");
    const doubted = found.doubted.map((each) => picture(each, `looks like ${each.looks_like}, ${percent(each.sure)}`, each.file || `${each.part}, number ${each.number}`));
    const head = `Labels that look wrong: ${found.doubted.length < found.count ? `${found.doubted.length} of ${found.count}` : found.count}`;
    this.found.replaceChildren(list, ...(doubted.length ? [el("h3", {}, head), el("div", { className: "strip small" }, ...doubted)] : []));
  }
}

function picture(each, ...caption) {
  return el("figure", {}, el("img", { src: each.picture, alt: each.class }), el("figcaption", {}, el("b", {}, each.class), ...caption.flatMap((text, i) => (i ? [el("br"), text] : [text]))));
}
