// correct[r] = 1 where the label of row r is among the k likeliest classes, else 0
//
// KIND 0: labels are class ids. 1: labels are one value a class; the right class is the first largest. 2: binary, the share
// of outputs on the right side of the threshold. A class is among the k likeliest when fewer than k classes are strictly
// likelier (Keras's in_top_k), and for k = 1 when it is the first largest (Keras's argmax). One invocation computes a row.

override WORKGROUP: u32 = 64;
override KIND: u32 = 0;

struct Params {
  rows: u32,
  classes: u32,
  k: u32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> correct: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.x + group.y * groups.x) * WORKGROUP + local;
  if row >= params.rows { return; }
  let start = row * params.classes;
  if KIND == 2u {
    var right = 0.0;
    for (var c = start; c < start + params.classes; c++) {
      right += select(0.0, 1.0, (x[c] > params.threshold) == (labels[c] > 0.5));
    }
    correct[row] = right / f32(params.classes);
    return;
  }
  var id = 0u;
  if KIND == 0u {
    id = u32(labels[row]);
  } else {
    for (var c = 1u; c < params.classes; c++) {
      if labels[start + c] > labels[start + id] { id = c; }
    }
  }
  if id >= params.classes {
    correct[row] = 0.0;
    return;
  }
  let own = x[start + id];
  var likelier = 0u;
  for (var c = 0u; c < params.classes; c++) {
    let v = x[start + c];
    if v > own || (params.k == 1u && v == own && c < id) { likelier++; }
  }
  correct[row] = select(0.0, 1.0, likelier < params.k);
}
