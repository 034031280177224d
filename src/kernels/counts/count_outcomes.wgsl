// counts[c] = (hits, predicted, actual): rows where class c is predicted and true; where it is predicted; where it is true
//
// THRESHOLD: class c is predicted where x[r][c] > threshold. Otherwise: where no class is likelier, so that ties predict several
// (Keras's F1Score), and where |x| > least, so that a row of zeros predicts none. SPARSE: labels are class ids, else one value a
// class, and the class is true above 0.5. One invocation counts a row. Sums of integers do not depend on the order of the rows.

override WORKGROUP: u32 = 64;
override SPARSE: bool = true;
override THRESHOLD: bool = false;

struct Params {
  rows: u32,
  classes: u32,
  threshold: f32,
  least: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.x + group.y * groups.x) * WORKGROUP + local;
  if row >= params.rows { return; }
  let start = row * params.classes;
  var largest = x[start];
  if !THRESHOLD {
    for (var c = 1u; c < params.classes; c++) { largest = max(largest, x[start + c]); }
  }
  for (var c = 0u; c < params.classes; c++) {
    let score = x[start + c];
    var predicted = score > params.threshold;
    if !THRESHOLD { predicted = score >= largest && abs(score) > params.least; }
    var actual = false;
    if SPARSE { actual = u32(labels[row]) == c; } else { actual = labels[start + c] > 0.5; }
    if predicted && actual { atomicAdd(&counts[3u * c], 1u); }
    if predicted { atomicAdd(&counts[3u * c + 1u], 1u); }
    if actual { atomicAdd(&counts[3u * c + 2u], 1u); }
  }
}
