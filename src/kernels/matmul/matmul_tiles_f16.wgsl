// y[p, i, j] = f(sum over k of x[p, i, k] * w[p, k, j] * scale[j] + b[j] + residual[p, i, j])
//
// The matrix product through workgroup memory in f16, for GPUs with shader-f16 and frozen weights: w lies in memory in f16, x is
// rounded on its way to workgroup memory, and products of STEPS terms are summed in packed f16 arithmetic, two at a time, before
// they are added to sums in f32; so the error does not grow with the length of the sum faster than that of its parts. n, k and,
// with a transposed x, m are multiples of four.
//
// A workgroup computes TILE_ROWS by TILE_COLUMNS of the result, each invocation 8 rows by 4 columns in registers, LANES_DOWN
// rows and LANES_ACROSS vectors apart, so that neighbours read neighbouring places. STEPS terms of the sum go through
// workgroup memory at a time: an invocation brings blocks of four by four of x and w there, turned so that later reads are
// whole vectors, and each vector of x that is read serves 16 multiply-adds. Rows and columns past an
// edge repeat the last ones and are not stored; steps past the end are zero.
//
// With kEach below k a launch computes partial sums: z counts the parts, whose results lie one after another in y and are
// added up by matmul_sum_parts. Otherwise z counts the products p of a batch.

enable f16;

const TILE_ROWS: u32 = 64u; // 32, 64 or 128
const TILE_COLUMNS: u32 = 64u; // 32 or 64
const STEPS: u32 = 16u; // terms of the sum that lie in workgroup memory at a time

const VECTORS: u32 = TILE_COLUMNS / 4u; // of columns
const LANES_ACROSS: u32 = VECTORS;
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
@group(0) @binding(2) var<storage, read> w: array<vec4h>;
@group(0) @binding(3) var<storage, read> scale: array<vec4f>;
@group(0) @binding(4) var<storage, read> b: array<vec4f>;
@group(0) @binding(5) var<storage, read> residual: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;

var<workgroup> xTile: array<vec4h, TILE_ROWS * X_PITCH>; // a vector is four steps of one row
var<workgroup> wTile: array<vec4h, STEPS * VECTORS>; // a vector is four columns of one step

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

// The four steps of a vector at the four columns of one: a column a step, the columns of y within it.
fn loadW(part: u32, step: u32, column: u32, end: u32) -> mat4x4h {
  if step >= end { return mat4x4h(); }
  let c = min(column, params.n - 1u);
  if W_TURNED {
    let at = part * params.wPart + 4u * c * params.k + step;
    return transpose(mat4x4h(w[at], w[at + params.k], w[at + 2u * params.k], w[at + 3u * params.k]));
  }
  let at = part * params.wPart + 4u * step * params.n + c;
  return mat4x4h(w[at], w[at + params.n], w[at + 2u * params.n], w[at + 3u * params.n]);
}

// Four columns in pairs, as packed arithmetic takes them.
struct Run {
  left: vec2h,
  right: vec2h,
}

// One row's run and its next four terms: x4 has four steps, w0 to w3 the columns at each of them.
fn addRow(run: Run, x4: vec4h, w0: vec4h, w1: vec4h, w2: vec4h, w3: vec4h) -> Run {
  return Run(
    fma(vec2h(x4.w), w3.xy, fma(vec2h(x4.z), w2.xy, fma(vec2h(x4.y), w1.xy, fma(vec2h(x4.x), w0.xy, run.left)))),
    fma(vec2h(x4.w), w3.zw, fma(vec2h(x4.z), w2.zw, fma(vec2h(x4.y), w1.zw, fma(vec2h(x4.x), w0.zw, run.right)))),
  );
}

fn total(run: Run) -> vec4f {
  return vec4f(vec2f(run.left), vec2f(run.right));
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
  var p0 = vec4f();
  var p1 = vec4f();
  var p2 = vec4f();
  var p3 = vec4f();
  var p4 = vec4f();
  var p5 = vec4f();
  var p6 = vec4f();
  var p7 = vec4f();
  for (var step = begin; step < end; step += BLOCKS_DEEP) {
    for (var i = local; i < X_BLOCKS + W_BLOCKS; i += WORKGROUP) {
      if i < X_BLOCKS {
        let rows = select(i / BLOCKS_DEEP, i % BLOCKS_DOWN, X_TURNED);
        let deep = select(i % BLOCKS_DEEP, i / BLOCKS_DOWN, X_TURNED);
        let block = loadX(part, firstRow + rows * 4u, step + deep, end);
        let first = rows * 4u * X_PITCH + deep;
        xTile[first] = vec4h(block[0]);
        xTile[first + X_PITCH] = vec4h(block[1]);
        xTile[first + 2u * X_PITCH] = vec4h(block[2]);
        xTile[first + 3u * X_PITCH] = vec4h(block[3]);
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
    var h0 = Run();
    var h1 = Run();
    var h2 = Run();
    var h3 = Run();
    var h4 = Run();
    var h5 = Run();
    var h6 = Run();
    var h7 = Run();
    for (var block = 0u; block < BLOCKS_DEEP; block++) {
      let at = block * 4u * VECTORS + across;
      let u0 = wTile[at];
      let u1 = wTile[at + VECTORS];
      let u2 = wTile[at + 2u * VECTORS];
      let u3 = wTile[at + 3u * VECTORS];
      let x0 = xTile[(down + 0u * LANES_DOWN) * X_PITCH + block];
      h0 = addRow(h0, x0, u0, u1, u2, u3);
      let x1 = xTile[(down + 1u * LANES_DOWN) * X_PITCH + block];
      h1 = addRow(h1, x1, u0, u1, u2, u3);
      let x2 = xTile[(down + 2u * LANES_DOWN) * X_PITCH + block];
      h2 = addRow(h2, x2, u0, u1, u2, u3);
      let x3 = xTile[(down + 3u * LANES_DOWN) * X_PITCH + block];
      h3 = addRow(h3, x3, u0, u1, u2, u3);
      let x4 = xTile[(down + 4u * LANES_DOWN) * X_PITCH + block];
      h4 = addRow(h4, x4, u0, u1, u2, u3);
      let x5 = xTile[(down + 5u * LANES_DOWN) * X_PITCH + block];
      h5 = addRow(h5, x5, u0, u1, u2, u3);
      let x6 = xTile[(down + 6u * LANES_DOWN) * X_PITCH + block];
      h6 = addRow(h6, x6, u0, u1, u2, u3);
      let x7 = xTile[(down + 7u * LANES_DOWN) * X_PITCH + block];
      h7 = addRow(h7, x7, u0, u1, u2, u3);
    }
    p0 += total(h0);
    p1 += total(h1);
    p2 += total(h2);
    p3 += total(h3);
    p4 += total(h4);
    p5 += total(h5);
    p6 += total(h6);
    p7 += total(h7);
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
}
