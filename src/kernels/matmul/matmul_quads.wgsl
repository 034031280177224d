enable subgroups;
// y[p, i, j] = f(sum over k of x[p, i, k] * w[p, k, j] * scale[c] + b[c] + residual[p, i, j]), c = j
//
// The matrix product in registers, without workgroup memory or barriers, for adapters where loads cost most (a CPU
// behind the interface loads each lane's value by itself, but hands a value on to the other lanes almost for nothing).
// One workgroup is the four lanes of a quad and computes 32 rows by TILE columns of y: each lane has 8 rows of its
// own and all columns. Four steps of k go together. For its rows a lane loads 8 x 4 values of x; of w it loads, for each
// column, the one value of step k + lane, and the quad shares it out. So 32 + TILE loads serve 32 * TILE multiply-adds
// of a lane.
//
// How the factors lie in memory is a matter of strides, so one program serves all four kinds of transposition; with
// swapped the launch computes the transposed product (x and w change places), for a y with few rows. A launch with
// kEach below k computes partial sums: z counts the parts, whose results lie one after another in y and are added up by
// matmul_sum_parts. Otherwise z counts the products p of a batch.

const TILE: u32 = 32u; // columns of a tile: 16 or 32

override HAS_SCALE: bool = true;
override HAS_BIAS: bool = true;
override HAS_RESIDUAL: bool = true;
override FUNCTION: u32 = 1; // the activation, with the numbers of activation.wgsl; 1 is also used for none

struct Params {
  m: u32,
  n: u32,
  kEach: u32, // steps of one part
  kEnd: u32, // steps of all parts
  xRow: u32, // from one i to the next
  xStep: u32, // from one k to the next
  xPart: u32, // from one product or part to the next
  wStep: u32,
  wColumn: u32,
  wPart: u32,
  yRow: u32,
  yColumn: u32,
  swapped: u32, // the channel is the row, not the column
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

// Four rows of one column, of which `last` and those before it are inside. The channel is the column, or the row with
// swapped; rows past the edge may load anything, for they are not stored.
fn finish(sum: vec4f, row: u32, column: u32, at: vec4u, last: u32) {
  var z = sum;
  if params.swapped != 0u {
    let c = min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), vec4u(params.m - 1u));
    if HAS_SCALE { z *= vec4f(scale[c.x], scale[c.y], scale[c.z], scale[c.w]); }
    if HAS_BIAS { z += vec4f(b[c.x], b[c.y], b[c.z], b[c.w]); }
  } else {
    if HAS_SCALE { z *= scale[column]; }
    if HAS_BIAS { z += b[column]; }
  }
  if HAS_RESIDUAL { z += vec4f(residual[at.x], residual[at.y], residual[at.z], residual[at.w]); }
  z = activate(z);
  y[at.x] = z.x;
  if last > 0u { y[at.y] = z.y; }
  if last > 1u { y[at.z] = z.z; }
  if last > 2u { y[at.w] = z.w; }
}

fn loadRows(at: vec4u) -> vec4f {
  return vec4f(x[at.x], x[at.y], x[at.z], x[at.w]);
}

// Four rows at four steps: a column a step.
fn loadBlock(rows: vec4u, steps: vec4u) -> mat4x4f {
  return mat4x4f(loadRows(rows + steps.x), loadRows(rows + steps.y), loadRows(rows + steps.z), loadRows(rows + steps.w));
}

fn loadColumns(at: vec4u) -> vec4f {
  return vec4f(w[at.x], w[at.y], w[at.z], w[at.w]);
}

// Each lane has one step of four columns; afterwards all lanes have all steps, a column of the result a step.
fn share(own: vec4f) -> mat4x4f {
  return mat4x4f(quadBroadcast(own, 0u), quadBroadcast(own, 1u), quadBroadcast(own, 2u), quadBroadcast(own, 3u));
}

