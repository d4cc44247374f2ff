// The room Runs: a table that sorts, and any two runs side by side. Which two is in the address.

import { chart } from "./chart.js";
import { el, number, percent } from "./dom.js";
import { attempt, get } from "./server.js";

const FIGURES = [
  ["loss", "valid_loss", "Loss"],
  ["accuracy", "valid_accuracy", "Accuracy"],
  ["psnr", "valid_psnr", "PSNR"],
  ["error", "valid_error", "Error rate"],
];
const COLUMNS = [
  { name: "Run", value: (run) => run.name, text: true },
  { name: "Data", value: (run) => run.data || "", text: true },
  { name: "Score", value: (run) => run.accuracy ?? run.psnr ?? null },
  { name: "Weights", value: (run) => run.weights },
  { name: "Epochs", value: (run) => run.epochs },
  { name: "Seconds", value: (run) => run.seconds },
];

export class RunsRoom {
  constructor(address) {
    this.address = address;
    this.order = { column: 0, down: false };
    this.chosen = [];
    this.table = el("div");
    this.out = el("div", { "aria-live": "polite" });
    const lead = "Tick two runs to see which is better, whether that is chance, and the pictures that only one gets right.";
    this.element = el("div", {}, el("h1", {}, "Runs"), el("p", { className: "lead" }, lead), this.table, this.out);
  }

  async enter(state) {
    if (!this.runs) {
      const found = await attempt(() => get("runs"));
      if (!found) return;
      this.runs = found.runs;
    }
    const wanted = (state.compare || "").split(",").filter((id) => this.runs.some((run) => run.id === id));
    const changed = wanted.join() !== this.chosen.join() || !this.shown;
    this.chosen = wanted;
    this.shown = true;
    this.draw();
    if (changed) await this.compare();
  }

  draw() {
    if (!this.runs.length) {
      this.table.replaceChildren(el("p", {}, "There is no run in this folder. Train one: glassnet train digits"));
      return;
    }
    const { column, down } = this.order;
    const value = COLUMNS[column].value;
    const sorted = [...this.runs].sort((a, b) => compare(value(a), value(b)) * (down ? -1 : 1));
    const heads = COLUMNS.map((each, i) => {
      const button = el("button", { type: "button", onclick: () => this.sort(i) }, each.name);
      const sort = i === column ? (down ? "descending" : "ascending") : null;
      return el("th", { scope: "col", "aria-sort": sort, className: each.text ? null : "number" }, button);
    });
    const head = el("tr", {}, el("th", { scope: "col" }, "Compare"), ...heads);
    const table = el("table", { className: "runs" }, el("thead", {}, head), el("tbody", {}, ...sorted.map((run) => this.row(run))));
    this.table.replaceChildren(el("div", { className: "scroll", tabindex: "0", role: "region", "aria-label": "All runs" }, table));
  }

  sort(column) {
    const down = this.order.column === column ? !this.order.down : !COLUMNS[column].text;
    this.order = { column, down };
    this.draw();
    this.table.querySelectorAll("th button")[column].focus();
  }

  row(run) {
    const tick = el("input", { type: "checkbox", "aria-label": `Compare ${run.name}`, disabled: Boolean(run.unread) });
    tick.checked = this.chosen.includes(run.id);
    tick.addEventListener("change", () => this.tick(run.id, tick.checked));
    if (run.unread) return el("tr", {}, el("td", {}, tick), el("td", {}, run.name), el("td", { colspan: "5" }, run.unread));
    const severity = run.verdict ? run.verdict.severity : "";
    const said = run.verdict ? run.verdict.sentence : "";
    const dot = el("span", { className: `dot ${severity}`, title: said });
    const report = run.report ? el("a", { href: `report/${run.id}`, target: "_blank", rel: "noopener" }, "report") : null;
    const name = el("td", {}, dot, el("b", {}, run.name), " ", report, el("span", { className: "net" }, run.network), el("span", { className: "quiet" }, said));
    const cells = [run.data, score(run), run.weights.toLocaleString("en"), String(run.epochs), run.seconds.toFixed(1)];
    return el("tr", { className: tick.checked ? "marked" : null }, el("td", {}, tick), name, ...cells.map((text, i) => el("td", { className: i ? "number" : null }, text)));
  }

  tick(id, on) {
    const chosen = on ? [...this.chosen, id].slice(-2) : this.chosen.filter((each) => each !== id);
    this.address.set({ compare: chosen.join() || null });
  }

  async compare() {
    if (this.chosen.length !== 2) {
      this.out.replaceChildren();
      return;
    }
    const [first, second] = this.chosen;
    this.out.replaceChildren(el("p", { className: "quiet busy" }, "Comparing"));
    const found = await attempt(() => get("compare", { first, second }));
    this.out.replaceChildren(...(found ? this.side(found) : []));
  }

  side(found) {
    const [one, other] = found.names;
    const legend = el("ul", { className: "legend" }, el("li", {}, el("b", { className: "one" }, "— "), one), el("li", {}, el("b", { className: "other" }, "— "), other), el("li", {}, "dashed: training; solid: validation"));
    const verdict = el("div", { className: "verdict" }, el("p", { className: "word" }, found.verdict), ...found.notes.map((note) => el("p", {}, note)));
    const charts = FIGURES.map(([train, valid, title]) => {
      const series = found.curves.flatMap((curves, i) =>
        [train, valid].filter((name) => curves[name]).map((name) => ({ points: curves[name], className: i ? "other" : "one", dashed: name === train })),
      );
      return series.length ? chart(title, series) : null;
    });
    return [el("h2", {}, `${one} and ${other}`), verdict, legend, el("div", { className: "charts" }, ...charts), ...this.pictures(found)];
  }

  pictures(found) {
    if (found.only[0] === null) return [];
    return found.names.flatMap((name, i) => {
      const mine = found.pictures.filter((each) => each.first_right === (i === 0));
      const figures = mine.map((each) =>
        el("figure", {}, el("img", { src: each.picture, alt: each.true }), el("figcaption", {}, el("b", {}, each.true), `the other: ${each.said[1 - i]}`)),
      );
      const shown = mine.length && mine.length < found.only[i] ? `; ${mine.length} of them:` : "";
      const head = el("h3", {}, `${found.only[i]} pictures that only ${name} gets right${shown}`);
      return [head, found.remark ? el("p", { className: "quiet" }, found.remark) : el("div", { className: "strip" }, ...figures)];
    });
  }
}

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
}

function score(run) {
  if (run.accuracy !== undefined) {
    const [low, high] = run.accuracy_interval;
    return el("span", {}, percent(run.accuracy), el("span", { className: "interval" }, `${percent(low)} to ${percent(high)}`));
  }
  if (run.psnr !== undefined) return `${number(run.psnr)} dB`;
  return run.error === undefined ? "–" : `${percent(run.error)} wrong`;
}
