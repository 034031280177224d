// dx[o, a, i] = sum of dy[o, k, i] over the k whose index is a
//
// Names and indices are those of gather_axis.wgsl. Each invocation computes one element of dx and walks all indices of its
// line, so that no two write the same place and the order of the sum is always the same.

override WORKGROUP: u32 = 64;
override SINGLE: bool = false;

struct Params {
  count: u32, // elements of dx
  length: u32, // of the axis of dx
  inner: u32,
  picks: u32, // indices along the axis of dy
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> indices: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let n = (group.x + group.y * groups.x) * WORKGROUP + local;
  if n >= params.count { return; }
  let i = n % params.inner;
  let a = i32((n / params.inner) % params.length);
  let o = n / (params.inner * params.length);
  let length = i32(params.length);
  var sum = 0.0;
  for (var k = 0u; k < params.picks; k++) {
    let source = (o * params.picks + k) * params.inner + i;
    let index = i32(indices[select(k, source, SINGLE)]);
    if clamp(select(index, index + length, index < 0), 0, length - 1) == a { sum += dy[source]; }
  }
  dx[n] = sum;
}
