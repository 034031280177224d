enable subgroups;
// y[n, r, q, o] = f(z * scale[o] + b[o] + residual[n, r, q, o]),
// z = sum over taps (j, i) and channels d of source[n, r', q', d] * w[tap(j, i), d, o]
//
// The convolution and its gradient with respect to the image, in registers, without workgroup memory or barriers: the
// scheme of matmul_quads, with pixels for rows and filters for columns. One workgroup is the four lanes of a quad and
// computes 32 pixels by TILE channels; each lane has 8 pixels of its own and all channels. Tap by tap, four channels
// of the source go together: a lane loads 8 x 4 values of its pixels, and for each column of w the one value of step
// k + lane, which the quad shares out.
//
// Pixels lie on a grid: the one at (r, q) reads the source at row r * stride + first + j * tapStep and column likewise,
// and is written to row r * spread + origin of the result. For the convolution stride is its stride, tapStep its
// dilation and spread 1. For the gradient the source is dy and the grid is one phase of the strides: the pixels of dx
// that the same taps reach, so that no tap divides. Groups are counted by z.

const TILE: u32 = 32u; // channels of a tile: 16 or 32

override HAS_SCALE: bool = true;
override HAS_BIAS: bool = true;
override HAS_RESIDUAL: bool = true;
override FUNCTION: u32 = 1; // the activation, with the numbers of activation.wgsl; 1 is also used for none

struct Params {
  m: u32, // pixels of the grid, over the batch
  n: u32, // channels of the result, in a group
  depth: u32, // channels of the source, in a group
  gridRows: u32,
  gridColumns: u32,
  sourceRows: i32,
  sourceColumns: i32,
  sourceChannels: u32,
  strideRows: i32,
  strideColumns: i32,
  firstRow: i32,
  firstColumn: i32,
  tapRows: u32,
  tapColumns: u32,
  tapStepRows: i32,
  tapStepColumns: i32,
  wFirst: u32, // where the first tap lies in w
  wTapRow: u32, // from one row of taps to the next
  wTapColumn: u32, // from one tap of a row to the next
  wStep: u32, // from one d to the next
  wColumn: u32, // from one o to the next
  wGroup: u32, // from one group to the next
  resultRows: u32,
  resultColumns: u32,
  resultChannels: u32,
  spreadRows: u32,
  spreadColumns: u32,
  originRow: u32,
  originColumn: u32,
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

// Four pixels of one channel, of which `last` and those before it are inside; the others are not stored.
fn finish(sum: vec4f, c: u32, at: vec4u, last: u32) {
  var z = sum;
  if HAS_SCALE { z *= scale[c]; }
  if HAS_BIAS { z += b[c]; }
  if HAS_RESIDUAL { z += vec4f(residual[at.x], residual[at.y], residual[at.z], residual[at.w]); }
  z = activate(z);
  y[at.x] = z.x;
  if last > 0u { y[at.y] = z.y; }
  if last > 1u { y[at.z] = z.z; }
  if last > 2u { y[at.w] = z.w; }
}

struct Pixels {
  image: vec4u,
  row: vec4u, // on the grid
  column: vec4u,
}

fn locate(pixel: vec4u) -> Pixels {
  let inImage = pixel % (params.gridRows * params.gridColumns);
  return Pixels(pixel / (params.gridRows * params.gridColumns), inImage / params.gridColumns, inImage % params.gridColumns);
}

// Where four pixels find their source for one tap, and whether that is inside the image.
struct Source {
  at: vec4u,
  inside: vec4<bool>,
}

fn sourceOf(pixels: Pixels, tapRow: u32, tapColumn: u32, group: u32) -> Source {
  let row = vec4i(pixels.row) * params.strideRows + params.firstRow + i32(tapRow) * params.tapStepRows;
  let column = vec4i(pixels.column) * params.strideColumns + params.firstColumn + i32(tapColumn) * params.tapStepColumns;
  let inside = (row >= vec4i()) & (row < vec4i(params.sourceRows)) & (column >= vec4i()) & (column < vec4i(params.sourceColumns));
  let pixel = (vec4i(pixels.image) * params.sourceRows + row) * params.sourceColumns + column;
  return Source(select(vec4u(), vec4u(pixel) * params.sourceChannels + group * params.depth, inside), inside);
}

fn loadRows(source: Source, step: u32) -> vec4f {
  let at = source.at + step;
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), source.inside);
}

