// maximum: dx[n, h, w, c] = sum of dy[n, p, q, c] over the windows (p, q) whose first maximum is x[n, h, w, c]
// average: dx[n, h, w, c] = sum of dy[n, p, q, c] / count(p, q) over the windows (p, q) that cover (h, w)
//
// As pool_gradient.wgsl, for channels in fours: the four are followed together, and the elements in front of (h, w) are
// read while any of the four may still be the first maximum. One invocation computes four channels of one position of
// dx; neighbours hold neighbouring channels.

override WORKGROUP: u32 = 64;
override MAXIMUM: bool = true;
override SIZE_H: u32 = 2;
override SIZE_W: u32 = 2;
override STRIDE_H: u32 = 2;
override STRIDE_W: u32 = 2;

struct Params {
  count: u32, // vectors of dx
  inHeight: u32,
  inWidth: u32,
  outHeight: u32,
  outWidth: u32,
  channels: u32, // in vectors
  top: u32,
  left: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // maximum only
@group(0) @binding(3) var<storage, read> y: array<vec4f>; // maximum only
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;

fn isNan(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

// Where both are NaN, the NaN was the maximum.
fn same(a: vec4f, b: vec4f) -> vec4<bool> {
  return (a == b) | (isNan(a) & isNan(b));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let o = (group.x + group.y * groups.x) * WORKGROUP + local;
  if o >= params.count { return; }
  let c = o % params.channels;
  let w = (o / params.channels) % params.inWidth;
  let nh = o / (params.channels * params.inWidth);
  let h = nh % params.inHeight;
  let n = nh / params.inHeight;

  // Windows that cover padded row u: p * stride <= u < p * stride + size; the same for columns.
  let u = h + params.top;
  let v = w + params.left;
  var pFirst = 0u;
  var qFirst = 0u;
  if u >= SIZE_H { pFirst = (u - SIZE_H) / STRIDE_H + 1u; }
  if v >= SIZE_W { qFirst = (v - SIZE_W) / STRIDE_W + 1u; }
  let pEnd = min(u / STRIDE_H + 1u, params.outHeight);
  let qEnd = min(v / STRIDE_W + 1u, params.outWidth);

  var own = vec4f();
  if MAXIMUM { own = x[o]; }
  var sum = vec4f();
  for (var p = pFirst; p < pEnd; p++) {
    let rowFirst = max(p * STRIDE_H, params.top) - params.top;
    let rowEnd = min(p * STRIDE_H + SIZE_H, params.inHeight + params.top) - params.top;
    for (var q = qFirst; q < qEnd; q++) {
      let columnFirst = max(q * STRIDE_W, params.left) - params.left;
      let columnEnd = min(q * STRIDE_W + SIZE_W, params.inWidth + params.left) - params.left;
      let window = ((n * params.outHeight + p) * params.outWidth + q) * params.channels + c;
      if MAXIMUM {
        var first = same(own, y[window]);
        // Whole rows above h, then what is left of w in row h.
        for (var row = rowFirst; row <= h && any(first); row++) {
          let end = select(columnEnd, w, row == h);
          for (var column = columnFirst; column < end; column++) {
            first &= !same(own, x[((n * params.inHeight + row) * params.inWidth + column) * params.channels + c]);
          }
        }
        sum += select(vec4f(), dy[window], first);
      } else {
        sum += dy[window] / f32((rowEnd - rowFirst) * (columnEnd - columnFirst));
      }
    }
  }
  dx[o] = sum;
}
