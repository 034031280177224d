// y[n, c] = s label[n, c] + (1 - s) label[partner, c]
//
// The labels of mixed samples. Class ids count as one-hot (SPARSE). One invocation computes one element.

override WORKGROUP: u32 = 64;
override SPARSE: bool = false;

const HEADER = 8u;
const SLOT = 8u;

struct Params {
  rows: u32, // of labels: one a sample, or several (one a pixel)
  classes: u32,
  samples: u32,
  entries: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> labels: array<f32>;
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn label(row: u32, c: u32) -> f32 {
  if SPARSE { return select(0.0, 1.0, u32(labels[row]) == c); }
  return labels[row * params.classes + c];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.rows * params.classes { return; }
  let c = i % params.classes;
  let row = i / params.classes;
  let each = params.rows / params.samples;
  let n = row / each;
  let record = n * (HEADER + SLOT * params.entries);
  let share = parameters[record + 6u];
  let other = u32(parameters[record + 7u]) * each + row % each;
  y[i] = share * label(row, c) + (1.0 - share) * label(other, c);
}
