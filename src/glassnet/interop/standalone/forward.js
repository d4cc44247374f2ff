// What a model does with a drawing, in plain JavaScript: the sums of glassnet's layers in evaluation, the resize of
// Pillow, and the manner in which glassnet.data.ink brings a drawing to what was trained on.
"use strict";

// ---- numbers: all arrays of the model in one block

function halfToFloat(bits) {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const rest = bits & 1023;
  if (exponent === 0) return sign * rest * 2 ** -24;
  if (exponent === 31) return rest ? NaN : sign * Infinity;
  return sign * (1 + rest / 1024) * 2 ** (exponent - 15);
}

function unpack(text, half) {
  const raw = atob(text);
  const bytes = Uint8Array.from(raw, (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const numbers = new Float32Array(bytes.length / (half ? 2 : 4));
  for (let i = 0; i < numbers.length; i++) numbers[i] = half ? halfToFloat(view.getUint16(2 * i, true)) : view.getFloat32(4 * i, true);
  return numbers;
}

// ---- layers: (layer, numbers, x) to y; x and y are Float32Array, pictures row by row with their channels together

const get = (numbers, [start, length]) => numbers.subarray(start, start + length);
const each = (x, change) => Float32Array.from(x, change);

const LAYERS = {
  linear(layer, numbers, x) {
    const weight = get(numbers, layer.weight);
    const bias = get(numbers, layer.bias);
    const sums = Float64Array.from(bias);
    for (let i = 0, at = 0; i < x.length; i++) {
      const value = x[i];
      if (value === 0) at += sums.length;
      else for (let k = 0; k < sums.length; k++) sums[k] += value * weight[at++];
    }
    return Float32Array.from(sums);
  },

  conv(layer, numbers, x) {
    const [height, width, channels] = layer.input;
    const [rows, columns, filters] = layer.output;
    const [kh, kw] = layer.size;
    const weight = get(numbers, layer.weight);
    const bias = layer.bias ? get(numbers, layer.bias) : new Float32Array(filters);
    const inner = channels / layer.groups;
    const outer = filters / layer.groups;
    const y = new Float32Array(rows * columns * filters);
    const sums = new Float64Array(filters);
    for (let p = 0; p < rows; p++)
      for (let q = 0; q < columns; q++) {
        sums.set(bias);
        for (let i = 0; i < kh; i++) {
          const row = p * layer.stride[0] + i - layer.pad[0];
          if (row < 0 || row >= height) continue;
          for (let j = 0; j < kw; j++) {
            const column = q * layer.stride[1] + j - layer.pad[2];
            if (column < 0 || column >= width) continue;
            const from = (row * width + column) * channels;
            for (let group = 0; group < layer.groups; group++)
              for (let c = 0; c < inner; c++) {
                const value = x[from + group * inner + c];
                const at = ((i * kw + j) * inner + c) * filters;
                for (let f = group * outer; f < (group + 1) * outer; f++) sums[f] += value * weight[at + f];
              }
          }
        }
        y.set(sums, (p * columns + q) * filters);
      }
    return y;
  },

  batchnorm(layer, numbers, x) {
    const [scale, shift, mean, variance] = ["scale", "shift", "mean", "variance"].map((name) => get(numbers, layer[name]));
    return each(x, (value, i) => {
      const c = i % scale.length;
      return ((value - mean[c]) / Math.sqrt(variance[c] + layer.eps)) * scale[c] + shift[c];
    });
  },

  relu: (layer, numbers, x) => each(x, (value) => Math.max(0, value)),
  relu6: (layer, numbers, x) => each(x, (value) => Math.min(layer.ceiling, Math.max(0, value))),
  sigmoid: (layer, numbers, x) => each(x, (value) => 1 / (1 + Math.exp(-value))),
  tanh: (layer, numbers, x) => each(x, Math.tanh),
  dropout: (layer, numbers, x) => x,
  flatten: (layer, numbers, x) => x,
  maxpool: (layer, numbers, x) => pooled(layer, x, -Infinity, Math.max, (most) => most),
  avgpool: (layer, numbers, x) => pooled(layer, x, 0, (sum, value) => sum + value, (sum, count) => sum / count),

  "avgpool global"(layer, numbers, x) {
    const [height, width, channels] = layer.input;
    const sums = new Float64Array(channels);
    for (let i = 0; i < x.length; i++) sums[i % channels] += x[i];
    return Float32Array.from(sums, (sum) => sum / (height * width));
  },

  residual(layer, numbers, x) {
    const parts = layer.branches.map((branch) => chain(branch, numbers, x));
    if (layer.joins) parts.push(x);
    return each(parts[0], (_, i) => parts.reduce((sum, part) => sum + part[i], 0));
  },

  concat(layer, numbers, x) {
    const parts = layer.branches.map((branch) => chain(branch, numbers, x));
    const total = layer.output[layer.output.length - 1];
    const places = layer.output.slice(0, -1).reduce((a, b) => a * b, 1);
    const y = new Float32Array(places * total);
    let from = 0;
    for (const part of parts) {
      const own = part.length / places;
      for (let i = 0; i < places; i++) y.set(part.subarray(i * own, (i + 1) * own), i * total + from);
      from += own;
    }
    return y;
  },
};

function pooled(layer, x, start, add, end) {
  const [height, width, channels] = layer.input;
  const [rows, columns] = layer.output;
  const [top, bottom, left, right] = layer.pad;
  const y = new Float32Array(rows * columns * channels);
  for (let p = 0; p < rows; p++)
    for (let q = 0; q < columns; q++) {
      const [first, side] = [p * layer.stride[0] - top, q * layer.stride[1] - left];
      const [r0, r1] = [Math.max(0, first), Math.min(height, first + layer.size[0])];
      const [c0, c1] = [Math.max(0, side), Math.min(width, side + layer.size[1])];
      let count = (r1 - r0) * (c1 - c0);
      if (layer.count_pad) count = (Math.min(height + bottom, first + layer.size[0]) - first) * (Math.min(width + right, side + layer.size[1]) - side);
      for (let c = 0; c < channels; c++) {
        let value = start;
        for (let row = r0; row < r1; row++) for (let column = c0; column < c1; column++) value = add(value, x[(row * width + column) * channels + c]);
        y[(p * columns + q) * channels + c] = end(value, count);
      }
    }
  return y;
}

function chain(layers, numbers, x) {
  return layers.reduce((value, layer) => LAYERS[layer.kind](layer, numbers, value), x);
}

function softmax(scores) {
  const most = scores.reduce((a, b) => Math.max(a, b));
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

// ---- pictures: {height, width, values}; values of 0 ... 255 where `whole`, else any

// To the nearest whole number, halves to the even one, as Python and NumPy do.
function rounded(value) {
  const below = Math.floor(value);
  const rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

const clipped = (value, least, most) => Math.min(most, Math.max(least, value));

const FILTERS = {
  linear: [1, (x) => Math.max(0, 1 - Math.abs(x))],
  cubic: [2, (x) => {
    const t = Math.abs(x);
    if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
    return t < 2 ? (((t - 5) * t + 8) * t - 4) * -0.5 : 0;
  }],
};

// For each of `to` places the first of `from` places that counts, and the weights from there on: Pillow's sums.
function coefficients(from, to, [reach, weigh]) {
  const scale = from / to;
  const wide = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach * wide + 0.5));
    const last = Math.min(from, Math.trunc(centre + reach * wide + 0.5));
    const weights = Array.from({ length: last - first }, (_, k) => weigh((k + first - centre + 0.5) / wide));
    const sum = weights.reduce((a, b) => a + b, 0);
    return [first, weights.map((weight) => (sum ? weight / sum : weight))];
  });
}

