// counts[t][p] = number of rows of class t that are taken for class p
//
// Both are the first largest (Keras's argmax), or labels are class ids (SPARSE). A single output is a yes or no: class 1 where it
// is above the threshold, and where its label is above 0.5. One invocation counts a row.

override WORKGROUP: u32 = 64;
override SPARSE: bool = true;

struct Params {
  rows: u32,
  outputs: u32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.x + group.y * groups.x) * WORKGROUP + local;
  if row >= params.rows { return; }
  if params.outputs == 1u {
    let actual = select(0u, 1u, labels[row] > 0.5);
    let predicted = select(0u, 1u, x[row] > params.threshold);
    atomicAdd(&counts[2u * actual + predicted], 1u);
    return;
  }
  let start = row * params.outputs;
  var predicted = 0u;
  for (var c = 1u; c < params.outputs; c++) {
    if x[start + c] > x[start + predicted] { predicted = c; }
  }
  var actual = 0u;
  if SPARSE {
    actual = u32(labels[row]);
  } else {
    for (var c = 1u; c < params.outputs; c++) {
      if labels[start + c] > labels[start + actual] { actual = c; }
    }
  }
  if actual < params.outputs { atomicAdd(&counts[actual * params.outputs + predicted], 1u); }
}
