enable subgroups;
// first[c] = sum_r d[r, c] * h[r, c],   second[c] = sum_r d[r, c],   with d and h as in batch_norm_reduce_vec4.wgsl
//
// The same for software adapters, whose barriers cost more than the sums: a workgroup is the four lanes of a quad. It takes
// four neighbouring channels; each lane adds up every fourth row, and the quad adds up its lanes, in their order.

override STATISTICS: bool = true;
override RELU: bool = false;
override HAS_GAMMA: bool = true; // with RELU only
override HAS_BETA: bool = true;

struct Params {
  rows: u32,
  channels: u32, // in vectors of four
  maxValue: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> statistics: array<vec4f>; // means, then inverse deviations
@group(0) @binding(4) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(5) var<storage, read> beta: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> first: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> second: array<vec4f>;

// dy where the row is inside and the activation passes it on; v went into the activation, as batch_norm_normalize computes it.
fn through(d: vec4f, v: vec4f, inside: bool) -> vec4f {
  var passes = vec4<bool>(inside);
  if RELU { passes &= (v > vec4f()) & (v < vec4f(params.maxValue)); }
  return select(vec4f(), d, passes);
}

fn addLanes(v: vec4f) -> vec4f {
  return quadBroadcast(v, 0u) + quadBroadcast(v, 1u) + (quadBroadcast(v, 2u) + quadBroadcast(v, 3u));
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let c = min(group.x + group.y * groups.x, params.channels - 1u); // past the last they repeat it
  var average = vec4f();
  var scale = vec4f(1.0);
  var shift = vec4f();
  if STATISTICS {
    average = statistics[c];
    scale = statistics[params.channels + c];
  }
  let factor = scale;
  if RELU && HAS_GAMMA { scale *= gamma[c]; }
  if RELU && HAS_BETA { shift = beta[c]; }
  // Four rows at a time: a loop costs a software adapter as much as a load. Rows past the last repeat it and count as zero.
  var sum = vec4f();
  var total = vec4f();
  for (var row = local; row < params.rows; row += 16u) {
    let rows = vec4u(row, row + 4u, row + 8u, row + 12u);
    let inside = rows < vec4u(params.rows);
    let at = select(vec4u(c), rows * params.channels + c, inside);
    let h0 = x[at.x] - average;
    let h1 = x[at.y] - average;
    let h2 = x[at.z] - average;
    let h3 = x[at.w] - average;
    let d0 = through(dy[at.x], fma(h0, scale, shift), inside.x);
    let d1 = through(dy[at.y], fma(h1, scale, shift), inside.y);
    let d2 = through(dy[at.z], fma(h2, scale, shift), inside.z);
    let d3 = through(dy[at.w], fma(h3, scale, shift), inside.w);
    sum = fma(d3, h3, fma(d2, h2, fma(d1, h1, fma(d0, h0, sum))));
    total += d0 + d1 + (d2 + d3);
  }
  let sums = addLanes(sum * factor);
  let totals = addLanes(total);
  if local > 0u { return; }
  first[c] = sums;
  second[c] = totals;
}