const UNIT = 2 ** 22; // Pillow sums bytes in whole numbers of 1 / 2^22

function resized(picture, height, width, kind, whole) {
  const filter = FILTERS[kind];
  let { values } = picture;
  let [rows, columns] = [picture.height, picture.width];
  const finish = whole ? (sum) => clipped(Math.floor((sum + UNIT / 2) / UNIT), 0, 255) : Math.fround;
  const prepared = (from, to) =>
    coefficients(from, to, filter).map(([first, weights]) => [first, whole ? weights.map((w) => Math.trunc(w * UNIT + Math.sign(w) * 0.5)) : weights]);
  if (width !== columns) {
    const next = new Float32Array(rows * width);
    prepared(columns, width).forEach(([first, weights], x) => {
      for (let y = 0; y < rows; y++) next[y * width + x] = finish(weights.reduce((sum, weight, k) => sum + weight * values[y * columns + first + k], 0));
    });
    [values, columns] = [next, width];
  }
  if (height !== rows) {
    const next = new Float32Array(height * columns);
    prepared(rows, height).forEach(([first, weights], y) => {
      for (let x = 0; x < columns; x++) next[y * columns + x] = finish(weights.reduce((sum, weight, k) => sum + weight * values[(first + k) * columns + x], 0));
    });
    [values, rows] = [next, height];
  }
  return { height: rows, width: columns, values };
}