// sum[j] + the product over four steps; a column of `sum` holds four rows of one column of y.
fn multiplyAdd(sum: mat4x4f, x4: mat4x4f, w4: mat4x4f) -> mat4x4f {
  return mat4x4f(
    fma(x4[3], vec4f(w4[3].x), fma(x4[2], vec4f(w4[2].x), fma(x4[1], vec4f(w4[1].x), fma(x4[0], vec4f(w4[0].x), sum[0])))),
    fma(x4[3], vec4f(w4[3].y), fma(x4[2], vec4f(w4[2].y), fma(x4[1], vec4f(w4[1].y), fma(x4[0], vec4f(w4[0].y), sum[1])))),
    fma(x4[3], vec4f(w4[3].z), fma(x4[2], vec4f(w4[2].z), fma(x4[1], vec4f(w4[1].z), fma(x4[0], vec4f(w4[0].z), sum[2])))),
    fma(x4[3], vec4f(w4[3].w), fma(x4[2], vec4f(w4[2].w), fma(x4[1], vec4f(w4[1].w), fma(x4[0], vec4f(w4[0].w), sum[3])))),
  );
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) invocation: u32,
) {
  let columnTiles = (params.n + TILE - 1u) / TILE;
  let tile = group.x + group.y * groups.x;
  let row = (tile / columnTiles * 4u + local) * 8u;
  let column = tile % columnTiles * TILE;
  let lane = invocation % 4u; // place in the quad, which need not be `local`
  let steps = min(params.kEach, params.kEnd - min(params.kEnd, group.z * params.kEach));

  // Rows and columns past the edge repeat the last one; their sums are not stored.
  let counting = vec4u(0u, 1u, 2u, 3u);
  let lastRow = vec4u(params.m - 1u);
  let lastColumn = vec4u(params.n - 1u);
  let x0 = min(row + counting, lastRow) * params.xRow + group.z * params.xPart;
  let x1 = min(row + 4u + counting, lastRow) * params.xRow + group.z * params.xPart;
  let w0 = min(column + counting, lastColumn) * params.wColumn + group.z * params.wPart;
  let w1 = min(column + 4u + counting, lastColumn) * params.wColumn + group.z * params.wPart;
  let w2 = min(column + 8u + counting, lastColumn) * params.wColumn + group.z * params.wPart;
  let w3 = min(column + 12u + counting, lastColumn) * params.wColumn + group.z * params.wPart;
  let w4 = min(column + 16u + counting, lastColumn) * params.wColumn + group.z * params.wPart;
  let w5 = min(column + 20u + counting, lastColumn) * params.wColumn + group.z * params.wPart;
  let w6 = min(column + 24u + counting, lastColumn) * params.wColumn + group.z * params.wPart;
  let w7 = min(column + 28u + counting, lastColumn) * params.wColumn + group.z * params.wPart;

  var sum00 = mat4x4f(); var sum10 = mat4x4f();
  var sum01 = mat4x4f(); var sum11 = mat4x4f();
  var sum02 = mat4x4f(); var sum12 = mat4x4f();
  var sum03 = mat4x4f(); var sum13 = mat4x4f();
  var sum04 = mat4x4f(); var sum14 = mat4x4f();
  var sum05 = mat4x4f(); var sum15 = mat4x4f();
  var sum06 = mat4x4f(); var sum16 = mat4x4f();
  var sum07 = mat4x4f(); var sum17 = mat4x4f();
  for (var k = 0u; k < steps; k += 4u) {
    // Past the last step w counts as zero, and x repeats the last step, so that nothing foreign enters the sum.
    let xSteps = min(k + counting, vec4u(steps - 1u)) * params.xStep;
    let a0 = loadBlock(x0, xSteps);
    let a1 = loadBlock(x1, xSteps);
    let wStep = (k + lane) * params.wStep;
    let inside = k + lane < steps;

    let b0 = share(select(vec4f(), loadColumns(w0 + wStep), inside));
    sum00 = multiplyAdd(sum00, a0, b0);
    sum10 = multiplyAdd(sum10, a1, b0);
    let b1 = share(select(vec4f(), loadColumns(w1 + wStep), inside));
    sum01 = multiplyAdd(sum01, a0, b1);
    sum11 = multiplyAdd(sum11, a1, b1);
    let b2 = share(select(vec4f(), loadColumns(w2 + wStep), inside));
    sum02 = multiplyAdd(sum02, a0, b2);
    sum12 = multiplyAdd(sum12, a1, b2);
    let b3 = share(select(vec4f(), loadColumns(w3 + wStep), inside));
    sum03 = multiplyAdd(sum03, a0, b3);
    sum13 = multiplyAdd(sum13, a1, b3);
    if TILE == 32u {
      let b4 = share(select(vec4f(), loadColumns(w4 + wStep), inside));
      sum04 = multiplyAdd(sum04, a0, b4);
      sum14 = multiplyAdd(sum14, a1, b4);
      let b5 = share(select(vec4f(), loadColumns(w5 + wStep), inside));
      sum05 = multiplyAdd(sum05, a0, b5);
      sum15 = multiplyAdd(sum15, a1, b5);
      let b6 = share(select(vec4f(), loadColumns(w6 + wStep), inside));
      sum06 = multiplyAdd(sum06, a0, b6);
      sum16 = multiplyAdd(sum16, a1, b6);
      let b7 = share(select(vec4f(), loadColumns(w7 + wStep), inside));
      sum07 = multiplyAdd(sum07, a0, b7);
      sum17 = multiplyAdd(sum17, a1, b7);
    }
  }

  // A loop over the tile instead of 8 * TILE stores one by one: the program stays short, and this part runs once.
  var results = array<mat4x4f, 16>(
    sum00, sum10, sum01, sum11, sum02, sum12, sum03, sum13,
    sum04, sum14, sum05, sum15, sum06, sum16, sum07, sum17,
  );
  let part = group.z * params.m * params.n;
  for (var i = 0u; i < TILE / 2u; i++) {
    let first = row + i % 2u * 4u;
    if first >= params.m { continue; }
    let last = params.m - 1u - first;
    let at = part + (first + counting) * params.yRow;
    let c = column + i / 2u * 4u;
    let block = results[i];
    if c < params.n { finish(block[0], first, c, at + c * params.yColumn, last); }
    if c + 1u < params.n { finish(block[1], first, c + 1u, at + (c + 1u) * params.yColumn, last); }
    if c + 2u < params.n { finish(block[2], first, c + 2u, at + (c + 2u) * params.yColumn, last); }
    if c + 3u < params.n { finish(block[3], first, c + 3u, at + (c + 3u) * params.yColumn, last); }
  }
}
