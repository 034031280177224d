enable subgroups;
// dw[k, o] = sum over n, r, q of x[n, r * sy + ky * dy - top, q * sx + kx * dx - left, c] * dy[n, r, q, o], k = (ky, kx, d)
//
// The gradient of a convolution with respect to its filter, in registers, without workgroup memory or barriers: the
// scheme of matmul_quads, with the filter's taps and channels k for rows, filters for columns and output positions for
// the sum. One workgroup is the four lanes of a quad and computes 32 rows by TILE columns of dw; each lane has 8 rows
// of its own and all columns. The sum goes along the rows of dy, four positions together: a lane loads 8 x 4 values of
// x, and for each column the one value of dy at position q + lane, which the quad shares out. Inputs beside
// the image count as zero.
//
// z counts parts of the batch's rows of dy; each leaves its sum, one after another, in dw, and matmul_sum_parts adds
// them up where there is more than one. Groups come one after another in the launch.

const TILE: u32 = 32u; // filters of a tile: 16 or 32

struct Params {
  m: u32, // taps * depth
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
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;

// Four rows k of dw: what the tap adds to the place in the image, and the channel.
struct Taps {
  row: vec4i,
  column: vec4i,
  channel: vec4i,
}

fn locate(k: vec4u, group: u32) -> Taps {
  let tap = k / params.depth;
  return Taps(
    vec4i(tap / params.filterColumns) * params.dilationRows - params.top,
    vec4i(tap % params.filterColumns) * params.dilationColumns - params.left,
    vec4i(k % params.depth + group * params.depth),
  );
}

// Where four taps find column 0 of x for one row of dy, and whether that row is inside the image.
struct Source {
  at: vec4i,
  inside: vec4<bool>,
}

fn sourceOf(taps: Taps, image: i32, row: i32) -> Source {
  let inRow = row * params.strideRows + taps.row;
  let inside = (inRow >= vec4i()) & (inRow < vec4i(params.inRows));
  return Source((image * params.inRows + inRow) * params.inColumns * i32(params.channels) + taps.channel, inside);
}

fn loadRows(source: Source, taps: Taps, column: u32) -> vec4f {
  let inColumn = i32(column) * params.strideColumns + taps.column;
  let inside = source.inside & (inColumn >= vec4i()) & (inColumn < vec4i(params.inColumns));
  let at = select(vec4i(), source.at + inColumn * i32(params.channels), inside);
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}

// Four taps at four positions: a column a position.
fn loadBlock(source: Source, taps: Taps, columns: vec4u) -> mat4x4f {
  return mat4x4f(
    loadRows(source, taps, columns.x),
    loadRows(source, taps, columns.y),
    loadRows(source, taps, columns.z),
    loadRows(source, taps, columns.w),
  );
}

fn loadColumns(at: vec4u) -> vec4f {
  return vec4f(dy[at.x], dy[at.y], dy[at.z], dy[at.w]);
}

// Each lane has one step of four columns; afterwards all lanes have all steps, a column of the result a step.
fn share(own: vec4f) -> mat4x4f {
  return mat4x4f(quadBroadcast(own, 0u), quadBroadcast(own, 1u), quadBroadcast(own, 2u), quadBroadcast(own, 3u));
}

// sum[j] + the product over four steps; a column of `sum` holds four rows of one column of dw.
fn multiplyAdd(sum: mat4x4f, x4: mat4x4f, dy4: mat4x4f) -> mat4x4f {
  return mat4x4f(
    fma(x4[3], vec4f(dy4[3].x), fma(x4[2], vec4f(dy4[2].x), fma(x4[1], vec4f(dy4[1].x), fma(x4[0], vec4f(dy4[0].x), sum[0])))),
    fma(x4[3], vec4f(dy4[3].y), fma(x4[2], vec4f(dy4[2].y), fma(x4[1], vec4f(dy4[1].y), fma(x4[0], vec4f(dy4[0].y), sum[1])))),
    fma(x4[3], vec4f(dy4[3].z), fma(x4[2], vec4f(dy4[2].z), fma(x4[1], vec4f(dy4[1].z), fma(x4[0], vec4f(dy4[0].z), sum[2])))),
    fma(x4[3], vec4f(dy4[3].w), fma(x4[2], vec4f(dy4[2].w), fma(x4[1], vec4f(dy4[1].w), fma(x4[0], vec4f(dy4[0].w), sum[3])))),
  );
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) invocation: u32,
) {
  let columnTiles = (params.n + TILE - 1u) / TILE;
  let rowTiles = (params.m + 31u) / 32u;
  let tile = workgroup.x + workgroup.y * workgroups.x;
  let group = tile / (columnTiles * rowTiles);
  let row = (tile / columnTiles % rowTiles * 4u + local) * 8u;
  let column = tile % columnTiles * TILE;
  let lane = invocation % 4u; // place in the quad, which need not be `local`

  // Rows and columns past the edge repeat the last one; their sums are not stored.
  let counting = vec4u(0u, 1u, 2u, 3u);
  let lastColumn = vec4u(params.n - 1u);
  let taps0 = locate(min(row + counting, vec4u(params.m - 1u)), group);
  let taps1 = locate(min(row + 4u + counting, vec4u(params.m - 1u)), group);
  let dy0 = min(column + counting, lastColumn) + group * params.n;
  let dy1 = min(column + 4u + counting, lastColumn) + group * params.n;
  let dy2 = min(column + 8u + counting, lastColumn) + group * params.n;
  let dy3 = min(column + 12u + counting, lastColumn) + group * params.n;
  let dy4 = min(column + 16u + counting, lastColumn) + group * params.n;
  let dy5 = min(column + 20u + counting, lastColumn) + group * params.n;
  let dy6 = min(column + 24u + counting, lastColumn) + group * params.n;
  let dy7 = min(column + 28u + counting, lastColumn) + group * params.n;

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
    let columns = min(q + counting, vec4u(params.outColumns - 1u));
    let a0 = loadBlock(sourceOf(taps0, i32(image), i32(r)), taps0, columns);
    let a1 = loadBlock(sourceOf(taps1, i32(image), i32(r)), taps1, columns);
    let dyStep = ((image * params.outRows + r) * params.outColumns + q + lane) * params.filters;
    let inside = q + lane < params.outColumns;

    let b0 = share(select(vec4f(), loadColumns(dy0 + dyStep), inside));
    sum00 = multiplyAdd(sum00, a0, b0);
    sum10 = multiplyAdd(sum10, a1, b0);
    let b1 = share(select(vec4f(), loadColumns(dy1 + dyStep), inside));
    sum01 = multiplyAdd(sum01, a0, b1);
    sum11 = multiplyAdd(sum11, a1, b1);
    let b2 = share(select(vec4f(), loadColumns(dy2 + dyStep), inside));
    sum02 = multiplyAdd(sum02, a0, b2);
    sum12 = multiplyAdd(sum12, a1, b2);
    let b3 = share(select(vec4f(), loadColumns(dy3 + dyStep), inside));
    sum03 = multiplyAdd(sum03, a0, b3);
    sum13 = multiplyAdd(sum13, a1, b3);
    if TILE == 32u {
      let b4 = share(select(vec4f(), loadColumns(dy4 + dyStep), inside));
      sum04 = multiplyAdd(sum04, a0, b4);
      sum14 = multiplyAdd(sum14, a1, b4);
      let b5 = share(select(vec4f(), loadColumns(dy5 + dyStep), inside));
      sum05 = multiplyAdd(sum05, a0, b5);
      sum15 = multiplyAdd(sum15, a1, b5);
      let b6 = share(select(vec4f(), loadColumns(dy6 + dyStep), inside));
      sum06 = multiplyAdd(sum06, a0, b6);
      sum16 = multiplyAdd(sum16, a1, b6);
      let b7 = share(select(vec4f(), loadColumns(dy7 + dyStep), inside));
      sum07 = multiplyAdd(sum07, a0, b7);
      sum17 = multiplyAdd(sum17, a1, b7);
    }

    q += 4u;
    let rowEnds = q >= params.outColumns;
    q = select(q, 0u, rowEnds);
    r += u32(rowEnds);
    let imageEnds = r == params.outRows;
    r = select(r, 0u, imageEnds);
    image += u32(imageEnds);
  }

  // A loop over the tile instead of 8 * TILE stores one by one: the program stays short, and this part runs once.
  var results = array<mat4x4f, 16>(
    sum00, sum10, sum01, sum11, sum02, sum12, sum03, sum13,
    sum04, sum14, sum05, sum15, sum06, sum16, sum07, sum17,
  );
  for (var r = 0u; r < min(8u, params.m - min(params.m, row)); r++) {
    let first = (workgroup.z * params.m + row + r) * params.filters + group * params.n + column;
    for (var c = 0u; c < min(TILE, params.n - column); c++) {
      dw[first + c] = results[c / 4u * 2u + r / 4u][c % 4u][r % 4u];
    }
  }
}
