// part[chunk, i, j, c] = sum over the strips of a chunk of
//     x[n, p - top + i, q - left + j, c] * dy[n, p, q, c],   i, j < 3
//
// 3x3 filters with stride 1, channels in fours. The unit of work is a strip: `rows` output rows of one image, two
// columns wide. An invocation walks down its strips (every `chunks`-th) for four channels and keeps the nine sums in
// registers. Each row of x is loaded once (four vectors) and multiplied with the three rows of dy that meet it, the
// newest of which is loaded (two vectors) while the older ones are handed on: six loads for eighteen products. What
// lies outside is loaded from the nearest place inside and replaced by zero. A sum over all chunks follows (sum_rows),
// so that the order of additions is always the same. Neighbouring invocations hold neighbouring channels.

override WORKGROUP: u32 = 64;

struct Params {
  channelGroups: u32, // channels / 4
  inHeight: u32,
  inWidth: u32,
  outHeight: u32,
  outWidth: u32,
  rows: u32, // output rows of a strip
  rowBlocks: u32,
  columnBlocks: u32,
  strips: u32, // in the whole batch
  chunks: u32,
  top: i32,
  left: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> part: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = (group.x + group.y * groups.x) * WORKGROUP + local;
  let c = index % params.channelGroups;
  let chunk = index / params.channelGroups;
  if chunk >= params.chunks { return; }
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  var sum4 = vec4f();
  var sum5 = vec4f();
  var sum6 = vec4f();
  var sum7 = vec4f();
  var sum8 = vec4f();
  let lastColumn = i32(params.inWidth) - 1;
  let lastRow = i32(params.inHeight) - 1;
  for (var strip = chunk; strip < params.strips; strip += params.chunks) {
    let q = (strip % params.columnBlocks) * 2u;
    let first = (strip / params.columnBlocks) % params.rowBlocks * params.rows;
    let n = strip / (params.columnBlocks * params.rowBlocks);
    let column = i32(q) - params.left;
    let at0 = u32(clamp(column + 0, 0, lastColumn)) * params.channelGroups + c;
    let at1 = u32(clamp(column + 1, 0, lastColumn)) * params.channelGroups + c;
    let at2 = u32(clamp(column + 2, 0, lastColumn)) * params.channelGroups + c;
    let at3 = u32(clamp(column + 3, 0, lastColumn)) * params.channelGroups + c;
    let inside0 = column + 0 >= 0 && column + 0 <= lastColumn;
    let inside1 = column + 1 >= 0 && column + 1 <= lastColumn;
    let inside2 = column + 2 >= 0 && column + 2 <= lastColumn;
    let inside3 = column + 3 >= 0 && column + 3 <= lastColumn;
    let next = min(1u, params.outWidth - 1u - q) * params.channelGroups; // from the first to the second column of dy
    let two = q + 1u < params.outWidth;
    let rows = min(params.rows, params.outHeight - first);
    var old0 = vec4f(); // dy two rows up
    var old1 = vec4f();
    var mid0 = vec4f(); // dy one row up
    var mid1 = vec4f();
    for (var t = 0u; t < rows + 2u; t++) {
      let p = first + min(t, rows - 1u);
      let from0 = ((n * params.outHeight + p) * params.outWidth + q) * params.channelGroups + c;
      let new0 = select(vec4f(), dy[from0], t < rows);
      let new1 = select(vec4f(), dy[from0 + next], t < rows && two);
      let row = i32(first + t) - params.top;
      let inside = row >= 0 && row <= lastRow;
      let line = (n * params.inHeight + u32(clamp(row, 0, lastRow))) * params.inWidth * params.channelGroups;
      let x0 = select(vec4f(), x[line + at0], inside && inside0);
      let x1 = select(vec4f(), x[line + at1], inside && inside1);
      let x2 = select(vec4f(), x[line + at2], inside && inside2);
      let x3 = select(vec4f(), x[line + at3], inside && inside3);
      sum0 = fma(x0, new0, fma(x1, new1, sum0));
      sum1 = fma(x1, new0, fma(x2, new1, sum1));
      sum2 = fma(x2, new0, fma(x3, new1, sum2));
      sum3 = fma(x0, mid0, fma(x1, mid1, sum3));
      sum4 = fma(x1, mid0, fma(x2, mid1, sum4));
      sum5 = fma(x2, mid0, fma(x3, mid1, sum5));
      sum6 = fma(x0, old0, fma(x1, old1, sum6));
      sum7 = fma(x1, old0, fma(x2, old1, sum7));
      sum8 = fma(x2, old0, fma(x3, old1, sum8));
      old0 = mid0;
      old1 = mid1;
      mid0 = new0;
      mid1 = new1;
    }
  }
  let first = chunk * 9u * params.channelGroups + c;
  part[first] = sum0;
  part[first + 1u * params.channelGroups] = sum1;
  part[first + 2u * params.channelGroups] = sum2;
  part[first + 3u * params.channelGroups] = sum3;
  part[first + 4u * params.channelGroups] = sum4;
  part[first + 5u * params.channelGroups] = sum5;
  part[first + 6u * params.channelGroups] = sum6;
  part[first + 7u * params.channelGroups] = sum7;
  part[first + 8u * params.channelGroups] = sum8;
}
