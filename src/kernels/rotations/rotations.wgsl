// y[4 n + r, i, j, c] = x[n, a, b, c]     (a, b) = (i, j), (j, s - i), (s - i, s - j), (s - j, i) for r = 0, 1, 2, 3; s = size - 1
//
// Every image turned counter-clockwise by r quarters of a circle, its four rotations one after the other: numbers are moved and
// not computed. One invocation moves one element of y; neighbours hold neighbouring channels.

struct Params {
  count: u32,
  size: u32,
  channels: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = (group.x + group.y * groups.x) * 64u + local;
  if index >= params.count { return; }
  let size = params.size;
  let c = index % params.channels;
  var rest = index / params.channels;
  let j = rest % size;
  rest /= size;
  let i = rest % size;
  rest /= size;
  let turn = rest % 4u;
  let n = rest / 4u;
  let s = size - 1u;
  var a = i;
  var b = j;
  if turn == 1u {
    a = j;
    b = s - i;
  } else if turn == 2u {
    a = s - i;
    b = s - j;
  } else if turn == 3u {
    a = s - j;
    b = i;
  }
  y[index] = x[((n * size + a) * size + b) * params.channels + c];
}
