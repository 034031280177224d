enable subgroups;
// dw[k, o] = sum over n, r, q of x[n, r * sy + ky * dy - top, q * sx + kx * dx - left, c] * dy[n, r, q, o], k = (ky, kx, d)
//
// conv2d_filter_gradient_quads where channels and filters come in fours: a load takes four channels of x or four filters of
// dy, because a software adapter finds the length of the array by four divisions for every load, whatever its width. One
// workgroup is the four lanes of a quad and computes 32 rows by 4 * VECTORS columns of dw; each lane has two vectors of
// rows of its own, each four channels of one tap, and all columns. The sum goes along the rows of dy, four positions
// together: a lane loads each of its vectors at the four positions, and for each vector of columns the one of dy at
// position q + lane, which the quad shares out. Inputs beside the image count as zero.
//
// z counts parts of the batch's rows of dy; each leaves its sum, one after another, in dw, and matmul_sum_parts adds
// them up where there is more than one. Groups come one after another in the launch.

const VECTORS: u32 = 8u; // of columns: 4 or 8

struct Params {
  m: u32, // taps * depth; this, n, channels, filters and depth in vectors of four
  n: u32, // filters of a group
  rowsEach: u32, // rows of dy in one part
  rowsEnd: u32, // rows of dy in the batch
  inRows: i32,
  inColumns: i32,
  channels: u32,
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

// Four rows of dw: what their tap adds to the place in the image, and where their channels begin.
struct Tap {
  row: i32,
  column: i32,
  channel: i32,
}

fn locate(k: u32, group: u32) -> Tap {
  let tap = k / params.depth;
  return Tap(
    i32(tap / params.filterColumns) * params.dilationRows - params.top,
    i32(tap % params.filterColumns) * params.dilationColumns - params.left,
    i32(k % params.depth + group * params.depth),
  );
}

// Four channels at four positions of a row of dy: a column a channel, the positions within it.
fn loadX(tap: Tap, image: u32, r: u32, columns: vec4i) -> mat4x4f {
  let row = i32(r) * params.strideRows + tap.row;
  let column = columns * params.strideColumns + tap.column;
  // One comparison a side: what is negative is large without its sign.
  let inside = (vec4u(column) < vec4u(u32(params.inColumns))) & vec4<bool>(u32(row) < u32(params.inRows));
  let first = (i32(image) * params.inRows + row) * params.inColumns;
  let at = select(vec4i(), (first + column) * i32(params.channels) + tap.channel, inside);
  return transpose(mat4x4f(
    select(vec4f(), x[at.x], inside.x),
    select(vec4f(), x[at.y], inside.y),
    select(vec4f(), x[at.z], inside.z),
    select(vec4f(), x[at.w], inside.w),
  ));
}

// Four positions by four columns: a column a position, the columns of dw within it. Each lane loads one of them.
fn shareDy(at: u32, inside: bool, column: u32) -> mat4x4f {
  let own = select(vec4f(), dy[at + min(column, params.n - 1u)], inside);
  return mat4x4f(quadBroadcast(own, 0u), quadBroadcast(own, 1u), quadBroadcast(own, 2u), quadBroadcast(own, 3u));
}

fn addRow(sum: vec4f, x4: vec4f, w4: mat4x4f) -> vec4f {
  return fma(vec4f(x4.w), w4[3], fma(vec4f(x4.z), w4[2], fma(vec4f(x4.y), w4[1], fma(vec4f(x4.x), w4[0], sum))));
}

fn addRows(sum: mat4x4f, x4: mat4x4f, w4: mat4x4f) -> mat4x4f {
  return mat4x4f(addRow(sum[0], x4[0], w4), addRow(sum[1], x4[1], w4), addRow(sum[2], x4[2], w4), addRow(sum[3], x4[3], w4));
}

fn storeRows(sum: mat4x4f, row: u32, part: u32, column: u32) {
  if row >= params.m { return; }
  let at = (part * params.m + row) * 4u * params.filters + column;
  dw[at] = sum[0];
  dw[at + params.filters] = sum[1];
  dw[at + 2u * params.filters] = sum[2];
  dw[at + 3u * params.filters] = sum[3];
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) invocation: u32,
) {
  let columnTiles = (params.n + VECTORS - 1u) / VECTORS;
  let rowTiles = (params.m + 7u) / 8u;
  let tile = workgroup.x + workgroup.y * workgroups.x;
  let group = tile / (columnTiles * rowTiles);
  let row = (tile / columnTiles % rowTiles * 4u + local) * 2u;
  let column = tile % columnTiles * VECTORS;
  let lane = invocation % 4u; // place in the quad, which need not be `local`

  // Rows and columns past the edge repeat the last one; their sums are not stored.
  let tap0 = locate(min(row, params.m - 1u), group);
  let tap1 = locate(min(row + 1u, params.m - 1u), group);
  var sum00 = mat4x4f(); var sum10 = mat4x4f();
  var sum01 = mat4x4f(); var sum11 = mat4x4f();
  var sum02 = mat4x4f(); var sum12 = mat4x4f();
  var sum03 = mat4x4f(); var sum13 = mat4x4f();
  var sum04 = mat4x4f(); var sum14 = mat4x4f();
  var sum05 = mat4x4f(); var sum15 = mat4x4f();
  var sum06 = mat4x4f(); var sum16 = mat4x4f();
  var sum07 = mat4x4f(); var sum17 = mat4x4f();
  // One loop over rows and positions: a software adapter runs the body of every loop once more than it must.
  let firstRow = workgroup.z * params.rowsEach;
  var r = firstRow % params.outRows;
  var image = firstRow / params.outRows;
  var q = 0u;
  let steps = min(params.rowsEach, params.rowsEnd - firstRow) * ((params.outColumns + 3u) / 4u);
  for (var step = 0u; step < steps; step++) {
    // Past the end of the row dy counts as zero, and x repeats the last position, so that nothing foreign enters the sum.
    let columns = vec4i(min(q + vec4u(0u, 1u, 2u, 3u), vec4u(params.outColumns - 1u)));
    let x0 = loadX(tap0, image, r, columns);
    let x1 = loadX(tap1, image, r, columns);
    let inside = q + lane < params.outColumns;
    let position = (image * params.outRows + r) * params.outColumns + select(0u, q + lane, inside);
    let at = position * params.filters + group * params.n;
    let d0 = shareDy(at, inside, column + 0u);
    sum00 = addRows(sum00, x0, d0);
    sum10 = addRows(sum10, x1, d0);
    let d1 = shareDy(at, inside, column + 1u);
    sum01 = addRows(sum01, x0, d1);
    sum11 = addRows(sum11, x1, d1);
    let d2 = shareDy(at, inside, column + 2u);
    sum02 = addRows(sum02, x0, d2);
    sum12 = addRows(sum12, x1, d2);
    let d3 = shareDy(at, inside, column + 3u);
    sum03 = addRows(sum03, x0, d3);
    sum13 = addRows(sum13, x1, d3);
    if VECTORS == 8u {
      let d4 = shareDy(at, inside, column + 4u);
      sum04 = addRows(sum04, x0, d4);
      sum14 = addRows(sum14, x1, d4);
      let d5 = shareDy(at, inside, column + 5u);
      sum05 = addRows(sum05, x0, d5);
      sum15 = addRows(sum15, x1, d5);
      let d6 = shareDy(at, inside, column + 6u);
      sum06 = addRows(sum06, x0, d6);
      sum16 = addRows(sum16, x1, d6);
      let d7 = shareDy(at, inside, column + 7u);
      sum07 = addRows(sum07, x0, d7);
      sum17 = addRows(sum17, x1, d7);
    }

    q += 4u;
    let rowEnds = q >= params.outColumns;
    q = select(q, 0u, rowEnds);
    r += u32(rowEnds);
    let imageEnds = r == params.outRows;
    r = select(r, 0u, imageEnds);
    image += u32(imageEnds);
  }
  // A loop over the columns keeps the program short; this part runs once.
  var results = array<mat4x4f, 16>(
    sum00, sum10, sum01, sum11, sum02, sum12, sum03, sum13,
    sum04, sum14, sum05, sum15, sum06, sum16, sum07, sum17,
  );
  for (var i = 0u; i < min(VECTORS, params.n - column); i++) {
    let c = group * params.n + column + i;
    storeRows(results[2u * i], row, workgroup.z, c);
    storeRows(results[2u * i + 1u], row + 1u, workgroup.z, c);
  }
}
