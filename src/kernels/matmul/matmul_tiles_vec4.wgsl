// y[p, i, j] = f(sum over k of x[p, i, k] * w[p, k, j] * scale[j] + b[j] + residual[p, i, j])
//
// The matrix product through workgroup memory with loads and stores of 16 bytes, for GPUs: n, k and, with a transposed x, m
// are multiples of four.
//
// A workgroup computes TILE_ROWS by TILE_COLUMNS of the result, each invocation 8 rows by COLUMNS_EACH columns in registers, LANES_DOWN
// rows and LANES_ACROSS vectors apart, so that neighbours read neighbouring places. STEPS terms of the sum go through
// workgroup memory at a time: an invocation brings blocks of four by four of x and w there, turned so that later reads are
// whole vectors, and each vector that is read serves 32 multiply-adds. Rows and columns past an
// edge repeat the last ones and are not stored; steps past the end are zero.
//
// With kEach below k a launch computes partial sums: z counts the parts, whose results lie one after another in y and are
// added up by matmul_sum_parts. Otherwise z counts the products p of a batch.

const TILE_ROWS: u32 = 64u; // 32, 64 or 128
const TILE_COLUMNS: u32 = 64u; // 32, 64 or 128
const COLUMNS_EACH: u32 = 8u; // 4 or 8: columns of one invocation
const STEPS: u32 = 16u; // terms of the sum that lie in workgroup memory at a time

const VECTORS: u32 = TILE_COLUMNS / 4u; // of columns
const LANES_ACROSS: u32 = TILE_COLUMNS / COLUMNS_EACH;
const LANES_DOWN: u32 = TILE_ROWS / 8u;
const WORKGROUP: u32 = LANES_ACROSS * LANES_DOWN;
const BLOCKS_DOWN: u32 = TILE_ROWS / 4u;
const BLOCKS_DEEP: u32 = STEPS / 4u;
const X_PITCH: u32 = BLOCKS_DEEP + 1u; // vectors from one row to the next: one more, so that rows lie in different banks
const X_BLOCKS: u32 = BLOCKS_DOWN * BLOCKS_DEEP;
const W_BLOCKS: u32 = VECTORS * BLOCKS_DEEP;

// Which way neighbours in memory lie, so that neighbouring invocations read them: rows of x next to each other instead of its
// steps, steps of w instead of its columns.
override X_TURNED: bool = false;
override W_TURNED: bool = false;
override HAS_SCALE: bool = true;
override HAS_BIAS: bool = true;
override HAS_RESIDUAL: bool = true;
override FUNCTION: u32 = 0; // the activation, with the numbers of activation.wgsl

