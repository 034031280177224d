// y[o] = x[offset + sum over axes a of o_a * stride_a], or 0 where o_a is outside from_a..to_a for some axis a
//
// o_a are the coordinates of output element o. One program for slice (an offset), transpose (other strides) and pad
// (a range outside of which there are zeros). The host has merged neighbouring axes that can be walked as one, so that
// RANK is mostly 1 to 3; axis 0 is the outermost one, the others lie right-aligned in 1..4. One invocation moves one
// element; neighbours write neighbours. The launch is one-dimensional, folded into y where it is long.

override WORKGROUP: u32 = 64;
override RANK: u32 = 5;
override PADDED: bool = false;

struct Params {
  count: u32,
  offset: i32,
  size1: u32,
  size2: u32,
  size3: u32,
  size4: u32,
  stride0: i32,
  stride1: i32,
  stride2: i32,
  stride3: i32,
  stride4: i32,
  from0: i32,
  from1: i32,
  from2: i32,
  from3: i32,
  from4: i32,
  to0: i32,
  to1: i32,
  to2: i32,
  to3: i32,
  to4: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  var rest = i;
  var at = params.offset;
  var inside = true;
  if RANK > 1u {
    let outer = rest / params.size4;
    let o = i32(rest - outer * params.size4);
    rest = outer;
    at += o * params.stride4;
    inside = inside && o >= params.from4 && o < params.to4;
  }
  if RANK > 2u {
    let outer = rest / params.size3;
    let o = i32(rest - outer * params.size3);
    rest = outer;
    at += o * params.stride3;
    inside = inside && o >= params.from3 && o < params.to3;
  }
  if RANK > 3u {
    let outer = rest / params.size2;
    let o = i32(rest - outer * params.size2);
    rest = outer;
    at += o * params.stride2;
    inside = inside && o >= params.from2 && o < params.to2;
  }
  if RANK > 4u {
    let outer = rest / params.size1;
    let o = i32(rest - outer * params.size1);
    rest = outer;
    at += o * params.stride1;
    inside = inside && o >= params.from1 && o < params.to1;
  }
  let outermost = i32(rest);
  at += outermost * params.stride0;
  inside = inside && outermost >= params.from0 && outermost < params.to0;
  if PADDED {
    // Loaded without a branch, from element 0 where there is none.
    y[i] = select(0.0, x[select(0, at, inside)], inside);
  } else {
    y[i] = x[at];
  }
}
