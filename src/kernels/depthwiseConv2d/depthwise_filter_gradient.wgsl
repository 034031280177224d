// dw[i, j, c, m] = sum over n, p, q of  x[n, p*sh - top + i*dh, q*sw - left + j*dw, c] * dy[n, p, q, c*M + m]
//
// The readable definition, for any multiplier M, stride, dilation and padding; x outside the image is zero. One
// invocation computes one element of dw and walks over the whole batch alone.

override WORKGROUP: u32 = 64;

struct Params {
  batch: u32,
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
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = (group.x + group.y * groups.x) * WORKGROUP + local;
  let outputs = params.channels * params.multiplier;
  if index >= params.sizeH * params.sizeW * outputs { return; }
  let o = index % outputs;
  let c = o / params.multiplier;
  let j = (index / outputs) % params.sizeW;
  let i = index / (outputs * params.sizeW);

  var sum = 0.0;
  for (var n = 0u; n < params.batch; n++) {
    for (var p = 0u; p < params.outHeight; p++) {
      let row = i32(p * params.strideH + i * params.dilationH) - params.top;
      if row < 0 || row >= i32(params.inHeight) { continue; }
      let xLine = (n * params.inHeight + u32(row)) * params.inWidth;
      let yLine = (n * params.outHeight + p) * params.outWidth;
      for (var q = 0u; q < params.outWidth; q++) {
        let column = i32(q * params.strideW + j * params.dilationW) - params.left;
        if column < 0 || column >= i32(params.inWidth) { continue; }
        sum = fma(x[(xLine + u32(column)) * params.channels + c], dy[(yLine + q) * outputs + o], sum);
      }
    }
  }
  dw[index] = sum;
}
