// dw[ky, kx, d, o] = sum over n, r, q of x[n, r * sy + ky * dy - top, q * sx + kx * dx - left, g * depth + d] * dy[n, r, q, o]
//
// with g = o / filtersEach, the group of filter o; inputs beside the image are zero. One invocation computes one element
// of dw over the whole batch, neighbours along o. A sum for each output row is taken first, so that rounding errors of
// long sums stay small. The launch is one-dimensional, folded into y where it is long.

override WORKGROUP: u32 = 64;

struct Params {
  count: u32, // elements of the result
  batch: u32,
  inRows: u32,
  inColumns: u32,
  channels: u32,
  outRows: u32,
  outColumns: u32,
  filters: u32,
  depth: u32, // channels / groups
  filtersEach: u32, // filters / groups
  filterRows: u32,
  filterColumns: u32,
  strideRows: u32,
  strideColumns: u32,
  dilationRows: u32,
  dilationColumns: u32,
  top: u32,
  left: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let o = i % params.filters;
  let d = i / params.filters % params.depth;
  let tap = i / (params.filters * params.depth);
  let ky = tap / params.filterColumns;
  let kx = tap % params.filterColumns;
  let channel = o / params.filtersEach * params.depth + d;

  var sum = 0.0;
  for (var image = 0u; image < params.batch; image++) {
    for (var row = 0u; row < params.outRows; row++) {
      // Above the image the subtraction wraps around to a huge number, so that one comparison finds both edges.
      let inRow = row * params.strideRows + ky * params.dilationRows - params.top;
      if inRow >= params.inRows { continue; }
      var rowSum = 0.0;
      for (var column = 0u; column < params.outColumns; column++) {
        let inColumn = column * params.strideColumns + kx * params.dilationColumns - params.left;
        if inColumn >= params.inColumns { continue; }
        let xAt = ((image * params.inRows + inRow) * params.inColumns + inColumn) * params.channels + channel;
        let dyAt = ((image * params.outRows + row) * params.outColumns + column) * params.filters + o;
        rowSum = fma(x[xAt], dy[dyAt], rowSum);
      }
      sum += rowSum;
    }
  }
  dw[i] = sum;
}
