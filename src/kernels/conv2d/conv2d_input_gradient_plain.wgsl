// dx[n, h, v, c] = residual[n, h, v, c] + sum over ky, kx, o of dy[n, r, q, o] * w[ky, kx, d, o]
//
// over the taps with r * sy = h + top - ky * dy and q * sx = v + left - kx * dx, the outputs that read this input; c is
// channel d of its group, and o runs over the filters of that group. One invocation computes one element of dx,
// neighbours along c. The launch is one-dimensional, folded into y where it is long.

override WORKGROUP: u32 = 64;
override HAS_RESIDUAL: bool = false;

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
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let channel = i % params.channels;
  let position = i / params.channels;
  let column = position % params.inColumns;
  let row = position / params.inColumns % params.inRows;
  let image = position / (params.inColumns * params.inRows);
  let d = channel % params.depth;
  let firstFilter = channel / params.depth * params.filtersEach;

  var sum = 0.0;
  for (var ky = 0u; ky < params.filterRows; ky++) {
    // Before the first output the subtraction wraps around to a huge number, which the comparison below refuses.
    let reachRow = row + params.top - ky * params.dilationRows;
    let outRow = reachRow / params.strideRows;
    if reachRow % params.strideRows != 0u || outRow >= params.outRows { continue; }
    for (var kx = 0u; kx < params.filterColumns; kx++) {
      let reachColumn = column + params.left - kx * params.dilationColumns;
      let outColumn = reachColumn / params.strideColumns;
      if reachColumn % params.strideColumns != 0u || outColumn >= params.outColumns { continue; }
      let dyAt = ((image * params.outRows + outRow) * params.outColumns + outColumn) * params.filters + firstFilter;
      let wAt = ((ky * params.filterColumns + kx) * params.depth + d) * params.filters + firstFilter;
      for (var o = 0u; o < params.filtersEach; o++) { sum = fma(dy[dyAt + o], w[wAt + o], sum); }
    }
  }
  if HAS_RESIDUAL { sum += residual[i]; }
  dx[i] = sum;
}
