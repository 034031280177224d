// u[4 i + j, c, o] = sum over r, s of G[i, r] * g[r, s] * G[j, s]   with g[r, s] = w[r, s, c, o], for
//
//       1    0    0
//   G = 1/2  1/2  1/2
//       1/2 -1/2  1/2
//       0    0    1
//
// The filter of a 3x3 convolution in the 16 numbers that winograd_input's are multiplied with (Lavin and Gray 2016,
// "Fast Algorithms for Convolutional Neural Networks", F(2x2, 3x3)). One invocation transforms four filters of one channel.

override WORKGROUP: u32 = 64;
override TURNED: bool = false; // by half a turn, as the gradient with respect to the image needs it

struct Params {
  count: u32, // vectors of a tap: channels * filters / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> w: array<vec4f>; // [3, 3, channels, filters]
@group(0) @binding(2) var<storage, read_write> u: array<vec4f>; // [16, channels, filters]

fn load(at: u32, row: u32, column: u32) -> vec4f {
  let tap = 3u * row + column;
  return w[at + select(tap, 8u - tap, TURNED) * params.count];
}

fn store(at: u32, row: u32, a: vec4f, b: vec4f, c: vec4f) {
  let first = at + 4u * row * params.count;
  let sum = 0.5 * (a + c);
  u[first] = a;
  u[first + params.count] = sum + 0.5 * b;
  u[first + 2u * params.count] = sum - 0.5 * b;
  u[first + 3u * params.count] = c;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.x + group.y * groups.x) * WORKGROUP + local;
  if at >= params.count { return; }
  let a0 = load(at, 0u, 0u); let a1 = load(at, 0u, 1u); let a2 = load(at, 0u, 2u);
  let b0 = load(at, 1u, 0u); let b1 = load(at, 1u, 1u); let b2 = load(at, 1u, 2u);
  let c0 = load(at, 2u, 0u); let c1 = load(at, 2u, 1u); let c2 = load(at, 2u, 2u);
  let s0 = 0.5 * (a0 + c0); let s1 = 0.5 * (a1 + c1); let s2 = 0.5 * (a2 + c2);
  store(at, 0u, a0, a1, a2);
  store(at, 1u, s0 + 0.5 * b0, s1 + 0.5 * b1, s2 + 0.5 * b2);
  store(at, 2u, s0 - 0.5 * b0, s1 - 0.5 * b1, s2 - 0.5 * b2);
  store(at, 3u, c0, c1, c2);
}
