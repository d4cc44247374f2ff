// A sheet of paper to draw on with a mouse, a pen, a finger or the keyboard; a picture can be dropped onto it.

import { dropOnto } from "./dom.js";

const SIZE = 280; // pixels of a side
const SENT = 140; // pixels of a side that are sent: five for each of a network that takes 28
const PEN = 20; // pixels wide
const STEP = 8; // pixels that an arrow key moves the pen by

export class Pad {
  // `changed(event)` is called after every stroke's move; `dropped(file)` with a file.
  constructor(label, changed, dropped) {
    this.changed = changed;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "pad";
    this.canvas.width = this.canvas.height = SIZE;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", `${label}. Arrow keys move the pen, space puts it down and lifts it, Delete clears.`);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.small = new OffscreenCanvas(SENT, SENT).getContext("2d", { willReadFrequently: true });
    this.place = null;
    this.cursor = [SIZE / 2, SIZE / 2];
    this.down = false;
    this.picture = null; // the id of a picture that was dropped
    this.wipe();
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, () => (this.place = null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    dropOnto(this.canvas, dropped);
  }

  wipe() {
    this.context.fillStyle = "#fff";
    this.context.fillRect(0, 0, SIZE, SIZE);
    this.picture = null;
  }

  clear() {
    this.wipe();
    this.changed();
  }

  // Show a picture that the server keeps; the sheet then stands for it.
  async show(address, id) {
    const image = new Image();
    image.src = address;
    await image.decode();
    const scale = Math.min(SIZE / image.width, SIZE / image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    this.wipe();
    this.context.drawImage(image, (SIZE - width) / 2, (SIZE - height) / 2, width, height);
    this.picture = id;
    this.changed();
  }

  begin(event) {
    if (this.picture) this.wipe();
    this.canvas.setPointerCapture(event.pointerId);
    this.place = this.at(event);
    this.line(this.place, this.place);
    this.changed(event);
  }

  move(event) {
    if (!this.place) return;
    const steps = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const each of steps.length ? steps : [event]) {
      const next = this.at(each);
      this.line(this.place, next);
      this.place = next;
    }
    this.changed(event);
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIZE) / box.width, ((event.clientY - box.top) * SIZE) / box.height];
  }

  line(from, to) {
    const c = this.context;
    c.strokeStyle = "#000";
    c.lineWidth = PEN;
    c.lineCap = c.lineJoin = "round";
    c.beginPath();
    c.moveTo(...from);
    c.lineTo(to[0] + (from[0] === to[0] && from[1] === to[1] ? 0.01 : 0), to[1]);
    c.stroke();
  }

  key(event) {
    const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    if (event.key === " ") {
      this.down = !this.down;
      if (this.picture) this.wipe();
      if (this.down) this.line(this.cursor, this.cursor);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.down = false;
      this.wipe();
    } else if (moves[event.key]) {
      const next = this.cursor.map((value, i) => Math.min(SIZE - PEN, Math.max(PEN, value + moves[event.key][i])));
      if (this.down) this.line(this.cursor, next);
      this.cursor = next;
    } else return;
    event.preventDefault();
    this.changed(event);
  }

  // The query and the body of a request about what is on the sheet: an id, or a byte of grey for each pixel.
  source() {
    if (this.picture) return [{ picture: this.picture }, undefined];
    this.small.drawImage(this.canvas, 0, 0, SENT, SENT);
    const { data } = this.small.getImageData(0, 0, SENT, SENT);
    const grey = new Uint8Array(SENT * SENT);
    for (let i = 0; i < grey.length; i++) grey[i] = data[4 * i];
    return [{ width: SENT, height: SENT }, grey];
  }
}
