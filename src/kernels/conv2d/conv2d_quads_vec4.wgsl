enable subgroups;
// y[n, r, q, o] = f(z * scale[o] + b[o] + residual[n, r, q, o]),
// z = sum over taps (j, i) and channels d of source[n, r', q', d] * w[tap(j, i), d, o]
//
// conv2d_quads where channels and filters come in fours: the same grid of pixels and the same work of a quad, but a load
// takes four channels of a pixel or four elements of w at once, because a software adapter finds the length of the array
// by four divisions for every load, whatever its width. One workgroup is the four lanes of a quad and computes 32 pixels by
// 4 * VECTORS channels; each lane has 8 pixels of its own and all channels, as vectors along o, and takes four channels of
// one tap at a time. Of w it loads, for each vector of columns, the one at step k + lane, and the quad shares it out.
//
// Pixels lie on a grid: the one at (r, q) reads the source at row r * stride + first + j * tapStep and column likewise,
// and is written to row r * spread + origin of the result. For the convolution stride is its stride, tapStep its
// dilation and spread 1. For the gradient the source is dy and the grid is one phase of the strides: the pixels of dx
// that the same taps reach, so that no tap divides. Groups are counted by z.

const VECTORS: u32 = 8u; // of columns: 4 or 8

override W_TURNED: bool = false; // steps of w lie next to each other instead of its columns
override HAS_SCALE: bool = true;
override HAS_BIAS: bool = true;
override HAS_RESIDUAL: bool = true;
override FUNCTION: u32 = 1; // the activation, with the numbers of activation.wgsl; 1 is also used for none

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

struct Pixels {
  image: vec4u,
  row: vec4u, // on the grid
  column: vec4u,
}

fn locate(pixel: vec4u) -> Pixels {
  let inImage = pixel % (params.gridRows * params.gridColumns);
  return Pixels(pixel / (params.gridRows * params.gridColumns), inImage / params.gridColumns, inImage % params.gridColumns);
}

// Where four pixels find the source of a tap that adds nothing.
struct Source {
  row: vec4i,
  column: vec4i,
  at: vec4i, // in vectors; may lie before the image
}

fn sourceOf(pixels: Pixels, group: u32) -> Source {
  let row = vec4i(pixels.row) * params.strideRows + params.firstRow;
  let column = vec4i(pixels.column) * params.strideColumns + params.firstColumn;
  let position = (vec4i(pixels.image) * params.sourceRows + row) * params.sourceColumns + column;
  return Source(row, column, position * i32(params.sourceChannels) + i32(group * params.depth));
}

fn resultOf(pixels: Pixels, group: u32) -> vec4u {
  let row = pixels.row * params.spreadRows + params.originRow;
  let column = pixels.column * params.spreadColumns + params.originColumn;
  return ((pixels.image * params.resultRows + row) * params.resultColumns + column) * params.resultChannels + group * params.n;
}

// Four channels of four pixels: a column a pixel. Beside the image they are zero.
fn loadX(source: Source, tapRow: i32, tapColumn: i32, offset: i32) -> mat4x4f {
  // One comparison a side: what is negative is large without its sign.
  let inRows = vec4u(source.row + tapRow) < vec4u(u32(params.sourceRows));
  let inside = inRows & (vec4u(source.column + tapColumn) < vec4u(u32(params.sourceColumns)));
  let at = select(vec4i(), source.at + offset, inside);
  return mat4x4f(
    select(vec4f(), x[at.x], inside.x),
    select(vec4f(), x[at.y], inside.y),
    select(vec4f(), x[at.z], inside.z),
    select(vec4f(), x[at.w], inside.w),
  );
}

// Four channels by four columns: a column a channel, the columns of y within it. Each lane loads one of them; `first` is
// where the four channels begin in w.
fn shareW(first: u32, column: u32, lane: u32) -> mat4x4f {
  let c = min(column, params.n - 1u);
  let own = w[first + select(lane * params.wStep + c, (4u * c + lane) * params.wColumn, W_TURNED)];
  let all = mat4x4f(quadBroadcast(own, 0u), quadBroadcast(own, 1u), quadBroadcast(own, 2u), quadBroadcast(own, 3u));
  if W_TURNED { return transpose(all); }
  return all;
}

fn addRow(sum: vec4f, x4: vec4f, w4: mat4x4f) -> vec4f {
  return fma(vec4f(x4.w), w4[3], fma(vec4f(x4.z), w4[2], fma(vec4f(x4.y), w4[1], fma(vec4f(x4.x), w4[0], sum))));
}

fn addRows(sum: mat4x4f, x4: mat4x4f, w4: mat4x4f) -> mat4x4f {
  return mat4x4f(addRow(sum[0], x4[0], w4), addRow(sum[1], x4[1], w4), addRow(sum[2], x4[2], w4), addRow(sum[3], x4[3], w4));
}

