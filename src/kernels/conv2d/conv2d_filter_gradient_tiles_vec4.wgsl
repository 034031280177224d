// dw[k, o] = sum over n, r, q of x[n, r * sy + ky * dy - top, q * sx + kx * dx - left, c] * dy[n, r, q, o], k = (ky, kx, d)
//
// The gradient of a convolution with respect to its filter as a matrix product through workgroup memory with loads and stores
// of 16 bytes, for GPUs: rows are the filter's taps and channels k, columns are filters, and steps of the sum are positions
// of dy. Inputs beside the image count as zero. Channels and filters are multiples of four in each group.
//
// A workgroup computes TILE_ROWS by TILE_COLUMNS of the result, each invocation 8 rows by COLUMNS_EACH columns in registers, LANES_DOWN
// rows and LANES_ACROSS vectors apart, so that neighbours read neighbouring places. STEPS terms of the sum go through
// workgroup memory at a time: an invocation brings blocks of four by four of x and dy there, turned so that later reads are
// whole vectors, and each vector that is read serves 32 multiply-adds. Rows and columns past an
// edge repeat the last ones and are not stored; positions past the end are zero.
//
// z counts parts of the positions; each leaves its sum, one after another, in dw, and matmul_sum_parts adds them up where
// there is more than one. Groups come one after another in the launch.

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

struct Params {
  m: u32, // taps * depth
  n: u32, // filters of a group, in vectors of four
  positions: u32, // of dy, over the batch
  each: u32, // positions of one part
  inRows: i32,
  inColumns: i32,
  channels: u32, // this, filters and depth in vectors of four
  outRows: u32,
  outColumns: u32,
  filters: u32,
  depth: u32,
  filterColumns: u32,
  strideRows: i32,
  strideColumns: i32,
  dilationRows: i32,
  dilationColumns: i32,
  top: i32,
  left: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dw: array<vec4f>;

var<workgroup> xTile: array<vec4f, TILE_ROWS * X_PITCH>; // a vector is four steps of one row
var<workgroup> wTile: array<vec4f, STEPS * VECTORS>; // a vector is four columns of one step

// Four rows k from `row` on, channels of one tap, at four positions from `step` on: a column a row, the positions within it.
fn loadX(group: u32, row: u32, step: u32, end: u32) -> mat4x4f {
  let k = min(row, params.m - 4u) / 4u;
  let tap = k / params.depth;
  let channel = group * params.depth + k % params.depth;
  let tapRow = i32(tap / params.filterColumns) * params.dilationRows - params.top;
  let tapColumn = i32(tap % params.filterColumns) * params.dilationColumns - params.left;
  var block = mat4x4f();
  for (var s = 0u; s < 4u; s++) {
    let position = step + s;
    let image = position / (params.outRows * params.outColumns);
    let inRow = i32(position / params.outColumns % params.outRows) * params.strideRows + tapRow;
    let inColumn = i32(position % params.outColumns) * params.strideColumns + tapColumn;
    if position < end && inRow >= 0 && inRow < params.inRows && inColumn >= 0 && inColumn < params.inColumns {
      let pixel = u32((i32(image) * params.inRows + inRow) * params.inColumns + inColumn);
      block[s] = x[pixel * params.channels + channel];
    }
  }
  return transpose(block);
}

// Four positions from `step` on of a vector of filters: a column a position, the filters within it.
fn loadDy(group: u32, step: u32, column: u32, end: u32) -> mat4x4f {
  let c = group * params.n + min(column, params.n - 1u);
  var block = mat4x4f();
  for (var s = 0u; s < 4u; s++) {
    if step + s < end { block[s] = dy[(step + s) * params.filters + c]; }
  }
  return block;
}

// One row's sum and its next four terms: x4 has four steps, w0 to w3 the columns at each of them.
fn addRow(sum: vec4f, x4: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return fma(vec4f(x4.w), w3, fma(vec4f(x4.z), w2, fma(vec4f(x4.y), w1, fma(vec4f(x4.x), w0, sum))));
}

fn finish(sum: vec4f, row: u32, column: u32, group: u32, part: u32) {
  if row >= params.m || column >= params.n { return; }
  dw[(part * params.m + row) * params.filters + group * params.n + column] = sum;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) local: u32) {
  let tile = workgroup.x + workgroup.y * workgroups.x;
  let across = local % LANES_ACROSS;
  let down = local / LANES_ACROSS;
  let tilesAcross = (params.n + VECTORS - 1u) / VECTORS;
  let tilesDown = (params.m + TILE_ROWS - 1u) / TILE_ROWS;
  let group = tile / (tilesAcross * tilesDown);
  let firstRow = tile / tilesAcross % tilesDown * TILE_ROWS;
  let firstColumn = tile % tilesAcross * VECTORS;
  let part = workgroup.z;
  let begin = part * params.each;
  let end = min(begin + params.each, params.positions);
  var p0 = vec4f(); var q0 = vec4f();
  var p1 = vec4f(); var q1 = vec4f();
  var p2 = vec4f(); var q2 = vec4f();
  var p3 = vec4f(); var q3 = vec4f();
  var p4 = vec4f(); var q4 = vec4f();
  var p5 = vec4f(); var q5 = vec4f();
  var p6 = vec4f(); var q6 = vec4f();
  var p7 = vec4f(); var q7 = vec4f();
  for (var step = begin; step < end; step += STEPS) {
    for (var i = local; i < X_BLOCKS + W_BLOCKS; i += WORKGROUP) {
      if i < X_BLOCKS {
        let rows = i % BLOCKS_DOWN;
        let deep = i / BLOCKS_DOWN;
        let block = loadX(group, firstRow + rows * 4u, step + deep * 4u, end);
        let first = rows * 4u * X_PITCH + deep;
        xTile[first] = block[0];
        xTile[first + X_PITCH] = block[1];
        xTile[first + 2u * X_PITCH] = block[2];
        xTile[first + 3u * X_PITCH] = block[3];
      } else {
        let j = i - X_BLOCKS;
        let columns = j % VECTORS;
        let deep = j / VECTORS;
        let block = loadDy(group, step + deep * 4u, firstColumn + columns, end);
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
  finish(p0, row + 0u * LANES_DOWN, column, group, part);
  finish(p1, row + 1u * LANES_DOWN, column, group, part);
  finish(p2, row + 2u * LANES_DOWN, column, group, part);
  finish(p3, row + 3u * LANES_DOWN, column, group, part);
  finish(p4, row + 4u * LANES_DOWN, column, group, part);
  finish(p5, row + 5u * LANES_DOWN, column, group, part);
  finish(p6, row + 6u * LANES_DOWN, column, group, part);
  finish(p7, row + 7u * LANES_DOWN, column, group, part);
  if COLUMNS_EACH == 4u { return; }
  finish(q0, row + 0u * LANES_DOWN, column + LANES_ACROSS, group, part);
  finish(q1, row + 1u * LANES_DOWN, column + LANES_ACROSS, group, part);
  finish(q2, row + 2u * LANES_DOWN, column + LANES_ACROSS, group, part);
  finish(q3, row + 3u * LANES_DOWN, column + LANES_ACROSS, group, part);
  finish(q4, row + 4u * LANES_DOWN, column + LANES_ACROSS, group, part);
  finish(q5, row + 5u * LANES_DOWN, column + LANES_ACROSS, group, part);
  finish(q6, row + 6u * LANES_DOWN, column + LANES_ACROSS, group, part);
  finish(q7, row + 7u * LANES_DOWN, column + LANES_ACROSS, group, part);
}
