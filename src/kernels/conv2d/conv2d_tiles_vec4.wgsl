// y[n, r, q, o] = f(z * scale[o] + b[o] + residual[n, r, q, o]),
// z = sum over taps (j, i) and channels d of source[n, r', q', d] * w[tap(j, i), d, o]
//
// The convolution and its gradient with respect to the image as a matrix product through workgroup memory with loads and
// stores of 16 bytes, for GPUs: rows are pixels, columns are channels of the result, and steps of the sum are the taps'
// channels, tap by tap. Channels of source and result are multiples of four in each group.
//
// A workgroup computes TILE_ROWS by TILE_COLUMNS of the result, each invocation 8 rows by COLUMNS_EACH columns in registers, LANES_DOWN
// rows and LANES_ACROSS vectors apart, so that neighbours read neighbouring places. STEPS terms of the sum go through
// workgroup memory at a time: an invocation brings blocks of four by four of x and w there, turned so that later reads are
// whole vectors, and each vector that is read serves 32 multiply-adds. Rows and columns past an
// edge repeat the last ones and are not stored; steps past the end are zero.
//
// Pixels lie on a grid: the one at (r, q) reads the source at row r * stride + first + j * tapStep and column likewise,
// and is written to row r * spread + origin of the result. For the convolution stride is its stride, tapStep its
// dilation and spread 1. For the gradient the source is dy and the grid is one phase of the strides: the pixels of dx
// that the same taps reach, so that no tap divides. Groups are counted by z.

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

override W_TURNED: bool = false; // steps of w lie next to each other instead of its columns
override HAS_SCALE: bool = true;
override HAS_BIAS: bool = true;
override HAS_RESIDUAL: bool = true;
override FUNCTION: u32 = 0; // the activation, with the numbers of activation.wgsl

