// y[o, p, i] = sum over k of weight(p, k) * x[o, k, i]     or, to COLLECT,     y[o, k, i] = sum over p of weight(p, k) * x[o, p, i]
//
// One axis of a resized image; o counts what lies in front of the axis, i what lies behind it. Element p of the resized axis lies
// at u = slope * p + shift of the image's. MODE:
//   0 nearest  the element that ROUNDING leads to: 0 nearest, half down; 1 nearest, half up; 2 floor; 3 ceil
//   1 linear   weight ~ f(stretch * (k - u)), f(d) = max(0, 1 - |d|)
//   2 cubic    the same with Keys's kernel (1981), f(d) = (A + 2)|d|^3 - (A + 3)|d|^2 + 1 up to 1, then A|d|^3 - 5A|d|^2 + 8A|d| - 4A
//              up to 2
// Weights of one p are divided by their sum. Elements beside the image are the nearest one inside, or, to EXCLUDE them, have no
// weight. stretch < 1 widens the kernel where the image shrinks (antialiasing). To CROP, elements whose u lies beside the image
// have the value `outside`. Where a step is decided, u is rounded to 1/4096, so that a tie is one whatever a division loses.
// One invocation computes one element of y; neighbours write neighbours.

override WORKGROUP: u32 = 64;
override MODE: u32 = 0;
override ROUNDING: u32 = 0;
override EXCLUDE: bool = false;
override CROP: bool = false;
override COLLECT: bool = false;

struct Params {
  count: u32, // elements of y
  image: u32, // length of the image's axis
  resized: u32, // length of the resized axis
  inner: u32,
  slope: f32,
  shift: f32,
  stretch: f32,
  cubic: f32, // A
  outside: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn place(p: u32) -> f32 {
  return params.slope * f32(p) + params.shift;
}

fn steady(u: f32) -> f32 {
  return round(u * 4096.0) / 4096.0;
}

fn isOutside(u: f32) -> bool {
  return steady(u) < 0.0 || steady(u) > f32(params.image - 1u);
}

fn inside(k: i32) -> i32 {
  return clamp(k, 0, i32(params.image) - 1);
}

fn nearest(u: f32) -> i32 {
  let v = steady(u);
  switch ROUNDING {
    case 1u: { return inside(i32(floor(v + 0.5))); }
    case 2u: { return inside(i32(floor(v))); }
    case 3u: { return inside(i32(ceil(v))); }
    default: { return inside(i32(ceil(v - 0.5))); }
  }
}

fn kernel(d: f32) -> f32 {
  let a = abs(d);
  if MODE == 1u { return max(0.0, 1.0 - a); }
  let c = params.cubic;
  if a <= 1.0 { return ((c + 2.0) * a - (c + 3.0)) * a * a + 1.0; }
  if a < 2.0 { return ((c * a - 5.0 * c) * a + 8.0 * c) * a - 4.0 * c; }
  return 0.0;
}

// Half the width of the kernel in elements of the image.
fn reach() -> f32 {
  return select(1.0, 2.0, MODE == 2u) / params.stretch;
}

fn counts(k: i32) -> bool {
  return !EXCLUDE || k == inside(k);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let n = (group.x + group.y * groups.x) * WORKGROUP + local;
  if n >= params.count { return; }
  let length = select(params.resized, params.image, COLLECT); // of the axis of y
  let i = n % params.inner;
  let own = (n / params.inner) % length;
  let o = n / (params.inner * length);
  let first = o * select(params.image, params.resized, COLLECT) * params.inner + i;

  // The resized elements that own is, or has a part in: those about (own - shift) / slope, and at the ends of the image all beyond.
  var begin = own;
  var end = own + 1u;
  if COLLECT {
    begin = 0u;
    end = params.resized;
    if params.slope > 0.0 {
      let around = reach() + 1.5;
      let low = floor((f32(own) - around - params.shift) / params.slope);
      let high = ceil((f32(own) + around - params.shift) / params.slope) + 1.0;
      if own > 0u { begin = u32(clamp(low, 0.0, f32(params.resized))); }
      if own + 1u < params.image { end = u32(clamp(high, 0.0, f32(params.resized))); }
    }
  }

  var result = 0.0;
  for (var p = begin; p < end; p++) {
    let u = place(p);
    if CROP && isOutside(u) {
      if !COLLECT { result = params.outside; }
      continue;
    }
    var sum = 0.0;
    var weights = 0.0;
    var part = 0.0; // of these weights, that of element own
    if MODE == 0u {
      let k = nearest(u);
      weights = 1.0;
      part = select(0.0, 1.0, u32(k) == own);
      if !COLLECT { sum = x[first + u32(k) * params.inner]; }
    } else {
      let last = i32(floor(u + reach()));
      for (var k = i32(ceil(u - reach())); k <= last; k++) {
        if !counts(k) { continue; }
        let weight = kernel(params.stretch * (f32(k) - u));
        let at = u32(inside(k));
        weights += weight;
        if COLLECT {
          if at == own { part += weight; }
        } else {
          sum += weight * x[first + at * params.inner];
        }
      }
    }
    if weights != 0.0 {
      if COLLECT {
        if part != 0.0 { result += part / weights * x[first + p * params.inner]; }
      } else {
        result = sum / weights;
      }
    }
  }
  y[n] = result;
}
