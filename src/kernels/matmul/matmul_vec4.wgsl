// y[p, i, j] = f(sum over k of x[p, i, k] * w[p, k, j] * scale[j] + b[j] + residual[p, i, j])
//
// The matrix product in registers, without workgroup memory: one invocation computes ROWS rows by 4 columns of y, which
// are vectors along j, and takes four steps of k at a time. All matrices are read in vectors of four, so n, k and, with
// a transposed x, m are multiples of four. Neighbours in a workgroup take neighbouring columns: they read the same x and
// successive vectors of w. Invocations past the last row repeat it and store nothing.
//
// With kEach below k a launch computes partial sums: z counts the parts, whose results lie one after another in y and are
// added up by matmul_sum_parts. Otherwise z counts the products p of a batch.

const ROWS: u32 = 8u; // 4 or 8

override WORKGROUP: u32 = 64;
override TRANSPOSE_X: bool = false; // x lies in memory as k rows of m
override TRANSPOSE_W: bool = false; // w lies in memory as n rows of k
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

// Four rows by four steps: a column a row, the steps within it.
fn loadX(part: u32, rows: vec4u, step: u32) -> mat4x4f {
  if TRANSPOSE_X {
    let across = params.m / 4u;
    let at = part * params.xPart + 4u * step * across + rows.x / 4u;
    return transpose(mat4x4f(x[at], x[at + across], x[at + 2u * across], x[at + 3u * across]));
  }
  let at = part * params.xPart + rows * params.k + step;
  return mat4x4f(x[at.x], x[at.y], x[at.z], x[at.w]);
}

// Four steps by four columns: a column a step, the columns of y within it.
fn loadW(part: u32, column: u32, step: u32) -> mat4x4f {
  if TRANSPOSE_W {
    let at = part * params.wPart + 4u * column * params.k + step;
    return transpose(mat4x4f(w[at], w[at + params.k], w[at + 2u * params.k], w[at + 3u * params.k]));
  }
  let at = part * params.wPart + 4u * step * params.n + column;
  return mat4x4f(w[at], w[at + params.n], w[at + 2u * params.n], w[at + 3u * params.n]);
}

fn addRow(sum: vec4f, x4: vec4f, w4: mat4x4f) -> vec4f {
  return fma(vec4f(x4.w), w4[3], fma(vec4f(x4.z), w4[2], fma(vec4f(x4.y), w4[1], fma(vec4f(x4.x), w4[0], sum))));
}

fn addRows(sum: mat4x4f, x4: mat4x4f, w4: mat4x4f) -> mat4x4f {
  return mat4x4f(addRow(sum[0], x4[0], w4), addRow(sum[1], x4[1], w4), addRow(sum[2], x4[2], w4), addRow(sum[3], x4[3], w4));
}

fn finish(sum: vec4f, row: u32, column: u32, part: u32) {
  if row >= params.m { return; }
  let i = part * params.m * params.n + row * params.n + column;
  var z = sum;
  if HAS_SCALE { z *= scale[column]; }
  if HAS_BIAS { z += b[column]; }
  if HAS_RESIDUAL { z += residual[i]; }
  y[i] = activate(z);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  let column = i % params.n;
  let row = i / params.n * ROWS;
  if row >= params.m { return; }
  let first = group.z * params.kFirst;
  let end = min(first + params.kEach, params.k);
  let last = vec4u(params.m - 1u);
  let counting = vec4u(0u, 1u, 2u, 3u);
  let rows0 = min(row + counting, last);
  let rows1 = min(row + 4u + counting, last);
  var sum0 = mat4x4f();
  var sum1 = mat4x4f();
  for (var step = first; step < end; step++) {
    let w4 = loadW(group.z, column, step);
    sum0 = addRows(sum0, loadX(group.z, rows0, step), w4);
    if ROWS == 8u { sum1 = addRows(sum1, loadX(group.z, rows1, step), w4); }
  }
  finish(sum0[0], row, column, group.z);
  finish(sum0[1], row + 1u, column, group.z);
  finish(sum0[2], row + 2u, column, group.z);
  finish(sum0[3], row + 3u, column, group.z);
  if ROWS == 8u {
    finish(sum1[0], row + 4u, column, group.z);
    finish(sum1[1], row + 5u, column, group.z);
    finish(sum1[2], row + 6u, column, group.z);
    finish(sum1[3], row + 7u, column, group.z);
  }
}
