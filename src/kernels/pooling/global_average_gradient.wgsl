// dx[n, position, c] = dy[n, c] / positions
//
// One invocation writes one element of dx; the launch is one-dimensional, folded into y where it is long.

override WORKGROUP: u32 = 64;

struct Params {
  count: u32, // elements of dx
  channels: u32,
  positions: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let n = i / (params.positions * params.channels);
  dx[i] = dy[n * params.channels + i % params.channels] / f32(params.positions);
}
