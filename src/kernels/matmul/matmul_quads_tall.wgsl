enable subgroups;
// y[p, i, j] = f(sum over k of x[p, i, k] * w[p, k, j] * scale[j] + b[j] + residual[p, i, j])
//
// matmul_quads_vec4 with twice the rows, for large products: one workgroup is the four lanes of a quad and computes 64 rows by
// 32 columns of y, each lane 16 rows of its own and all columns, as vectors along j, four steps of k at a time. For its rows a
// lane loads 16 vectors of x; of w it loads, for each of the 8 vectors of columns, the one at step k + lane, and the quad
// shares it out. So 24 loads serve 512 vector multiply-adds, where the smaller tile takes 16 for 256; the program is twice
// as long and takes twice as long to compile.
//
// All matrices are read in vectors of four, so n, k and, with a transposed x, m are multiples of four. Rows and columns
// past the edge repeat the last ones and are not stored. With kEach below k a launch computes partial sums: z counts the
// parts, whose results lie one after another in y and are added up by matmul_sum_parts. Otherwise z counts the products
// p of a batch.

const VECTORS: u32 = 8u; // of columns

override TRANSPOSE_X: bool = false; // x lies in memory as k rows of m
override TRANSPOSE_W: bool = false; // w lies in memory as n rows of k
override HAS_SCALE: bool = true;
override HAS_BIAS: bool = true;
override HAS_RESIDUAL: bool = true;
override FUNCTION: u32 = 1; // the activation, with the numbers of activation.wgsl; 1 is also used for none

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

