// y[i] = f16(x[i]), two values in each word of y
//
// One invocation packs PER neighbouring words. Values past the largest of f16 become the largest, not infinite. A last value
// without a partner has zero for one.

override WORKGROUP: u32 = 64;
const PER = 4u;
const LARGEST = 65504.0;

struct Params {
  count: u32, // values of x
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

fn value(i: u32) -> f32 {
  if i >= params.count { return 0.0; }
  return clamp(x[i], -LARGEST, LARGEST);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = ((group.x + group.y * groups.x) * WORKGROUP + local) * PER;
  for (var i = first; i < min(first + PER, (params.count + 1u) / 2u); i++) {
    y[i] = pack2x16float(vec2f(value(2u * i), value(2u * i + 1u)));
  }
}
