// dx[n, h, v, c] = sum over m, i, j of  dy[n, p, q, c*M + m] * w[i, j, c, m]
//                  where p*sh = h + top - i*dh and q*sw = v + left - j*dw are multiples of the strides and inside dy
//
// The readable definition, for any multiplier M, stride, dilation and padding. One invocation computes one element of
// dx and collects from the outputs that read it; neighbours hold neighbouring channels.

override WORKGROUP: u32 = 64;

struct Params {
  count: u32, // elements of dx
  inHeight: u32,
  inWidth: u32,
  outHeight: u32,
  outWidth: u32,
  channels: u32,
  multiplier: u32,
  sizeH: u32,
  sizeW: u32,
  strideH: u32,
  strideW: u32,
  dilationH: u32,
  dilationW: u32,
  top: i32,
  left: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = (group.x + group.y * groups.x) * WORKGROUP + local;
  if index >= params.count { return; }
  let c = index % params.channels;
  let v = (index / params.channels) % params.inWidth;
  let nh = index / (params.channels * params.inWidth);
  let h = nh % params.inHeight;
  let n = nh / params.inHeight;
  let outputs = params.channels * params.multiplier;

  var sum = 0.0;
  for (var i = 0u; i < params.sizeH; i++) {
    let row = i32(h) + params.top - i32(i * params.dilationH);
    if row < 0 || u32(row) % params.strideH != 0u || u32(row) / params.strideH >= params.outHeight { continue; }
    let line = (n * params.outHeight + u32(row) / params.strideH) * params.outWidth;
    for (var j = 0u; j < params.sizeW; j++) {
      let column = i32(v) + params.left - i32(j * params.dilationW);
      if column < 0 || u32(column) % params.strideW != 0u || u32(column) / params.strideW >= params.outWidth { continue; }
      let first = (line + u32(column) / params.strideW) * outputs + c * params.multiplier;
      let tap = (i * params.sizeW + j) * outputs + c * params.multiplier;
      for (var m = 0u; m < params.multiplier; m++) {
        sum = fma(dy[first + m], w[tap + m], sum);
      }
    }
  }
  dx[index] = sum;
}