function read(picture, { height, width, shortest, cubic }) {
  const kind = cubic ? "cubic" : "linear";
  if (!shortest) return resized(picture, height, width, kind, true);
  const least = Math.min(picture.height, picture.width);
  const [down, across] = [picture.height, picture.width].map((length) => Math.floor((shortest * length) / least));
  const all = resized(picture, down, across, kind, true);
  const [left, top] = [rounded((across - width) / 2), rounded((down - height) / 2)];
  const values = new Float32Array(height * width);
  for (let y = 0; y < height; y++) values.set(all.values.subarray((top + y) * across + left, (top + y) * across + left + width), y * width);
  return { height, width, values };
}

// ---- ink

function border({ height, width, values }) {
  return Array.from(values).filter((_, i) => i < width || i >= (height - 1) * width || i % width === 0 || i % width === width - 1);
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const changed = (picture, change) => ({ ...picture, values: Float64Array.from(picture.values, change) });

function looksInverted(grey, manner) {
  const picture = manner.border < 0.5 ? grey : changed(grey, (value) => 1 - value);
  const edge = border(picture);
  const ground = median(edge);
  const mean = picture.values.reduce((a, b) => a + b, 0) / picture.values.length;
  const least = picture.values.reduce((a, b) => Math.min(a, b));
  const plain = edge.filter((value) => Math.abs(value - ground) < 0.1).length / edge.length;
  return ground > 0.5 && mean < ground && least < ground - 0.2 && plain >= 0.6;
}

function inkOf(grey, manner) {
  const picture = manner.border < 0.5 ? grey : changed(grey, (value) => 1 - value);
  const ground = median(border(picture));
  const ink = changed(picture, (value) => Math.max(value - ground, 0));
  const most = ink.values.reduce((a, b) => Math.max(a, b), 0);
  return most > 0 ? changed(ink, (value) => value / most) : ink;
}

// [top, bottom, left, right] of what counts as ink, ends excluded; null where there is none.
function boxOf({ height, width, values }) {
  let [top, bottom, left, right] = [height, 0, width, 0];
  values.forEach((value, i) => {
    if (value < 0.3) return;
    const [y, x] = [Math.floor(i / width), i % width];
    [top, bottom, left, right] = [Math.min(top, y), Math.max(bottom, y + 1), Math.min(left, x), Math.max(right, x + 1)];
  });
  return bottom ? [top, bottom, left, right] : null;
}

function centreOf({ height, width, values }) {
  let [total, down, right] = [0, 0, 0];
  values.forEach((value, i) => {
    total += value;
    down += value * (Math.floor(i / width) + 0.5);
    right += value * ((i % width) + 0.5);
  });
  return total > 0 ? [down / total, right / total] : [height / 2, width / 2];
}

function framed(picture, { height, width }, manner, turned) {
  if (picture.height === height && picture.width === width) return null;
  const plain = changed(picture, (value) => value / 255);
  const grey = turned ? changed(plain, (value) => 1 - value) : plain;
  const ink = inkOf(grey, manner);
  const box = boxOf(ink);
  if (!box || border(ink).some((value) => value >= 0.3)) return null;
  const [top, bottom, left, right] = box;
  const sides = [(bottom - top) / picture.height, (right - left) / picture.width];
  const middle = centreOf(ink);
  const off = Math.max(Math.abs(middle[0] / picture.height - 0.5), Math.abs(middle[1] / picture.width - 0.5));
  const square = Math.abs(picture.height / picture.width - height / width) < 0.1;
  const faint = Math.abs(median(border(grey)) - rounded(manner.border)) > 0.1;
  if (square && !faint && Math.abs(Math.max(...sides) - manner.side) <= 0.1 && off <= 0.1) return null;
  const cut = { height: bottom - top, width: right - left, values: new Float32Array((bottom - top) * (right - left)) };
  for (let y = top; y < bottom; y++) cut.values.set(ink.values.subarray(y * picture.width + left, y * picture.width + right), (y - top) * cut.width);
  const scale = (manner.side * Math.min(height, width)) / Math.max(cut.height, cut.width);
  const small = resized(cut, Math.max(1, rounded(cut.height * scale)), Math.max(1, rounded(cut.width * scale)), "cubic", false);
  small.values = small.values.map((value) => clipped(value, 0, 1));
  const centre = centreOf(small);
  const start = [[height, small.height], [width, small.width]].map(([length, extent], i) => clipped(rounded(length / 2 - centre[i]), 0, Math.max(0, length - extent)));
  const values = new Float32Array(height * width);
  for (let y = 0; y < small.height; y++)
    for (let x = 0; x < small.width; x++) values[(start[0] + y) * width + start[1] + x] = rounded(255 * small.values[y * small.width + x]);
  return { height, width, values: manner.border < 0.5 ? values : values.map((value) => 255 - value) };
}

function whyNothing(picture) {
  const ground = median(border(picture));
  const away = changed(picture, (value) => Math.abs(value - ground));
  const most = away.values.reduce((a, b) => Math.max(a, b), 0);
  if (most < 255 * 0.2) return "nothing drawn";
  const [top, bottom, left, right] = boxOf(changed(away, (value) => value / most));
  return Math.max(bottom - top, right - left) < 0.12 * Math.max(picture.height, picture.width) ? "only a dot" : "";
}

// ---- from a drawing to an answer

// `grey`: a byte for each pixel. Gives {pixels, changes, nothing, probabilities}.
function answer(model, numbers, grey, height, width) {
  const picture = { height, width, values: Float32Array.from(grey) };
  const changes = [];
  let pixels = read(picture, model.reading);
  if (model.manner) {
    const turned = looksInverted(changed(pixels, (value) => value / 255), model.manner);
    if (turned) {
      pixels = { ...pixels, values: pixels.values.map((value) => 255 - value) };
      changes.push("inverted");
    }
    const found = model.manner.side ? framed(picture, model.reading, model.manner, turned) : null;
    if (found) {
      pixels = found;
      changes.push("centred");
    }
  }
  const { channels, factor, shift } = model;
  const length = pixels.values.length * channels;
  const x = Float32Array.from({ length }, (_, i) => (pixels.values[Math.floor(i / channels)] / 255) * factor[i % channels] + shift[i % shift.length]);
  const scores = chain(model.layers, numbers, x);
  return { pixels, changes, nothing: whyNothing(picture), probabilities: softmax(scores) };
}
