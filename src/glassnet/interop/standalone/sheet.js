// The sheet: drawn on with a mouse, a pen, a finger or the keyboard, and asked about after every stroke's move.

const [SIZE, SENT, PEN, STEP, SHOWN] = [280, 140, 20, 8, 10];
const model = JSON.parse(document.getElementById("model").textContent);
const numbers = unpack(document.getElementById("numbers").textContent.trim(), model.half);
const canvas = document.getElementById("sheet");
const context = canvas.getContext("2d", { willReadFrequently: true });
const small = Object.assign(document.createElement("canvas"), { width: SENT, height: SENT }).getContext("2d", { willReadFrequently: true });
const said = document.getElementById("said");
const CHANGES = { inverted: "light and dark exchanged", centred: "scaled and centred, as in training" };
let place = null;
let cursor = [SIZE / 2, SIZE / 2];
let down = false;
let waiting = false;

function clear() {
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SIZE, SIZE);
  ask();
}

function line(from, to) {
  context.lineWidth = PEN;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(to[0] + 0.01, to[1]);
  context.stroke();
  ask();
}

const at = (event) => {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) * SIZE) / box.width, ((event.clientY - box.top) * SIZE) / box.height];
};

function ask() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    show();
  });
}

function greys() {
  small.drawImage(canvas, 0, 0, SENT, SENT);
  const { data } = small.getImageData(0, 0, SENT, SENT);
  return Uint8Array.from({ length: SENT * SENT }, (_, i) => data[4 * i]);
}

function show() {
  const found = answer(model, numbers, greys(), SENT, SENT);
  paint(found.pixels);
  const done = found.changes.map((change) => CHANGES[change]);
  document.getElementById("changes").textContent = `What the network sees${done.length ? `: ${done.join("; ")}` : ""}.`;
  const bars = document.getElementById("bars");
  if (found.nothing) {
    said.textContent = found.nothing[0].toUpperCase() + found.nothing.slice(1);
    bars.replaceChildren();
    return;
  }
  const order = found.probabilities.map((share, k) => [share, k]).sort((a, b) => b[0] - a[0]);
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  said.textContent = `${model.classes[order[0][1]]}, ${percent(order[0][0])}`;
  const chosen = model.classes.length <= SHOWN ? found.probabilities.map((share, k) => [share, k]) : order.slice(0, SHOWN);
  bars.replaceChildren(...chosen.map(([share, k]) => bar(model.classes[k], share, percent(share), k === order[0][1])));
}

function bar(name, share, text, best) {
  const item = document.createElement("li");
  const track = document.createElement("span");
  const filled = document.createElement("i");
  track.className = "track";
  filled.style.width = `${100 * share}%`;
  track.append(filled);
  item.className = best ? "best" : "";
  item.append(name, track, text);
  return item;
}

function paint({ height, width, values }) {
  const seen = document.getElementById("seen");
  [seen.width, seen.height] = [width, height];
  const image = new ImageData(width, height);
  values.forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
  seen.getContext("2d").putImageData(image, 0, 0);
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  place = at(event);
  line(place, place);
});
canvas.addEventListener("pointermove", (event) => {
  if (!place) return;
  const next = at(event);
  line(place, next);
  place = next;
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (place = null));
canvas.addEventListener("keydown", (event) => {
  const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  if (event.key === " ") {
    down = !down;
    if (down) line(cursor, cursor);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    down = false;
    clear();
  } else if (moves[event.key]) {
    const next = cursor.map((value, i) => clipped(value + moves[event.key][i], PEN, SIZE - PEN));
    if (down) line(cursor, next);
    cursor = next;
  } else return;
  event.preventDefault();
});
document.getElementById("clear").addEventListener("click", clear);
clear();