struct Params {
  m: u32,
  n: u32, // this and what follows in vectors of four
  k: u32,
  kEach: u32, // vectors of k in one part
  kFirst: u32, // from one part's first vector to the next part's
  xPart: u32, // from one product to the next
  wPart: u32,
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<vec4f>;
@group(0) @binding(3) var<storage, read> scale: array<vec4f>;
@group(0) @binding(4) var<storage, read> b: array<vec4f>;
@group(0) @binding(5) var<storage, read> residual: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;

var<workgroup> xTile: array<vec4f, TILE_ROWS * X_PITCH>; // a vector is four steps of one row
var<workgroup> wTile: array<vec4f, STEPS * VECTORS>; // a vector is four columns of one step

fn activate(v: vec4f) -> vec4f {
  switch FUNCTION {
    case 1u: {
      let low = select(params.slope * (v - params.threshold), v, v >= vec4f(params.threshold));
      return min(low, vec4f(params.maxValue));
    }
    case 2u: { return 1.0 / (1.0 + exp(-v)); }
    case 3u: { return tanh(clamp(v, vec4f(-15.0), vec4f(15.0))); }
    case 4u: { return v / (1.0 + exp(-v)); }
    case 5u: { return clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    case 6u: { return v * clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    default: { return v; }
  }
}

// Four rows from `row` on at the four steps of a vector: a column a row, the steps within it.
fn loadX(part: u32, row: u32, step: u32, end: u32) -> mat4x4f {
  if step >= end { return mat4x4f(); }
  if X_TURNED {
    let across = params.m / 4u;
    let at = part * params.xPart + 4u * step * across + min(row / 4u, across - 1u);
    return transpose(mat4x4f(x[at], x[at + across], x[at + 2u * across], x[at + 3u * across]));
  }
  let at = part * params.xPart + min(row + vec4u(0u, 1u, 2u, 3u), vec4u(params.m - 1u)) * params.k + step;
  return mat4x4f(x[at.x], x[at.y], x[at.z], x[at.w]);
}

// A vector of w. With weights in f16 another reading stands here (half/reading.ts).
fn weights(i: u32) -> vec4f { return w[i]; }

// The four steps of a vector at the four columns of one: a column a step, the columns of y within it.
fn loadW(part: u32, step: u32, column: u32, end: u32) -> mat4x4f {
  if step >= end { return mat4x4f(); }
  let c = min(column, params.n - 1u);
  if W_TURNED {
    let at = part * params.wPart + 4u * c * params.k + step;
    return transpose(mat4x4f(weights(at), weights(at + params.k), weights(at + 2u * params.k), weights(at + 3u * params.k)));
  }
  let at = part * params.wPart + 4u * step * params.n + c;
  return mat4x4f(weights(at), weights(at + params.n), weights(at + 2u * params.n), weights(at + 3u * params.n));
}

// One row's sum and its next four terms: x4 has four steps, w0 to w3 the columns at each of them.
fn addRow(sum: vec4f, x4: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return fma(vec4f(x4.w), w3, fma(vec4f(x4.z), w2, fma(vec4f(x4.y), w1, fma(vec4f(x4.x), w0, sum))));
}

fn finish(sum: vec4f, row: u32, c: u32, part: u32) {
  if row >= params.m || c >= params.n { return; }
  let i = (part * params.m + row) * params.n + c;
  var z = sum;
  if HAS_SCALE { z *= scale[c]; }
  if HAS_BIAS { z += b[c]; }
  if HAS_RESIDUAL { z += residual[i]; }
  y[i] = activate(z);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) local: u32) {
  let tile = workgroup.x + workgroup.y * workgroups.x;
  let across = local % LANES_ACROSS;
  let down = local / LANES_ACROSS;
  let tilesAcross = (params.n + VECTORS - 1u) / VECTORS;
  let firstRow = tile / tilesAcross * TILE_ROWS;
  let firstColumn = tile % tilesAcross * VECTORS;
  let part = workgroup.z;
  let begin = part * params.kFirst;
  let end = min(begin + params.kEach, params.k);
  var p0 = vec4f(); var q0 = vec4f();
  var p1 = vec4f(); var q1 = vec4f();
  var p2 = vec4f(); var q2 = vec4f();
  var p3 = vec4f(); var q3 = vec4f();
  var p4 = vec4f(); var q4 = vec4f();
  var p5 = vec4f(); var q5 = vec4f();
  var p6 = vec4f(); var q6 = vec4f();
  var p7 = vec4f(); var q7 = vec4f();
  for (var step = begin; step < end; step += BLOCKS_DEEP) {
    for (var i = local; i < X_BLOCKS + W_BLOCKS; i += WORKGROUP) {
      if i < X_BLOCKS {
        let rows = select(i / BLOCKS_DEEP, i % BLOCKS_DOWN, X_TURNED);
        let deep = select(i % BLOCKS_DEEP, i / BLOCKS_DOWN, X_TURNED);
        let block = loadX(part, firstRow + rows * 4u, step + deep, end);
        let first = rows * 4u * X_PITCH + deep;
        xTile[first] = block[0];
        xTile[first + X_PITCH] = block[1];
        xTile[first + 2u * X_PITCH] = block[2];
        xTile[first + 3u * X_PITCH] = block[3];
      } else {
        let j = i - X_BLOCKS;
        let columns = select(j % VECTORS, j / BLOCKS_DEEP, W_TURNED);
        let deep = select(j / VECTORS, j % BLOCKS_DEEP, W_TURNED);
        let block = loadW(part, step + deep, firstColumn + columns, end);
        let first = deep * 4u * VECTORS + columns;
        wTile[first] = block[0];
        wTile[first + VECTORS] = block[1];
        wTile[first + 2u * VECTORS] = block[2];
        wTile[first + 3u * VECTORS] = block[3];
      }
    }
    workgroupBarrier();
    for (var block = 0u; block < BLOCKS_DEEP; block++) {
      let at = block * 4u * VECTORS + across;
      let u0 = wTile[at];
      let u1 = wTile[at + VECTORS];
      let u2 = wTile[at + 2u * VECTORS];
      let u3 = wTile[at + 3u * VECTORS];
      let v0 = wTile[at + LANES_ACROSS];
      let v1 = wTile[at + LANES_ACROSS + VECTORS];
      let v2 = wTile[at + LANES_ACROSS + 2u * VECTORS];
      let v3 = wTile[at + LANES_ACROSS + 3u * VECTORS];
      let x0 = xTile[(down + 0u * LANES_DOWN) * X_PITCH + block];
      p0 = addRow(p0, x0, u0, u1, u2, u3);
      if COLUMNS_EACH == 8u { q0 = addRow(q0, x0, v0, v1, v2, v3); }
      let x1 = xTile[(down + 1u * LANES_DOWN) * X_PITCH + block];
      p1 = addRow(p1, x1, u0, u1, u2, u3);
      if COLUMNS_EACH == 8u { q1 = addRow(q1, x1, v0, v1, v2, v3); }
      let x2 = xTile[(down + 2u * LANES_DOWN) * X_PITCH + block];
      p2 = addRow(p2, x2, u0, u1, u2, u3);
      if COLUMNS_EACH == 8u { q2 = addRow(q2, x2, v0, v1, v2, v3); }
      let x3 = xTile[(down + 3u * LANES_DOWN) * X_PITCH + block];
      p3 = addRow(p3, x3, u0, u1, u2, u3);
      if COLUMNS_EACH == 8u { q3 = addRow(q3, x3, v0, v1, v2, v3); }
      let x4 = xTile[(down + 4u * LANES_DOWN) * X_PITCH + block];
      p4 = addRow(p4, x4, u0, u1, u2, u3);
      if COLUMNS_EACH == 8u { q4 = addRow(q4, x4, v0, v1, v2, v3); }
      let x5 = xTile[(down + 5u * LANES_DOWN) * X_PITCH + block];
      p5 = addRow(p5, x5, u0, u1, u2, u3);
      if COLUMNS_EACH == 8u { q5 = addRow(q5, x5, v0, v1, v2, v3); }
      let x6 = xTile[(down + 6u * LANES_DOWN) * X_PITCH + block];
      p6 = addRow(p6, x6, u0, u1, u2, u3);
      if COLUMNS_EACH == 8u { q6 = addRow(q6, x6, v0, v1, v2, v3); }
      let x7 = xTile[(down + 7u * LANES_DOWN) * X_PITCH + block];
      p7 = addRow(p7, x7, u0, u1, u2, u3);
      if COLUMNS_EACH == 8u { q7 = addRow(q7, x7, v0, v1, v2, v3); }
    }
    workgroupBarrier();
  }
  let row = firstRow + down;
  let column = firstColumn + across;
  finish(p0, row + 0u * LANES_DOWN, column, part);
  finish(p1, row + 1u * LANES_DOWN, column, part);
  finish(p2, row + 2u * LANES_DOWN, column, part);
  finish(p3, row + 3u * LANES_DOWN, column, part);
  finish(p4, row + 4u * LANES_DOWN, column, part);
  finish(p5, row + 5u * LANES_DOWN, column, part);
  finish(p6, row + 6u * LANES_DOWN, column, part);
  finish(p7, row + 7u * LANES_DOWN, column, part);
  if COLUMNS_EACH == 4u { return; }
  finish(q0, row + 0u * LANES_DOWN, column + LANES_ACROSS, part);
  finish(q1, row + 1u * LANES_DOWN, column + LANES_ACROSS, part);
  finish(q2, row + 2u * LANES_DOWN, column + LANES_ACROSS, part);
  finish(q3, row + 3u * LANES_DOWN, column + LANES_ACROSS, part);
  finish(q4, row + 4u * LANES_DOWN, column + LANES_ACROSS, part);
  finish(q5, row + 5u * LANES_DOWN, column + LANES_ACROSS, part);
  finish(q6, row + 6u * LANES_DOWN, column + LANES_ACROSS, part);
  finish(q7, row + 7u * LANES_DOWN, column + LANES_ACROSS, part);
}
