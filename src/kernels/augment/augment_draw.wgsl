// parameters[n] = what is drawn for sample n: an affine map, numbers of each entry of the list, its share and partner in mixing
//
// One invocation draws for one sample, so that the pass over the pixels draws nothing. Numbers depend on (seed, iteration, salt,
// sample, entry) alone: the generator is that of dropout.wgsl, counted over samples, entries and the eight numbers an entry may
// draw. Whether an entry is applied is its group's draw, so that entries of one group are applied together.
//
// The affine map takes a place of the result to its source, both counted from the image's centre: source = A place + t. An entry's
// map is applied before those of earlier entries, as the later transform sees the result of the earlier one. Sine and cosine are
// polynomials over an eighth of a turn, because WGSL leaves the precision of its own to the adapter.

override WORKGROUP: u32 = 64;

const ENTRY = 10u;
const HEADER = 8u;
const SLOT = 8u;
const QUANTILES = 256u;

struct Step {
  iteration: u32,
  seed: u32,
  batchStart: u32,
  ringSlot: u32,
  learningRate: f32,
  effectiveRate: f32,
}

struct Params {
  rows: u32,
  entries: u32,
  height: f32,
  width: f32,
  salt: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> list: array<f32>;
@group(0) @binding(3) var<storage, read_write> parameters: array<f32>;

fn pcg(v: u32) -> u32 {
  let state = v * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

// 24 bits.
fn bits(row: u32, t: u32, j: u32) -> f32 {
  let key = pcg(step.seed ^ pcg(step.iteration ^ pcg(params.salt)));
  return f32(pcg(((row * 64u + t) * 8u + j) ^ key) >> 8u);
}

// Uniform in [0, 1).
fn random(row: u32, t: u32, j: u32) -> f32 { return bits(row, t, j) / 16777216.0; }

fn between(lower: f32, upper: f32, u: f32) -> f32 { return lower + u * (upper - lower); }

// (cos, sin) of an angle in turns.
fn turn(angle: f32) -> vec2f {
  let quarter = round(angle * 4.0);
  let r = (angle * 4.0 - quarter) * 1.5707963267948966;
  let q = r * r;
  let c = 1.0 + q * (-0.5 + q * (1.0 / 24.0 + q * (-1.0 / 720.0 + q / 40320.0)));
  let s = r * (1.0 + q * (-1.0 / 6.0 + q * (1.0 / 120.0 + q * (-1.0 / 5040.0 + q / 362880.0))));
  switch (i32(quarter) + 8) % 4 {
    case 1: { return vec2f(-s, c); }
    case 2: { return vec2f(-c, -s); }
    case 3: { return vec2f(s, -c); }
    default: { return vec2f(c, s); }
  }
}

// Share at probability u, by the table behind the entries.
fn quantile(u: f32) -> f32 {
  let place = u * f32(QUANTILES);
  let i = min(u32(place), QUANTILES - 1u);
  let at = params.entries * ENTRY + i;
  return list[at] + (place - f32(i)) * (list[at + 1u] - list[at]);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.x + group.y * groups.x) * WORKGROUP + local;
  if row >= params.rows { return; }
  let start = row * (HEADER + SLOT * params.entries);
  let size = vec2f(params.width, params.height);
  var x = vec3f(1.0, 0.0, 0.0); // first row of the map: source x
  var y = vec3f(0.0, 1.0, 0.0);
  var share = 1.0;
  for (var t = 0u; t < params.entries; t++) {
    let e = t * ENTRY;
    let kind = u32(list[e]);
    let p = vec4f(list[e + 1u], list[e + 2u], list[e + 3u], list[e + 4u]);
    let p5 = list[e + 5u];
    var on = random(row, u32(list[e + 9u]), 7u) < list[e + 8u];
    let u = vec4f(random(row, t, 0u), random(row, t, 1u), random(row, t, 2u), random(row, t, 3u));
    var mx = vec3f(1.0, 0.0, 0.0);
    var my = vec3f(0.0, 1.0, 0.0);
    var drawn = vec4f(0.0);
    var fifth = 0.0;
    switch kind {
      case 0u: { // flip
        mx.x = select(1.0, -1.0, u.x < p.x);
        my.y = select(1.0, -1.0, u.y < p.y);
      }
      case 1u: { // rotation
        let v = turn(between(p.x, p.y, u.x));
        mx = vec3f(v.x, -v.y, 0.0);
        my = vec3f(v.y, v.x, 0.0);
      }
      case 2u: { // translation
        my.z = -size.y * between(p.x, p.y, u.x);
        mx.z = -size.x * between(p.z, p.w, u.y);
      }
      case 3u: { // zoom
        my.y = between(p.x, p.y, u.x);
        mx.x = select(between(p.z, p.w, u.y), my.y, p5 > 0.0);
      }
      case 4u: { // crop
        let area = between(p.x, p.y, u.x) * size.x * size.y;
        let ratio = exp(between(p.z, p.w, u.y));
        let box = min(vec2f(sqrt(area * ratio), sqrt(area / ratio)), size);
        let middle = u.zw * (size - box) + 0.5 * (box - size);
        mx = vec3f(box.x / size.x, 0.0, middle.x);
        my = vec3f(0.0, box.y / size.y, middle.y);
      }
      case 5u, 6u, 7u, 8u, 11u: { // brightness, contrast, saturation, hue, blur
        drawn.x = between(p.x, p.y, u.x);
        if kind == 7u { drawn.x = drawn.x / (1.0 - drawn.x + 1e-7); }
        if kind == 8u { drawn.x = drawn.x * select(0.5, -0.5, u.y >= 0.5); }
      }
      case 9u: { on = on && u.x < p.x; } // grayscale
      case 10u: { // erasing
        on = on && u.y < between(p.x, p.y, u.x);
        let share2 = vec2f(between(p.z, p.w, u.z), between(p.z, p.w, u.w));
        let box = sqrt(share2) * size;
        let corner = vec2f(random(row, t, 4u), random(row, t, 5u)) * (size - box);
        drawn = vec4f(corner.x, corner.x + box.x, corner.y, corner.y + box.y);
        fifth = bits(row, t, 6u);
      }
      case 12u: { // mixUp
        on = on && params.rows > 1u;
        if on { share = quantile(u.x); }
      }
      default: { // cutMix
        on = on && params.rows > 1u;
        let box = floor(size * sqrt(1.0 - quantile(u.x)) + 0.5);
        let corner = min(floor(u.yz * (size - box + 1.0)), size - box);
        drawn = vec4f(corner.x, corner.x + box.x, corner.y, corner.y + box.y);
        if on { share = 1.0 - box.x * box.y / (size.x * size.y); }
      }
    }
    if on {
      let oldX = x;
      let oldY = y;
      x = vec3f(oldX.x * mx.x + oldX.y * my.x, oldX.x * mx.y + oldX.y * my.y, oldX.x * mx.z + oldX.y * my.z + oldX.z);
      y = vec3f(oldY.x * mx.x + oldY.y * my.x, oldY.x * mx.y + oldY.y * my.y, oldY.x * mx.z + oldY.y * my.z + oldY.z);
    }
    let at = start + HEADER + t * SLOT;
    for (var i = 0u; i < 4u; i++) { parameters[at + i] = drawn[i]; }
    parameters[at + 4u] = fifth;
    parameters[at + 5u] = 0.0;
    parameters[at + 6u] = 0.0;
    parameters[at + 7u] = select(0.0, 1.0, on);
  }
  var partner = row;
  if params.rows > 1u {
    let others = params.rows - 1u;
    partner = (row + 1u + min(u32(random(0u, 63u, 0u) * f32(others)), others - 1u)) % params.rows;
  }
  for (var i = 0u; i < 3u; i++) {
    parameters[start + i] = x[i];
    parameters[start + 3u + i] = y[i];
  }
  parameters[start + 6u] = share;
  parameters[start + 7u] = f32(partner);
}
