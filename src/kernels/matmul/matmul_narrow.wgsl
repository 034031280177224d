// y[i, j] = f(sum over k of x[i, k] * w[k, j] * scale[j] + b[j] + residual[i, j])
//
// The matrix product where y is narrow, without workgroup memory: one invocation computes four rows by COLUMNS columns, so
// that each number of x is loaded once where n is not above eight. Where the factors lie is a matter of their strides, so a
// y with few rows is computed as its transpose. Rows and columns past the end repeat the last one and are not stored.
// The launch is one-dimensional over tiles and parts of k: a long sum gives each invocation a part, and
// matmul_sum_parts adds up what they leave, one part after another.

const COLUMNS: u32 = 8u; // 1 to 8

override WORKGROUP: u32 = 4;
override HAS_SCALE: bool = false;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
override FUNCTION: u32 = 0; // the activation, with the numbers of activation.wgsl

struct Params {
  m: u32,
  n: u32,
  k: u32,
  kEach: u32, // of one part
  parts: u32,
  xRow: u32, // from one i to the next
  xStep: u32, // from one k to the next
  wStep: u32,
  wColumn: u32, // from one j to the next
  yRow: u32,
  yColumn: u32,
  swapped: u32, // j counts rows of y
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<f32>;
@group(0) @binding(5) var<storage, read> residual: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

fn activate(v: f32) -> f32 {
  switch FUNCTION {
    case 1u: {
      let low = select(params.slope * (v - params.threshold), v, v >= params.threshold);
      return min(low, params.maxValue);
    }
    case 2u: { return 1.0 / (1.0 + exp(-v)); }
    case 3u: { return tanh(clamp(v, -15.0, 15.0)); }
    case 4u: { return v / (1.0 + exp(-v)); }
    case 5u: { return clamp(v / 6.0 + 0.5, 0.0, 1.0); }
    case 6u: { return v * clamp(v / 6.0 + 0.5, 0.0, 1.0); }
    default: { return v; }
  }
}

fn finish(sum: f32, at: u32, row: u32, column: u32) {
  if row >= params.m { return; }
  let channel = select(column, row, params.swapped != 0u);
  var z = sum;
  if HAS_SCALE { z *= scale[channel]; }
  if HAS_BIAS { z += b[channel]; }
  if HAS_RESIDUAL { z += residual[at]; }
  y[at] = activate(z);
}

fn put(row: u32, column: u32, start: u32, sums: vec4f) {
  if column >= params.n { return; }
  let at = start + row * params.yRow + column * params.yColumn;
  finish(sums.x, at, row, column);
  finish(sums.y, at + params.yRow, row + 1u, column);
  finish(sums.z, at + 2u * params.yRow, row + 2u, column);
  finish(sums.w, at + 3u * params.yRow, row + 3u, column);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let across = (params.n + COLUMNS - 1u) / COLUMNS;
  let tiles = (params.m + 3u) / 4u * across;
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  let part = i / tiles;
  if part >= params.parts { return; }
  let row = (i % tiles) / across * 4u;
  let column = i % across * COLUMNS;

  let first = part * params.kEach;
  let rows = min(row + vec4u(0u, 1u, 2u, 3u), vec4u(params.m - 1u));
  var xAt = rows * params.xRow + first * params.xStep;
  let last = params.n - 1u;
  let from0 = min(column + vec4u(0u, 1u, 2u, 3u), vec4u(last));
  let from4 = min(column + vec4u(4u, 5u, 6u, 7u), vec4u(last));
  var w0 = from0 * params.wColumn + first * params.wStep;
  var w4 = from4 * params.wColumn + first * params.wStep;
  // A vector of four rows for each column.
  var c0 = vec4f();
  var c1 = vec4f();
  var c2 = vec4f();
  var c3 = vec4f();
  var c4 = vec4f();
  var c5 = vec4f();
  var c6 = vec4f();
  var c7 = vec4f();
  let steps = min(params.kEach, params.k - first);
  for (var step = 0u; step < steps; step++) {
    let v = vec4f(x[xAt.x], x[xAt.y], x[xAt.z], x[xAt.w]);
    c0 = fma(v, vec4f(w[w0.x]), c0);
    if COLUMNS > 1u { c1 = fma(v, vec4f(w[w0.y]), c1); }
    if COLUMNS > 2u { c2 = fma(v, vec4f(w[w0.z]), c2); }
    if COLUMNS > 3u { c3 = fma(v, vec4f(w[w0.w]), c3); }
    if COLUMNS > 4u { c4 = fma(v, vec4f(w[w4.x]), c4); }
    if COLUMNS > 5u { c5 = fma(v, vec4f(w[w4.y]), c5); }
    if COLUMNS > 6u { c6 = fma(v, vec4f(w[w4.z]), c6); }
    if COLUMNS > 7u { c7 = fma(v, vec4f(w[w4.w]), c7); }
    xAt += vec4u(params.xStep);
    w0 += vec4u(params.wStep);
    w4 += vec4u(params.wStep);
  }
  let start = part * params.m * params.n;
  put(row, column, start, c0);
  if COLUMNS > 1u { put(row, column + 1u, start, c1); }
  if COLUMNS > 2u { put(row, column + 2u, start, c2); }
  if COLUMNS > 3u { put(row, column + 3u, start, c3); }
  if COLUMNS > 4u { put(row, column + 4u, start, c4); }
  if COLUMNS > 5u { put(row, column + 5u, start, c5); }
  if COLUMNS > 6u { put(row, column + 6u, start, c6); }
  if COLUMNS > 7u { put(row, column + 7u, start, c7); }
}
