// y[o, k, i] = x[o, indices[k], i]     or, with an index for each SINGLE element,     y[o, k, i] = x[o, indices[o, k, i], i]
//
// o counts what lies in front of the axis, i what lies behind it. Indices are f32; negative ones count from the end, and one
// outside the axis reads its first or last element. One invocation moves one element; neighbours write neighbours.

override WORKGROUP: u32 = 64;
override SINGLE: bool = false;

struct Params {
  count: u32, // elements of y
  length: u32, // of the axis of x
  inner: u32,
  picks: u32, // indices along the axis of y
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> indices: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let n = (group.x + group.y * groups.x) * WORKGROUP + local;
  if n >= params.count { return; }
  let i = n % params.inner;
  let k = (n / params.inner) % params.picks;
  let o = n / (params.inner * params.picks);
  let index = i32(indices[select(k, n, SINGLE)]);
  let length = i32(params.length);
  let at = u32(clamp(select(index, index + length, index < 0), 0, length - 1));
  y[n] = x[(o * params.length + at) * params.inner + i];
}
