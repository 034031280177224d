// y[s, c] = sum over the rows r of slice s of x[r, c]
//
// x has `rows` rows of `columns` values; slice s holds the `rowsEach` rows from s * rowsEach. One invocation adds up one
// column of one slice, so that neighbours read neighbouring values. One slice is the whole sum; with more, a second
// launch of this program adds up what the first one left. The launch is one-dimensional over slices * columns, folded
// into y where it is long.

override WORKGROUP: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  rowsEach: u32,
  count: u32, // slices * columns
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let column = i % params.columns;
  let first = (i / params.columns) * params.rowsEach;
  let end = min(first + params.rowsEach, params.rows);

  // Four sums at a time: four loads are under way together, and rounding errors grow four times slower.
  var sum = vec4f();
  var at = first * params.columns + column;
  let whole = first + (end - first) / 4u * 4u;
  for (var r = first; r < whole; r += 4u) {
    sum += vec4f(x[at], x[at + params.columns], x[at + 2u * params.columns], x[at + 3u * params.columns]);
    at += 4u * params.columns;
  }
  for (var r = whole; r < end; r++) {
    sum.x += x[at];
    at += params.columns;
  }
  y[i] = (sum.x + sum.y) + (sum.z + sum.w);
}
