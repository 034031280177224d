// y[o, k, i] = x[o, map(k), i]     or, to COLLECT what was copied,     y[o, k, i] = sum of x[o, l, i] over the l with map(l) = k
//
// o counts what lies in front of the axis, i what lies behind it. map leads from an axis with `begin` elements of padding in
// front to one without (MODE 0 to 3), or from the elements of a tensor to those of a slice of it (4):
//   0 constant  the element if there is one, else `value`
//   1 edge      the nearest one
//   2 reflect   mirrored at the first and last element, which stand once
//   3 wrap      counted round
//   4 spread    (k - begin) / step, if that is whole and on the axis; else 0
// One invocation computes one element of y; neighbours write neighbours.

override WORKGROUP: u32 = 64;
override MODE: u32 = 0;
override COLLECT: bool = false;

struct Params {
  count: u32, // elements of y
  length: u32, // of the axis of x
  result: u32, // of the axis of y
  inner: u32,
  begin: i32,
  step: i32,
  value: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// Where in an axis of n elements padded element k comes from; below zero: nowhere.
fn source(k: i32, n: i32) -> i32 {
  let t = k - params.begin;
  switch MODE {
    case 1u: { return clamp(t, 0, n - 1); }
    case 2u: {
      let back = select(t, -t, t < 0);
      return select(back, 2 * (n - 1) - back, back >= n);
    }
    case 3u: { return ((t % n) + n) % n; }
    case 4u: {
      let forth = select(t, -t, params.step < 0);
      let step = abs(params.step);
      return select(-1, forth / step, forth >= 0 && forth % step == 0 && forth / step < n);
    }
    default: { return select(-1, t, t >= 0 && t < n); }
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let j = (group.x + group.y * groups.x) * WORKGROUP + local;
  if j >= params.count { return; }
  let i = j % params.inner;
  let k = i32((j / params.inner) % params.result);
  let o = j / (params.inner * params.result);
  let first = o * params.length * params.inner + i;
  if !COLLECT {
    let at = source(k, i32(params.length));
    y[j] = select(params.value, x[first + u32(max(at, 0)) * params.inner], at >= 0);
    return;
  }
  // Element k itself, and the paddings that took it.
  let n = i32(params.result);
  var sum = x[first + u32(k + params.begin) * params.inner];
  for (var l = 0; l < params.begin; l++) {
    if source(l, n) == k { sum += x[first + u32(l) * params.inner]; }
  }
  for (var l = params.begin + n; l < i32(params.length); l++) {
    if source(l, n) == k { sum += x[first + u32(l) * params.inner]; }
  }
  y[j] = sum;
}
