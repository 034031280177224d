// y[o, k, i] = sum of x[o, l, i] over l <= k     (REVERSE: over l >= k; EXCLUSIVE: without l = k)
//
// One invocation walks one line along the axis; neighbours have neighbouring lines.

override WORKGROUP: u32 = 64;
override EXCLUSIVE: bool = false;
override REVERSE: bool = false;

struct Params {
  lines: u32,
  length: u32,
  inner: u32, // elements behind the axis
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let line = (group.x + group.y * groups.x) * WORKGROUP + local;
  if line >= params.lines { return; }
  let first = (line / params.inner) * params.length * params.inner + line % params.inner;
  var sum = 0.0;
  for (var step = 0u; step < params.length; step++) {
    let k = select(step, params.length - 1u - step, REVERSE);
    let at = first + k * params.inner;
    let before = sum;
    sum += x[at];
    y[at] = select(sum, before, EXCLUSIVE);
  }
}
