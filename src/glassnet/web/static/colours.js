// Arrays as colours: above 0 blue, below 0 orange, the page's own panel at 0, in light and dark.

export function decode(field) {
  const text = atob(field.data);
  const values = new Int8Array(text.length);
  for (let i = 0; i < text.length; i++) values[i] = (text.charCodeAt(i) << 24) >> 24;
  return values;
}

function parsed(name) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1);
  return [0, 2, 4].map((start) => parseInt(hex.slice(start, start + 2), 16));
}

let table = null;

// 256 colours as 32-bit numbers, by the byte of a value (-127 ... 127) plus 128.
export function palette() {
  if (table) return table;
  const [ground, above, below] = ["--panel", "--accent", "--wrong"].map(parsed);
  table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const share = Math.pow(Math.min(1, Math.abs(i - 128) / 127), 0.75);
    const [r, g, b] = ground.map((base, k) => Math.round(base + share * ((i > 128 ? above : below)[k] - base)));
    table[i] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return table;
}

const listeners = new Set();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  table = null;
  for (const listener of listeners) listener();
});

export function onTheme(listener) {
  listeners.add(listener);
}

// A single map (height, width) on a canvas, a pixel each; CSS enlarges it.
export function paintMap(canvas, field) {
  const [height, width] = field.shape;
  const values = decode(field);
  const colours = palette();
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < values.length; i++) pixels[i] = colours[values[i] + 128];
  canvas.getContext("2d").putImageData(image, 0, 0);
}
