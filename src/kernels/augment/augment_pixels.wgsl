// y[n, p, c] = colours(sample of x[n] at A p + t)[c]          MEANS: means[k, n, c] = mean over p of the same, up to contrast k
//
// Each sample's record (augment_draw.wgsl) has its affine map and what was drawn for each entry. An invocation computes one pixel
// with all its channels: it reads x once (four neighbours where interpolated), and applies the entries `first` up to, not
// including, `last` in registers. Entries that move pixels are part of the map; blurring and mixing are other programs.
//
// A contrast needs the mean of what reaches it. With MEANS a workgroup computes that of one sample, over a grid of at most 32 x 32
// pixels spread evenly (all pixels of images that small): the mean hardly changes, and the time no longer grows with the image.

override MEANS: bool = false;
override WORKGROUP: u32 = 64;

const ENTRY = 10u;
const HEADER = 8u;
const SLOT = 8u;

struct Params {
  rows: u32,
  height: u32,
  width: u32,
  channels: u32,
  entries: u32,
  first: u32,
  last: u32,
  moves: u32, // whether the map is applied
  fill: u32, // 0 constant, 1 nearest, 2 reflect, 3 wrap
  nearest: u32,
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

// The pixel that stands for place i of an axis; -1 for the constant.
fn inside(i: i32, size: i32) -> i32 {
  if i >= 0 && i < size { return i; }
  switch params.fill {
    case 1u: { return clamp(i, 0, size - 1); }
    case 2u: {
      let m = ((i % (2 * size)) + 2 * size) % (2 * size);
      return select(m, 2 * size - 1 - m, m >= size);
    }
    case 3u: { return ((i % size) + size) % size; }
    default: { return -1; }
  }
}

fn pixel(n: u32, row: i32, column: i32) -> vec4f {
  let i = inside(row, i32(params.height));
  let j = inside(column, i32(params.width));
  if i < 0 || j < 0 { return vec4f(params.value); }
  let start = ((n * params.height + u32(i)) * params.width + u32(j)) * params.channels;
  var v = vec4f(0.0);
  for (var c = 0u; c < params.channels; c++) { v[c] = x[start + c]; }
  return v;
}

fn sampled(n: u32, row: u32, column: u32) -> vec4f {
  if params.moves == 0u { return pixel(n, i32(row), i32(column)); }
  let record = n * (HEADER + SLOT * params.entries);
  let centre = 0.5 * vec2f(f32(params.width - 1u), f32(params.height - 1u));
  let place = vec2f(f32(column), f32(row)) - centre;
  let u = parameters[record] * place.x + parameters[record + 1u] * place.y + parameters[record + 2u] + centre.x;
  let v = parameters[record + 3u] * place.x + parameters[record + 4u] * place.y + parameters[record + 5u] + centre.y;
  if params.nearest == 1u { return pixel(n, i32(floor(v + 0.5)), i32(floor(u + 0.5))); }
  let left = floor(u);
  let top = floor(v);
  let i = i32(top);
  let j = i32(left);
  let above = mix(pixel(n, i, j), pixel(n, i, j + 1), u - left);
  let below = mix(pixel(n, i + 1, j), pixel(n, i + 1, j + 1), u - left);
  return mix(above, below, v - top);
}

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
    switch kind {
      case 5u: { v = clamp(v + drawn, vec4f(lower), vec4f(upper)); }
      case 6u: {
        let m = (contrast * params.rows + n) * 4u;
        let mean = vec4f(means[m], means[m + 1u], means[m + 2u], means[m + 3u]);
        v = clamp((v - mean) * drawn + mean, vec4f(lower), vec4f(upper));
      }
      case 7u, 8u: {
        if params.channels == 3u {
          let rgb = clamp((v.xyz - lower) / (upper - lower), vec3f(0.0), vec3f(1.0));
          let changed = recoloured(rgb, select(1.0, drawn, kind == 7u), select(0.0, drawn, kind == 8u));
          v = vec4f(changed * (upper - lower) + lower, 0.0);
        }
      }
      case 9u: {
        if params.channels == 3u { v = vec4f(vec3f(dot(v.xyz, vec3f(0.2989, 0.587, 0.114))), 0.0); }
      }
      case 10u: {
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
      default: {}
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
    if local < 4u { means[(params.contrast * params.rows + n) * 4u + local] = lanes[0][local] / f32(count); }
    return;
  }
  let i = index * WORKGROUP + local;
  if i >= params.rows * params.height * params.width { return; }
  let column = i % params.width;
  let rest = i / params.width;
  let v = evaluate(rest / params.height, rest % params.height, column);
  for (var c = 0u; c < params.channels; c++) { y[i * params.channels + c] = v[c]; }
}
