// y[n, p, c] = colours(sample of x[n] at A p + t)[c]
//
// As augment_pixels.wgsl, for images whose width is a multiple of 4: an invocation computes four neighbours of a line. Map, entries
// and what was drawn are read once for the four, places are divided out once, and results are stored as vectors of four.

override CHANNELS: u32 = 3;
override MOVES: bool = true; // whether the map is applied
override NEAREST: bool = false;
override FILL: u32 = 2; // 0 constant, 1 nearest, 2 reflect, 3 wrap
override USES: u32 = 2047; // bit k: entries of kind k
override WORKGROUP: u32 = 64;

const ENTRY = 10u;
const HEADER = 2u; // vectors
const SLOT = 2u;

struct Params {
  rows: u32,
  height: u32,
  width: u32,
  entries: u32,
  first: u32,
  last: u32,
  value: f32, // of the constant fill
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> list: array<f32>;
@group(0) @binding(3) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(4) var<storage, read> means: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;

fn pcg(v: u32) -> u32 {
  let state = v * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

fn bytesOf(w: u32) -> f32 { return f32((w & 255u) + ((w >> 8u) & 255u) + ((w >> 16u) & 255u) + (w >> 24u)); }

// Nearly normal with mean 0 and deviation 1: the sum of twelve bytes, which is exact on every adapter.
fn noise(key: u32, i: u32) -> f32 {
  let a = pcg(i ^ pcg(key));
  let b = pcg(a);
  return (bytesOf(a) + bytesOf(b) + bytesOf(pcg(b)) - 1530.0) / 256.0;
}

fn isInside(i: i32, size: i32) -> bool { return i >= 0 && i < size; }

// The pixel that stands for place i of an axis. With the constant any will do. Periods are counted in f32, which may be one off
// and is put right: divisions of whole numbers are dear.
fn inside(i: i32, size: i32) -> i32 {
  if FILL <= 1u { return clamp(i, 0, size - 1); }
  let period = select(2 * size, size, FILL == 3u);
  let turns = i32(floor(f32(i) / f32(period)));
  let m = i - turns * period;
  let k = select(select(m, m - period, m >= period), m + period, m < 0);
  if FILL == 3u { return k; }
  return select(k, 2 * size - 1 - k, k >= size);
}

// Pixel number `place` of the batch.
fn load(place: u32) -> vec4f {
  let start = place * CHANNELS;
  var v = vec4f(x[start], 0.0, 0.0, 0.0);
  if CHANNELS > 1u { v.y = x[start + 1u]; }
  if CHANNELS > 2u { v.z = x[start + 2u]; }
  if CHANNELS > 3u { v.w = x[start + 3u]; }
  return v;
}

fn pixel(line: u32, column: i32, isThere: bool) -> vec4f {
  let v = load(line + u32(column));
  if FILL == 0u { return select(vec4f(params.value), v, isThere); }
  return v;
}

// With the map's rows (m.xyz) and (m.w, last).
fn sampled(first: u32, row: u32, column: u32, m: vec4f, last: vec2f) -> vec4f {
  if !MOVES { return load((first + row) * params.width + column); }
  let height = i32(params.height);
  let width = i32(params.width);
  let centre = 0.5 * vec2f(f32(params.width - 1u), f32(params.height - 1u));
  let place = vec2f(f32(column), f32(row)) - centre;
  let u = m.x * place.x + m.y * place.y + m.z + centre.x;
  let v = m.w * place.x + last.x * place.y + last.y + centre.y;
  if NEAREST {
    let i = i32(floor(v + 0.5));
    let j = i32(floor(u + 0.5));
    let line = (first + u32(inside(i, height))) * params.width;
    return pixel(line, inside(j, width), isInside(i, height) && isInside(j, width));
  }
  let left = floor(u);
  let top = floor(v);
  let i = i32(top);
  let j = i32(left);
  let upper = (first + u32(inside(i, height))) * params.width;
  let lower = (first + u32(inside(i + 1, height))) * params.width;
  let near = inside(j, width);
  let far = inside(j + 1, width);
  let rows = vec2<bool>(isInside(i, height), isInside(i + 1, height));
  let columns = vec2<bool>(isInside(j, width), isInside(j + 1, width));
  let above = mix(pixel(upper, near, rows.x && columns.x), pixel(upper, far, rows.x && columns.y), u - left);
  let below = mix(pixel(lower, near, rows.y && columns.x), pixel(lower, far, rows.y && columns.y), u - left);
  return mix(above, below, v - top);
}

fn uses(kind: u32) -> bool { return (USES & (1u << kind)) != 0u; }

// Colours between 0 and 1 with the saturation multiplied and the hue turned.
fn recoloured(rgb: vec3f, saturate: f32, turn: f32) -> vec3f {
  let value = max(max(rgb.x, rgb.y), rgb.z);
  let range = value - min(min(rgb.x, rgb.y), rgb.z);
  if value <= 0.0 || range <= 0.0 { return rgb; }
  let saturation = clamp(range / value * saturate, 0.0, 1.0);
  var hue = (rgb.x - rgb.y) / (6.0 * range) + 4.0 / 6.0;
  if value == rgb.y { hue = (rgb.z - rgb.x) / (6.0 * range) + 2.0 / 6.0; }
  if value == rgb.x { hue = (rgb.y - rgb.z) / (6.0 * range); }
  let h = fract(hue + turn) * 6.0;
  let pure = clamp(vec3f(abs(h - 3.0) - 1.0, 2.0 - abs(h - 2.0), 2.0 - abs(h - 4.0)), vec3f(0.0), vec3f(1.0));
  return value * (1.0 - saturation + saturation * pure);
}

// What one entry is made of: its numbers and what was drawn for the sample.
struct Entry {
  kind: u32,
  lower: f32,
  upper: f32,
  fill: vec3f, // of erasing: whether at random, the least or only value, the largest
  drawn: vec4f,
  key: u32,
  mean: vec4f,
}

fn changed(before: vec4f, e: Entry, row: u32, column: u32) -> vec4f {
  var v = before;
  if uses(5u) && e.kind == 5u { v = clamp(v + e.drawn.x, vec4f(e.lower), vec4f(e.upper)); }
  if uses(6u) && e.kind == 6u { v = clamp((v - e.mean) * e.drawn.x + e.mean, vec4f(e.lower), vec4f(e.upper)); }
  if CHANNELS == 3u && (uses(7u) || uses(8u)) && (e.kind == 7u || e.kind == 8u) {
    let rgb = clamp((v.xyz - e.lower) / (e.upper - e.lower), vec3f(0.0), vec3f(1.0));
    let other = recoloured(rgb, select(1.0, e.drawn.x, e.kind == 7u), select(0.0, e.drawn.x, e.kind == 8u));
    v = vec4f(other * (e.upper - e.lower) + e.lower, 0.0);
  }
  if CHANNELS == 3u && uses(9u) && e.kind == 9u { v = vec4f(vec3f(dot(v.xyz, vec3f(0.2989, 0.587, 0.114))), 0.0); }
  if uses(10u) && e.kind == 10u {
    let place = vec2f(f32(column), f32(row));
    if all(place >= e.drawn.xz) && all(place < e.drawn.yw) {
      v = vec4f(e.fill.y);
      if e.fill.x == 1.0 {
        let i = (row * params.width + column) * 4u;
        let drawn = vec4f(noise(e.key, i), noise(e.key, i + 1u), noise(e.key, i + 2u), noise(e.key, i + 3u));
        v = clamp(drawn * e.fill.z, vec4f(e.fill.y), vec4f(e.fill.z));
      }
    }
  }
  return v;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  let fours = params.width / 4u;
  if i >= params.rows * params.height * fours { return; }
  let line = i / fours;
  let column = (i - line * fours) * 4u;
  let n = line / params.height;
  let row = line - n * params.height;
  let first = n * params.height;
  let record = n * (HEADER + SLOT * params.entries);
  var m = vec4f(1.0, 0.0, 0.0, 0.0);
  var last = vec2f(1.0, 0.0);
  if MOVES {
    m = parameters[record];
    last = parameters[record + 1u].xy;
  }
  var a = sampled(first, row, column, m, last);
  var b = sampled(first, row, column + 1u, m, last);
  var c = sampled(first, row, column + 2u, m, last);
  var d = sampled(first, row, column + 3u, m, last);
  var seen = 0u; // contrasts
  for (var t = params.first; t < params.last; t++) {
    var e: Entry;
    let at = t * ENTRY;
    let slot = record + HEADER + t * SLOT;
    let end = parameters[slot + 1u];
    e.kind = u32(list[at]);
    e.lower = list[at + 3u];
    e.upper = list[at + 4u];
    e.drawn = parameters[slot];
    if uses(6u) && e.kind == 6u {
      e.mean = means[seen * params.rows + n];
      seen++;
    }
    if uses(10u) {
      e.fill = vec3f(list[at + 5u], list[at + 6u], list[at + 7u]);
      e.key = u32(end.x);
    }
    if end.w == 0.0 { continue; }
    a = changed(a, e, row, column);
    b = changed(b, e, row, column + 1u);
    c = changed(c, e, row, column + 2u);
    d = changed(d, e, row, column + 3u);
  }
  let start = i * CHANNELS;
  if CHANNELS == 1u { y[start] = vec4f(a.x, b.x, c.x, d.x); }
  if CHANNELS == 2u {
    y[start] = vec4f(a.xy, b.xy);
    y[start + 1u] = vec4f(c.xy, d.xy);
  }
  if CHANNELS == 3u {
    y[start] = vec4f(a.xyz, b.x);
    y[start + 1u] = vec4f(b.yz, c.xy);
    y[start + 2u] = vec4f(c.z, d.xyz);
  }
  if CHANNELS == 4u {
    y[start] = a;
    y[start + 1u] = b;
    y[start + 2u] = c;
    y[start + 3u] = d;
  }
}