// Four pixels at four steps: a column a step.
fn loadBlock(source: Source, steps: vec4u) -> mat4x4f {
  return mat4x4f(loadRows(source, steps.x), loadRows(source, steps.y), loadRows(source, steps.z), loadRows(source, steps.w));
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

  // Pixels and channels past the edge repeat the last one; their sums are not stored.
  let counting = vec4u(0u, 1u, 2u, 3u);
  let lastColumn = vec4u(params.n - 1u);
  let pixels0 = locate(min(row + counting, vec4u(params.m - 1u)));
  let pixels1 = locate(min(row + 4u + counting, vec4u(params.m - 1u)));
  let w0 = min(column + counting, lastColumn) * params.wColumn + group.z * params.wGroup;
  let w1 = min(column + 4u + counting, lastColumn) * params.wColumn + group.z * params.wGroup;
  let w2 = min(column + 8u + counting, lastColumn) * params.wColumn + group.z * params.wGroup;
  let w3 = min(column + 12u + counting, lastColumn) * params.wColumn + group.z * params.wGroup;
  let w4 = min(column + 16u + counting, lastColumn) * params.wColumn + group.z * params.wGroup;
  let w5 = min(column + 20u + counting, lastColumn) * params.wColumn + group.z * params.wGroup;
  let w6 = min(column + 24u + counting, lastColumn) * params.wColumn + group.z * params.wGroup;
  let w7 = min(column + 28u + counting, lastColumn) * params.wColumn + group.z * params.wGroup;

  var sum00 = mat4x4f(); var sum10 = mat4x4f();
  var sum01 = mat4x4f(); var sum11 = mat4x4f();
  var sum02 = mat4x4f(); var sum12 = mat4x4f();
  var sum03 = mat4x4f(); var sum13 = mat4x4f();
  var sum04 = mat4x4f(); var sum14 = mat4x4f();
  var sum05 = mat4x4f(); var sum15 = mat4x4f();
  var sum06 = mat4x4f(); var sum16 = mat4x4f();
  var sum07 = mat4x4f(); var sum17 = mat4x4f();
  // One loop over taps and channels: a software adapter runs the body of every loop once more than it must.
  var tapRow = 0u;
  var tapColumn = 0u;
  var k = 0u;
  let steps = params.tapRows * params.tapColumns * ((params.depth + 3u) / 4u);
  for (var step = 0u; step < steps; step++) {
    let source0 = sourceOf(pixels0, tapRow, tapColumn, group.z);
    let source1 = sourceOf(pixels1, tapRow, tapColumn, group.z);
    // Past the last channel w counts as zero, and x repeats the last one, so that nothing foreign enters the sum.
    let xSteps = min(k + counting, vec4u(params.depth - 1u));
    let a0 = loadBlock(source0, xSteps);
    let a1 = loadBlock(source1, xSteps);
    let wStep = params.wFirst + tapRow * params.wTapRow + tapColumn * params.wTapColumn + (k + lane) * params.wStep;
    let inside = k + lane < params.depth;

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

    k += 4u;
    let tapEnds = k >= params.depth;
    k = select(k, 0u, tapEnds);
    tapColumn += u32(tapEnds);
    let rowEnds = tapColumn == params.tapColumns;
    tapColumn = select(tapColumn, 0u, rowEnds);
    tapRow += u32(rowEnds);
  }

  // A loop over the tile instead of 8 * TILE stores one by one: the program stays short, and this part runs once.
  var results = array<mat4x4f, 16>(
    sum00, sum10, sum01, sum11, sum02, sum12, sum03, sum13,
    sum04, sum14, sum05, sum15, sum06, sum16, sum07, sum17,
  );
  let firstChannel = group.z * params.n;
  for (var i = 0u; i < TILE / 2u; i++) {
    let first = row + i % 2u * 4u;
    if first >= params.m { continue; }
    let last = params.m - 1u - first;
    let pixels = locate(first + counting);
    let resultRow = pixels.row * params.spreadRows + params.originRow;
    let resultColumn = pixels.column * params.spreadColumns + params.originColumn;
    let position = (pixels.image * params.resultRows + resultRow) * params.resultColumns + resultColumn;
    let at = position * params.resultChannels + firstChannel;
    let c = column + i / 2u * 4u;
    let block = results[i];
    if c < params.n { finish(block[0], firstChannel + c, at + c, last); }
    if c + 1u < params.n { finish(block[1], firstChannel + c + 1u, at + c + 1u, last); }
    if c + 2u < params.n { finish(block[2], firstChannel + c + 2u, at + c + 2u, last); }
    if c + 3u < params.n { finish(block[3], firstChannel + c + 3u, at + c + 3u, last); }
  }
}