fn finish(sum: vec4f, i: u32, factor: vec4f, offset: vec4f) {
  var z = sum * factor + offset;
  if HAS_RESIDUAL { z += residual[i]; }
  y[i] = activate(z);
}

// Four pixels, of which `count` are inside; factor and offset belong to the channel.
fn finishRows(sum: mat4x4f, at: vec4u, count: u32, factor: vec4f, offset: vec4f) {
  if count > 0u { finish(sum[0], at.x, factor, offset); }
  if count > 1u { finish(sum[1], at.y, factor, offset); }
  if count > 2u { finish(sum[2], at.z, factor, offset); }
  if count > 3u { finish(sum[3], at.w, factor, offset); }
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
  let row = (tile / across * 4u + local) * 8u;
  let column = tile % across * VECTORS;
  let lane = invocation % 4u; // place in the quad, which need not be `local`
  // Pixels and channels past the edge repeat the last one; their sums are not stored.
  let counting = vec4u(0u, 1u, 2u, 3u);
  let pixels0 = locate(min(row + counting, vec4u(params.m - 1u)));
  let pixels1 = locate(min(row + 4u + counting, vec4u(params.m - 1u)));
  let source0 = sourceOf(pixels0, group.z);
  let source1 = sourceOf(pixels1, group.z);
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
  let steps = params.tapRows * params.tapColumns * params.depth;
  for (var step = 0u; step < steps; step++) {
    let rowStep = i32(tapRow) * params.tapStepRows;
    let columnStep = i32(tapColumn) * params.tapStepColumns;
    let offset = (rowStep * params.sourceColumns + columnStep) * i32(params.sourceChannels) + i32(k);
    let x0 = loadX(source0, rowStep, columnStep, offset);
    let x1 = loadX(source1, rowStep, columnStep, offset);
    let first = params.wFirst + tapRow * params.wTapRow + tapColumn * params.wTapColumn + group.z * params.wGroup + k * select(4u * params.wStep, 1u, W_TURNED);
    let w0 = shareW(first, column + 0u, lane);
    sum00 = addRows(sum00, x0, w0);
    sum10 = addRows(sum10, x1, w0);
    let w1 = shareW(first, column + 1u, lane);
    sum01 = addRows(sum01, x0, w1);
    sum11 = addRows(sum11, x1, w1);
    let w2 = shareW(first, column + 2u, lane);
    sum02 = addRows(sum02, x0, w2);
    sum12 = addRows(sum12, x1, w2);
    let w3 = shareW(first, column + 3u, lane);
    sum03 = addRows(sum03, x0, w3);
    sum13 = addRows(sum13, x1, w3);
    if VECTORS == 8u {
      let w4 = shareW(first, column + 4u, lane);
      sum04 = addRows(sum04, x0, w4);
      sum14 = addRows(sum14, x1, w4);
      let w5 = shareW(first, column + 5u, lane);
      sum05 = addRows(sum05, x0, w5);
      sum15 = addRows(sum15, x1, w5);
      let w6 = shareW(first, column + 6u, lane);
      sum06 = addRows(sum06, x0, w6);
      sum16 = addRows(sum16, x1, w6);
      let w7 = shareW(first, column + 7u, lane);
      sum07 = addRows(sum07, x0, w7);
      sum17 = addRows(sum17, x1, w7);
    }

    k += 1u;
    let tapEnds = k == params.depth;
    k = select(k, 0u, tapEnds);
    tapColumn += u32(tapEnds);
    let rowEnds = tapColumn == params.tapColumns;
    tapColumn = select(tapColumn, 0u, rowEnds);
    tapRow += u32(rowEnds);
  }
  // A loop over the tile keeps the program short; this part runs once.
  var results = array<mat4x4f, 16>(
    sum00, sum10, sum01, sum11, sum02, sum12, sum03, sum13,
    sum04, sum14, sum05, sum15, sum06, sum16, sum07, sum17,
  );
  let at0 = resultOf(pixels0, group.z);
  let at1 = resultOf(pixels1, group.z);
  let count = params.m - min(params.m, row);
  for (var i = 0u; i < min(VECTORS, params.n - column); i++) {
    let channel = group.z * params.n + column + i;
    var factor = vec4f(1.0);
    var offset = vec4f();
    if HAS_SCALE { factor = scale[channel]; }
    if HAS_BIAS { offset = b[channel]; }
    finishRows(results[2u * i], at0 + column + i, count, factor, offset);
    finishRows(results[2u * i + 1u], at1 + column + i, select(count - 4u, 0u, count < 4u), factor, offset);
  }
}
