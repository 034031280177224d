// y[n, p, c] = colours(sample of x[n] at A p + t)[c]          MEANS: means[k, n, c] = mean over p of the same, up to contrast k
//
// Each sample's record (augment_draw.wgsl) has its affine map and what was drawn for each entry. An invocation computes one pixel
// with all its channels: it reads x once (four neighbours where interpolated), and applies the entries `first` up to, not
// including, `last` in registers. Entries that move pixels are part of the map; blurring and mixing are other programs.
//
// A contrast needs the mean of what reaches it. With MEANS a workgroup computes that of one sample, over a grid of at most 32 x 32
// pixels spread evenly (all pixels of images that small): the mean hardly changes, and the time no longer grows with the image.
//
// What a list does not use is switched off by overrides, which compilers leave out: interpolation, ways to fill, kinds of entries.

override MEANS: bool = false;
override CHANNELS: u32 = 3;
override MOVES: bool = true; // whether the map is applied
override NEAREST: bool = false;
override FILL: u32 = 2; // 0 constant, 1 nearest, 2 reflect, 3 wrap
override USES: u32 = 2047; // bit k: entries of kind k
override WORKGROUP: u32 = 64;

const ENTRY = 10u;
const HEADER = 8u;
const SLOT = 8u;

struct Params {
  rows: u32,
  height: u32,
  width: u32,
  entries: u32,
  first: u32,
  last: u32,
  value: f32, // of the constant fill
  contrast: u32, // MEANS: number k of the contrast
  gridHeight: u32,
  gridWidth: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> list: array<f32>;
@group(0) @binding(3) var<storage, read> parameters: array<f32>;
@group(0) @binding(4) var<storage, read_write> means: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

var<workgroup> lanes: array<vec4f, WORKGROUP>;

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

fn sampled(n: u32, row: u32, column: u32) -> vec4f {
  let first = n * params.height;
  if !MOVES { return load((first + row) * params.width + column); }
  let height = i32(params.height);
  let width = i32(params.width);
  let record = n * (HEADER + SLOT * params.entries);
  let centre = 0.5 * vec2f(f32(params.width - 1u), f32(params.height - 1u));
  let place = vec2f(f32(column), f32(row)) - centre;
  let u = parameters[record] * place.x + parameters[record + 1u] * place.y + parameters[record + 2u] + centre.x;
  let v = parameters[record + 3u] * place.x + parameters[record + 4u] * place.y + parameters[record + 5u] + centre.y;
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

fn evaluate(n: u32, row: u32, column: u32) -> vec4f {
  var v = sampled(n, row, column);
  var seen = 0u; // contrasts
  for (var t = params.first; t < params.last; t++) {
    let e = t * ENTRY;
    let kind = u32(list[e]);
    let contrast = seen;
    if kind == 6u { seen++; }
    let slot = (n * params.entries + t) * SLOT + (n + 1u) * HEADER;
    if parameters[slot + 7u] == 0.0 { continue; }
    let drawn = parameters[slot];
    let lower = list[e + 3u];
    let upper = list[e + 4u];
    if uses(5u) && kind == 5u { v = clamp(v + drawn, vec4f(lower), vec4f(upper)); }
    if uses(6u) && kind == 6u {
      let m = (contrast * params.rows + n) * 4u;
      let mean = vec4f(means[m], means[m + 1u], means[m + 2u], means[m + 3u]);
      v = clamp((v - mean) * drawn + mean, vec4f(lower), vec4f(upper));
    }
    if CHANNELS == 3u && (uses(7u) || uses(8u)) && (kind == 7u || kind == 8u) {
      let rgb = clamp((v.xyz - lower) / (upper - lower), vec3f(0.0), vec3f(1.0));
      let changed = recoloured(rgb, select(1.0, drawn, kind == 7u), select(0.0, drawn, kind == 8u));
      v = vec4f(changed * (upper - lower) + lower, 0.0);
    }
    if CHANNELS == 3u && uses(9u) && kind == 9u { v = vec4f(vec3f(dot(v.xyz, vec3f(0.2989, 0.587, 0.114))), 0.0); }
    if uses(10u) && kind == 10u {
      let place = vec2f(f32(column), f32(row));
      let corner = vec2f(drawn, parameters[slot + 2u]);
      let end = vec2f(parameters[slot + 1u], parameters[slot + 3u]);
      if all(place >= corner) && all(place < end) {
        v = vec4f(list[e + 6u]);
        if list[e + 5u] == 1.0 {
          let i = (row * params.width + column) * 4u;
          let key = u32(parameters[slot + 4u]);
          let drawn4 = vec4f(noise(key, i), noise(key, i + 1u), noise(key, i + 2u), noise(key, i + 3u));
          v = clamp(drawn4 * list[e + 7u], vec4f(list[e + 6u]), vec4f(list[e + 7u]));
        }
      }
    }
  }
  return v;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.x + group.y * groups.x;
  if MEANS {
    let n = min(index, params.rows - 1u);
    let count = params.gridHeight * params.gridWidth;
    var sum = vec4f(0.0);
    for (var i = local; i < count; i += WORKGROUP) {
      let row = ((2u * (i / params.gridWidth) + 1u) * params.height) / (2u * params.gridHeight);
      let column = ((2u * (i % params.gridWidth) + 1u) * params.width) / (2u * params.gridWidth);
      sum += evaluate(n, row, column);
    }
    lanes[local] = sum;
    workgroupBarrier();
    for (var half = WORKGROUP / 2u; half >= 1u; half /= 2u) {
      if local < half { lanes[local] += lanes[local + half]; }
      workgroupBarrier();
    }
    if local == 0u {
      let m = (params.contrast * params.rows + n) * 4u;
      let mean = lanes[0] / f32(count);
      means[m] = mean.x;
      means[m + 1u] = mean.y;
      means[m + 2u] = mean.z;
      means[m + 3u] = mean.w;
    }
    return;
  }
  let i = index * WORKGROUP + local;
  if i >= params.rows * params.height * params.width { return; }
  let column = i % params.width;
  let rest = i / params.width;
  let v = evaluate(rest / params.height, rest % params.height, column);
  let start = i * CHANNELS;
  y[start] = v.x;
  if CHANNELS > 1u { y[start + 1u] = v.y; }
  if CHANNELS > 2u { y[start + 2u] = v.z; }
  if CHANNELS > 3u { y[start + 3u] = v.w; }
}