struct Params {
  m: u32, // pixels of the grid, over the batch
  n: u32, // channels of the result, in a group, in vectors of four
  depth: u32, // channels of the source, in a group, in vectors of four
  gridRows: u32,
  gridColumns: u32,
  sourceRows: i32,
  sourceColumns: i32,
  sourceChannels: u32, // this and the lengths below that count channels or elements of w: in vectors
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

struct Pixel {
  image: u32,
  row: u32, // on the grid
  column: u32,
}

fn locate(pixel: u32) -> Pixel {
  let inImage = pixel % (params.gridRows * params.gridColumns);
  return Pixel(pixel / (params.gridRows * params.gridColumns), inImage / params.gridColumns, inImage % params.gridColumns);
}

// Where a pixel's first tap lies in the source, and its image.
struct Origin {
  row: i32,
  column: i32,
  image: i32,
}

fn originOf(pixel: u32) -> Origin {
  let place = locate(min(pixel, params.m - 1u));
  let row = i32(place.row) * params.strideRows + params.firstRow;
  return Origin(row, i32(place.column) * params.strideColumns + params.firstColumn, i32(place.image));
}

fn loadPixel(origin: Origin, tap: vec2i, channel: u32) -> vec4f {
  let row = origin.row + tap.x;
  let column = origin.column + tap.y;
  if row < 0 || row >= params.sourceRows || column < 0 || column >= params.sourceColumns { return vec4f(); }
  let position = (origin.image * params.sourceRows + row) * params.sourceColumns + column;
  return x[u32(position) * params.sourceChannels + channel];
}

// Four pixels at four channels of a tap, a vector of steps: a column a pixel, the steps within it.
fn loadX(group: u32, o0: Origin, o1: Origin, o2: Origin, o3: Origin, step: u32, end: u32) -> mat4x4f {
  if step >= end { return mat4x4f(); }
  let tap = step / params.depth;
  let channel = group * params.depth + step % params.depth;
  let at = vec2i(i32(tap / params.tapColumns) * params.tapStepRows, i32(tap % params.tapColumns) * params.tapStepColumns);
  return mat4x4f(loadPixel(o0, at, channel), loadPixel(o1, at, channel), loadPixel(o2, at, channel), loadPixel(o3, at, channel));
}

// A vector of w. With weights in f16 another reading stands here (half/reading.ts).
fn weights(i: u32) -> vec4f { return w[i]; }

// The four steps of a vector at the four columns of one: a column a step, the columns of y within it. With W_TURNED a
// vector of w is four steps, and wColumn leads to the next column; else it is four columns, and wStep leads to the next step.
fn loadW(group: u32, step: u32, column: u32, end: u32) -> mat4x4f {
  if step >= end { return mat4x4f(); }
  let tap = step / params.depth;
  let c = min(column, params.n - 1u);
  let first = params.wFirst + group * params.wGroup + tap / params.tapColumns * params.wTapRow + tap % params.tapColumns * params.wTapColumn;
  if W_TURNED {
    let at = first + step % params.depth + 4u * c * params.wColumn;
    return transpose(mat4x4f(weights(at), weights(at + params.wColumn), weights(at + 2u * params.wColumn), weights(at + 3u * params.wColumn)));
  }
  let at = first + 4u * (step % params.depth) * params.wStep + c;
  return mat4x4f(weights(at), weights(at + params.wStep), weights(at + 2u * params.wStep), weights(at + 3u * params.wStep));
}

// One row's sum and its next four terms: x4 has four steps, w0 to w3 the columns at each of them.
fn addRow(sum: vec4f, x4: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return fma(vec4f(x4.w), w3, fma(vec4f(x4.z), w2, fma(vec4f(x4.y), w1, fma(vec4f(x4.x), w0, sum))));
}

fn finish(sum: vec4f, pixel: u32, column: u32, group: u32) {
  if pixel >= params.m || column >= params.n { return; }
  let place = locate(pixel);
  let resultRow = place.row * params.spreadRows + params.originRow;
  let resultColumn = place.column * params.spreadColumns + params.originColumn;
  let position = (place.image * params.resultRows + resultRow) * params.resultColumns + resultColumn;
  let c = group * params.n + column;
  let i = position * params.resultChannels + c;
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
  let group = workgroup.z;
  // An invocation brings at most one block of x, of the same pixels at every step: found once, because it takes divisions.
  let firstPixel = firstRow + local / BLOCKS_DEEP * 4u;
  let o0 = originOf(firstPixel);
  let o1 = originOf(firstPixel + 1u);
  let o2 = originOf(firstPixel + 2u);
  let o3 = originOf(firstPixel + 3u);
  let begin = 0u;
  let end = params.tapRows * params.tapColumns * params.depth;
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
        let rows = i / BLOCKS_DEEP;
        let deep = i % BLOCKS_DEEP;
        let block = loadX(group, o0, o1, o2, o3, step + deep, end);
        let first = rows * 4u * X_PITCH + deep;
        xTile[first] = block[0];
        xTile[first + X_PITCH] = block[1];
        xTile[first + 2u * X_PITCH] = block[2];
        xTile[first + 3u * X_PITCH] = block[3];
      } else {
        let j = i - X_BLOCKS;
        let columns = select(j % VECTORS, j / BLOCKS_DEEP, W_TURNED);
        let deep = select(j / VECTORS, j % BLOCKS_DEEP, W_TURNED);
        let block = loadW(group, step + deep, firstColumn + columns, end);
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
  finish(p0, row + 0u * LANES_DOWN, column, group);
  finish(p1, row + 1u * LANES_DOWN, column, group);
  finish(p2, row + 2u * LANES_DOWN, column, group);
  finish(p3, row + 3u * LANES_DOWN, column, group);
  finish(p4, row + 4u * LANES_DOWN, column, group);
  finish(p5, row + 5u * LANES_DOWN, column, group);
  finish(p6, row + 6u * LANES_DOWN, column, group);
  finish(p7, row + 7u * LANES_DOWN, column, group);
  if COLUMNS_EACH == 4u { return; }
  finish(q0, row + 0u * LANES_DOWN, column + LANES_ACROSS, group);
  finish(q1, row + 1u * LANES_DOWN, column + LANES_ACROSS, group);
  finish(q2, row + 2u * LANES_DOWN, column + LANES_ACROSS, group);
  finish(q3, row + 3u * LANES_DOWN, column + LANES_ACROSS, group);
  finish(q4, row + 4u * LANES_DOWN, column + LANES_ACROSS, group);
  finish(q5, row + 5u * LANES_DOWN, column + LANES_ACROSS, group);
  finish(q6, row + 6u * LANES_DOWN, column + LANES_ACROSS, group);
  finish(q7, row + 7u * LANES_DOWN, column + LANES_ACROSS, group);
}
