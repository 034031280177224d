// counts[c][b] = (no, yes): rows whose label for class c is 0 or 1 and whose probability lies in bucket b of (b, b + 1] / (buckets - 1)
//
// From these histograms come the outcomes for all evenly spaced thresholds at once. The bucket is Keras's: max(ceil(p (buckets - 1))
// - 1, 0) of p clipped to 0..1, in float32. SPARSE: labels are class ids. One invocation counts a row and class.

override WORKGROUP: u32 = 64;
override SPARSE: bool = true;

struct Params {
  count: u32,
  classes: u32,
  buckets: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let class_id = i % params.classes;
  var actual = false;
  if SPARSE { actual = u32(labels[i / params.classes]) == class_id; } else { actual = labels[i] > 0.5; }
  let place = ceil(clamp(x[i], 0.0, 1.0) * f32(params.buckets - 1u)) - 1.0;
  let bucket = min(u32(max(place, 0.0)), params.buckets - 1u);
  atomicAdd(&counts[2u * (class_id * params.buckets + bucket) + select(0u, 1u, actual)], 1u);
}