fn activate(v: vec4f) -> vec4f {
  switch FUNCTION {
    case 1u: {
      let low = select(params.slope * (v - params.threshold), v, v >= vec4f(params.threshold));
      return select(low, vec4f(params.maxValue), low > vec4f(params.maxValue)); // NaN stays NaN
    }
    case 2u: { return 1.0 / (1.0 + exp(-v)); }
    case 3u: { return tanh(clamp(v, vec4f(-15.0), vec4f(15.0))); }
    case 4u: { return v / (1.0 + exp(-v)); }
    case 5u: { return clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    case 6u: { return v * clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    default: { return v; }
  }
}

// Four rows by four steps: a column a row, the steps within it.
fn loadX(part: u32, rows: vec4u, step: u32) -> mat4x4f {
  if TRANSPOSE_X {
    let across = params.m / 4u;
    let at = part * params.xPart + 4u * step * across + min(rows.x / 4u, across - 1u);
    return transpose(mat4x4f(x[at], x[at + across], x[at + 2u * across], x[at + 3u * across]));
  }
  let at = part * params.xPart + rows * params.k + step;
  return mat4x4f(x[at.x], x[at.y], x[at.z], x[at.w]);
}

// Four steps by four columns: a column a step, the columns of y within it. Each lane loads one of them.
fn shareW(part: u32, column: u32, step: u32, lane: u32) -> mat4x4f {
  let c = min(column, params.n - 1u);
  let first = part * params.wPart;
  let own = w[first + select((4u * step + lane) * params.n + c, (4u * c + lane) * params.k + step, TRANSPOSE_W)];
  let all = mat4x4f(quadBroadcast(own, 0u), quadBroadcast(own, 1u), quadBroadcast(own, 2u), quadBroadcast(own, 3u));
  if TRANSPOSE_W { return transpose(all); }
  return all;
}

fn addRow(sum: vec4f, x4: vec4f, w4: mat4x4f) -> vec4f {
  return fma(vec4f(x4.w), w4[3], fma(vec4f(x4.z), w4[2], fma(vec4f(x4.y), w4[1], fma(vec4f(x4.x), w4[0], sum))));
}

fn addRows(sum: mat4x4f, x4: mat4x4f, w4: mat4x4f) -> mat4x4f {
  return mat4x4f(addRow(sum[0], x4[0], w4), addRow(sum[1], x4[1], w4), addRow(sum[2], x4[2], w4), addRow(sum[3], x4[3], w4));
}

fn finish(sum: vec4f, row: u32, column: u32, part: u32, factor: vec4f, offset: vec4f) {
  if row >= params.m { return; }
  let i = (part * params.m + row) * params.n + column;
  var z = sum * factor + offset;
  if HAS_RESIDUAL { z += residual[i]; }
  y[i] = activate(z);
}

// Four rows; factor and offset belong to the column.
fn finishRows(sum: mat4x4f, row: u32, column: u32, part: u32, factor: vec4f, offset: vec4f) {
  finish(sum[0], row, column, part, factor, offset);
  finish(sum[1], row + 1u, column, part, factor, offset);
  finish(sum[2], row + 2u, column, part, factor, offset);
  finish(sum[3], row + 3u, column, part, factor, offset);
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) invocation: u32,
) {
  let across = (params.n + VECTORS - 1u) / VECTORS;
  let tile = group.x + group.y * groups.x;
  let row = (tile / across * 4u + local) * 16u;
  let column = tile % across * VECTORS;
  let part = group.z;
  let lane = invocation % 4u; // place in the quad, which need not be `local`
  let first = part * params.kFirst;
  let end = min(first + params.kEach, params.k);
  let last = vec4u(params.m - 1u);
  let counting = vec4u(0u, 1u, 2u, 3u);
  let rows0 = min(row + counting, last);
  let rows1 = min(row + 4u + counting, last);
  let rows2 = min(row + 8u + counting, last);
  let rows3 = min(row + 12u + counting, last);
  var sum00 = mat4x4f(); var sum10 = mat4x4f(); var sum20 = mat4x4f(); var sum30 = mat4x4f();
  var sum01 = mat4x4f(); var sum11 = mat4x4f(); var sum21 = mat4x4f(); var sum31 = mat4x4f();
  var sum02 = mat4x4f(); var sum12 = mat4x4f(); var sum22 = mat4x4f(); var sum32 = mat4x4f();
  var sum03 = mat4x4f(); var sum13 = mat4x4f(); var sum23 = mat4x4f(); var sum33 = mat4x4f();
  var sum04 = mat4x4f(); var sum14 = mat4x4f(); var sum24 = mat4x4f(); var sum34 = mat4x4f();
  var sum05 = mat4x4f(); var sum15 = mat4x4f(); var sum25 = mat4x4f(); var sum35 = mat4x4f();
  var sum06 = mat4x4f(); var sum16 = mat4x4f(); var sum26 = mat4x4f(); var sum36 = mat4x4f();
  var sum07 = mat4x4f(); var sum17 = mat4x4f(); var sum27 = mat4x4f(); var sum37 = mat4x4f();
  for (var step = first; step < end; step++) {
    let x0 = loadX(part, rows0, step);
    let x1 = loadX(part, rows1, step);
    let x2 = loadX(part, rows2, step);
    let x3 = loadX(part, rows3, step);
    let w0 = shareW(part, column + 0u, step, lane);
    sum00 = addRows(sum00, x0, w0);
    sum10 = addRows(sum10, x1, w0);
    sum20 = addRows(sum20, x2, w0);
    sum30 = addRows(sum30, x3, w0);
    let w1 = shareW(part, column + 1u, step, lane);
    sum01 = addRows(sum01, x0, w1);
    sum11 = addRows(sum11, x1, w1);
    sum21 = addRows(sum21, x2, w1);
    sum31 = addRows(sum31, x3, w1);
    let w2 = shareW(part, column + 2u, step, lane);
    sum02 = addRows(sum02, x0, w2);
    sum12 = addRows(sum12, x1, w2);
    sum22 = addRows(sum22, x2, w2);
    sum32 = addRows(sum32, x3, w2);
    let w3 = shareW(part, column + 3u, step, lane);
    sum03 = addRows(sum03, x0, w3);
    sum13 = addRows(sum13, x1, w3);
    sum23 = addRows(sum23, x2, w3);
    sum33 = addRows(sum33, x3, w3);
    let w4 = shareW(part, column + 4u, step, lane);
    sum04 = addRows(sum04, x0, w4);
    sum14 = addRows(sum14, x1, w4);
    sum24 = addRows(sum24, x2, w4);
    sum34 = addRows(sum34, x3, w4);
    let w5 = shareW(part, column + 5u, step, lane);
    sum05 = addRows(sum05, x0, w5);
    sum15 = addRows(sum15, x1, w5);
    sum25 = addRows(sum25, x2, w5);
    sum35 = addRows(sum35, x3, w5);
    let w6 = shareW(part, column + 6u, step, lane);
    sum06 = addRows(sum06, x0, w6);
    sum16 = addRows(sum16, x1, w6);
    sum26 = addRows(sum26, x2, w6);
    sum36 = addRows(sum36, x3, w6);
    let w7 = shareW(part, column + 7u, step, lane);
    sum07 = addRows(sum07, x0, w7);
    sum17 = addRows(sum17, x1, w7);
    sum27 = addRows(sum27, x2, w7);
    sum37 = addRows(sum37, x3, w7);
  }
  // A loop over the columns instead of VECTORS copies of its body, which would take a software adapter seconds to compile.
  var results = array<mat4x4f, 32>(
    sum00, sum10, sum20, sum30,
    sum01, sum11, sum21, sum31,
    sum02, sum12, sum22, sum32,
    sum03, sum13, sum23, sum33,
    sum04, sum14, sum24, sum34,
    sum05, sum15, sum25, sum35,
    sum06, sum16, sum26, sum36,
    sum07, sum17, sum27, sum37,
  );
  for (var i = 0u; i < min(VECTORS, params.n - column); i++) {
    var factor = vec4f(1.0);
    var offset = vec4f();
    if HAS_SCALE { factor = scale[column + i]; }
    if HAS_BIAS { offset = b[column + i]; }
    finishRows(results[4u * i], row, column + i, part, factor, offset);
    finishRows(results[4u * i + 1u], row + 4u, column + i, part, factor, offset);
    finishRows(results[4u * i + 2u], row + 8u, column + i, part, factor, offset);
    finishRows(results[4u * i + 3u], row + 12u, column + i, part, factor, offset);
  }
}
