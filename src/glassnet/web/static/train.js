// The room Train: what is asked for is in the address; what a training tells comes as server-sent events.

import { el, number } from "./dom.js";
import { Course } from "./course.js";
import { finding } from "./finding.js";
import { attempt, get, post } from "./server.js";

const TEXTS = { network: "model.network", preset: "train.preset", optimizer: "optimizer.name", augment: "train.augment" };
const NUMBERS = { rate: "optimizer.lr", epochs: "train.epochs", batch: "train.batch", limit: "data.train_limit", seed: "train.seed" };
const ENDED = ["finished", "stopped", "failed"];
const LIMITS = [["", "all"], ["1000", "1,000"], ["5000", "5,000"], ["20000", "20,000"]];

// A number as it was written; what is none goes to the server as text, which says what is wrong with it.
const numeric = (text) => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);

export class TrainRoom {
  // `look()` is called when the folder has a new run.
  constructor(opened, address, look) {
    this.opened = opened;
    this.address = address;
    this.look = look;
    this.fields = {};
    this.course = new Course();
    this.form = el("form", { className: "ask", "aria-label": "What is trained" });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.start();
    });
    this.said = el("p", { className: "verdictline", role: "status" });
    this.facts = el("p", { className: "quiet" });
    this.pause = el("button", { type: "button", className: "first", onclick: () => this.tell(this.now.state === "paused" ? "go on" : "pause") }, "Pause");
    this.once = el("button", { type: "button", onclick: () => this.tell("step") }, "One step");
    this.stop = el("button", { type: "button", onclick: () => this.tell("stop") }, "Stop");
    this.tools = el("div", { className: "tools", hidden: true }, this.pause, this.once, this.stop);
    this.links = el("div", { className: "tools", hidden: true });
    this.findings = el("ul", { className: "findings", "aria-label": "What the doctor finds" });
    this.others = el("div");
    this.log = el("details", { className: "log", hidden: true }, el("summary", {}, "What it said"), el("ol"));
    this.back = this.backPanel();
    const right = el("div", {}, this.said, this.facts, this.tools, this.links, this.findings, this.course.element, this.back, this.log, this.others);
    const lead = "A training runs beside the page, as glassnet train would run it. Only one at a time; others wait.";
    this.element = el("div", {}, el("h1", {}, "Train"), el("p", { className: "lead" }, lead), el("div", { className: "studio play" }, this.form, right));
  }

  async enter(state) {
    this.state = state;
    if (!this.choices) {
      this.choices = await attempt(() => get("choices"));
      if (!this.choices) return;
      this.build();
    }
    for (const [name, field] of Object.entries(this.fields)) {
      if (field !== document.activeElement) field.value = state[name] ?? (name === "data" ? this.choices.data[0]?.id : ""); // not what is being written
    }
    if (state.training) this.follow(state.training);
    else {
      const trainings = await this.all();
      const running = trainings.find((each) => !ENDED.includes(each.state));
      if (running) this.follow(running.id);
      else if (!this.id) this.said.textContent = "Nothing is being trained";
      this.list(trainings);
    }
  }

  leave() {
    this.source?.close();
    this.source = this.id = null;
  }

  // ---- what is asked for

  build() {
    const { data, networks, optimizers } = this.choices;
    const option = ([value, text]) => el("option", { value }, text);
    const sets = { folder: "In this folder", known: "Known sets on this machine" };
    const groups = Object.entries(sets)
      .map(([kind, label]) => [label, data.filter((each) => each.kind === kind)])
      .filter(([, found]) => found.length)
      .map(([label, found]) => el("optgroup", { label }, ...found.map((each) => option([each.id, each.name]))));
    this.field("data", "Data", el("select", {}, ...groups));
    const names = el("datalist", { id: "networks" }, ...networks.map((each) => el("option", { value: each.name }, each.about)));
    this.field("network", "Network", el("input", { type: "text", maxlength: "400", spellcheck: "false", list: "networks", placeholder: "chosen for the data, or: linear 64 -> relu -> linear" }));
    const chosen = ["", "chosen"];
    const pairs = [
      ["preset", "Preset", el("select", {}, option(["", "fast"]), option(["best", "best"]))],
      ["optimizer", "Optimiser", el("select", {}, option(chosen), ...optimizers.map((name) => option([name, name])))],
      ["rate", "Learning rate", this.input("chosen")],
      ["epochs", "Epochs", this.input("chosen")],
      ["limit", "Pictures", el("select", {}, ...LIMITS.map(option))],
      ["seed", "Seed", this.input("0")],
    ];
    const grid = el("div", { className: "pairs-of-fields" });
    for (const [name, label, made] of pairs) grid.append(this.field(name, label, made));
    const augment = this.field("augment", "Augmentation", el("input", { type: "text", maxlength: "400", spellcheck: "false", placeholder: "chosen, or: shift 2 -> rotate 8" }));
    const go = el("button", { type: "submit", className: "first" }, "Train");
    this.form.replaceChildren(names, this.fields.data.parentElement, this.fields.network.parentElement, grid, augment, el("div", { className: "tools" }, go));
  }

  input(placeholder) {
    return el("input", { type: "text", inputmode: "decimal", maxlength: "20", placeholder });
  }

  field(name, label, made) {
    made.name = name;
    made.addEventListener("change", () => this.address.set({ [name]: made.value || null }));
    this.fields[name] = made;
    return el("label", { className: "field" }, label, made);
  }

  async start() {
    const settings = {};
    for (const [name, full] of Object.entries(TEXTS)) if (this.fields[name].value) settings[full] = this.fields[name].value;
    for (const [name, full] of Object.entries(NUMBERS)) if (this.fields[name]?.value) settings[full] = numeric(this.fields[name].value);
    const made = await attempt(() => post("train", { data: this.fields.data.value }, JSON.stringify(settings)));
    if (made) this.address.set({ ...this.written(), training: made.id });
  }

  // The fields as they stand: a field that has the focus still has told nobody of its change.
  written() {
    return Object.fromEntries(Object.entries(this.fields).map(([name, field]) => [name, field.value || null]));
  }

  // ---- what is told

  follow(id) {
    if (this.id === id) return;
    this.source?.close();
    this.id = id;
    this.now = { state: "waiting" };
    const source = (this.source = new EventSource(`events?training=${encodeURIComponent(id)}`));
    source.onmessage = (event) => this.id === id && this.take(JSON.parse(event.data));
    source.onerror = async () => {
      if (this.id !== id || this.source !== source) return;
      source.close();
      const found = await this.all();
      if (this.id !== id || this.source !== source) return;
      this.source = null;
      const mine = found.find((each) => each.id === id);
      if (mine && !ENDED.includes(mine.state)) {
        this.id = null;
        this.follow(id); // the connection was lost
      } else if (!mine) {
        this.said.textContent = "That training is not known any more";
        this.tools.hidden = this.back.hidden = true;
      }
    };
  }

  async take(told) {
    this.now = told;
    if (told.from === 0) {
      this.findings.replaceChildren();
      this.log.lastChild.replaceChildren();
      this.course.begin();
      this.ended = false;
    }
    for (const [kind, values] of told.records) {
      if (kind === "record") this.course.add(values);
      if (kind === "finding") this.findings.append(finding(values));
      if (kind === "said") this.log.lastChild.append(el("li", {}, values.text));
    }
    this.log.hidden = !this.log.lastChild.childElementCount;
    if (told.kernels) this.course.kernels(told.kernels);
    const settled = told.state !== "training" || performance.now() - (this.listed ?? -Infinity) > 1000;
    if (told.epochs) this.epochs = told.epochs;
    if (this.epochs && settled) this.kept(this.epochs);
    this.show(told);
    this.course.show();
    if (ENDED.includes(told.state) && !this.ended) {
      this.ended = true;
      this.source?.close();
      this.source = null;
      await this.look();
      this.linked(told);
      this.list(await this.all());
    }
  }

  show({ name, state, text, about, live, run }) {
    const { epochs, steps, network, weights } = about;
    const step = live.step ?? about.step;
    const place = steps && step !== undefined ? `epoch ${Math.min(epochs, Math.floor(Math.max(0, step - 1) / steps) + 1)} of ${epochs}, step ${step.toLocaleString("en")}` : "";
    const figures = live.loss === undefined ? "" : `, loss ${number(+live.loss.toPrecision(3))}`;
    const words = {
      waiting: "Waits until the training before it ends",
      starting: "Starts: the data are read",
      training: `Trains: ${place}${figures}`,
      paused: `Paused: ${place}${figures}`,
      stopping: "Stops, and saves where it stands",
      finished: `Finished${text ? `: ${text}` : ""}`,
      stopped: `Stopped. ${text}`,
      failed: `Failed. ${text}`,
    };
    if (this.said.textContent !== words[state]) this.said.textContent = words[state];
    this.facts.textContent = [name, run && `run ${run}`, network, weights && `${weights.toLocaleString("en")} weights`].filter(Boolean).join(" · ");
    const ended = ENDED.includes(state);
    this.tools.hidden = ended;
    this.pause.textContent = state === "paused" ? "Go on" : "Pause";
    this.pause.disabled = this.once.disabled = !["training", "paused"].includes(state);
    this.links.hidden = true;
    this.back.hidden = !steps;
  }

  linked({ run }) {
    const found = this.opened.models.find((each) => each.kind === "run" && (each.name === run || each.name.endsWith(`/${run}`)));
    this.links.hidden = !found;
    if (!found) return;
    const draw = found.draws ? el("a", { className: "button", href: `#draw?model=${found.id}` }, "Draw with it") : null;
    this.links.replaceChildren(...[draw, el("a", { className: "button", href: "#runs" }, "All runs")].filter(Boolean));
  }

  // All trainings; none, and no word of it, where the server does not answer.
  async all() {
    return get("trainings").then(({ trainings }) => trainings, () => []);
  }

  async tell(word) {
    await attempt(() => post("tell", { training: this.id, word }));
  }

  // ---- back to an epoch, and on from there

  backPanel() {
    this.where = el("select", { "aria-label": "Where to go on from" });
    this.slide = el("input", { type: "range", min: "0", step: "1", "aria-label": "Epoch to go back to" });
    this.slide.addEventListener("input", () => (this.where.selectedIndex = +this.slide.value));
    this.where.addEventListener("change", () => (this.slide.value = this.where.selectedIndex));
    this.newRate = el("input", { type: "text", inputmode: "decimal", maxlength: "20", placeholder: "as before" });
    this.newEpochs = el("input", { type: "text", inputmode: "decimal", maxlength: "6", placeholder: "as before" });
    const go = el("button", { type: "button", onclick: () => this.goBack() }, "Go on from there");
    const fields = el(
      "div",
      { className: "pairs-of-fields three" },
      el("label", { className: "field" }, "From", this.where),
      el("label", { className: "field" }, "Learning rate", this.newRate),
      el("label", { className: "field" }, "Epochs in all", this.newEpochs),
    );
    const lead = "The new run has the curves up to there; the old one stays as it is, in grey.";
    return el("section", { className: "panel back", "aria-label": "Go back", hidden: true }, el("h3", {}, "Go back, change something, go on"), el("p", { className: "quiet" }, lead), this.slide, fields, el("div", { className: "tools" }, go));
  }

  kept(epochs) {
    this.epochs = null;
    this.listed = performance.now();
    const chosen = this.where.value;
    const latest = el("option", { value: "" }, "where it stands");
    this.where.replaceChildren(...epochs.map((epoch) => el("option", { value: epoch }, `epoch ${epoch}`)), latest);
    this.slide.max = epochs.length;
    this.where.value = chosen;
    if (this.where.selectedIndex < 0) this.where.value = "";
    this.slide.value = this.where.selectedIndex;
  }

  async goBack() {
    const settings = {};
    if (this.newRate.value) settings["optimizer.lr"] = numeric(this.newRate.value);
    if (this.newEpochs.value) settings["train.epochs"] = numeric(this.newEpochs.value);
    const query = { training: this.id, epoch: this.where.value || null };
    const made = await attempt(() => post("branch", query, JSON.stringify(settings)));
    if (!made) return;
    this.course.keep();
    this.address.set({ training: made.id });
  }

  list(trainings) {
    const items = trainings.filter((each) => each.id !== this.id).map((each) => el("li", {}, el("a", { href: `#train?training=${each.id}` }, each.name), ` ${each.state}${each.run ? `, run ${each.run}` : ""}`));
    this.others.replaceChildren(...(items.length ? [el("h2", {}, "Other trainings"), el("ul", {}, ...items)] : []));
  }
}
