// z[n, p, q, o] = sum over i, j of  x[n, p*sh - top + i*dh, q*sw - left + j*dw, c] * w[i, j, c, m],   o = c*M + m
// y = f(z * scale[o] + b[o] + residual)
//
// The readable definition, for any multiplier M, stride, dilation and padding; x outside the image is zero. One
// invocation computes one element of y; neighbours hold neighbouring channels, so loads coalesce. The optional inputs
// of the epilogue are compiled in by overrides; the numbers of FUNCTION are those of activation.wgsl.

override WORKGROUP: u32 = 64;
override HAS_SCALE: bool = false;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
override FUNCTION: u32 = 0;

struct Params {
  count: u32, // elements of y
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
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read> scale: array<f32>;
@group(0) @binding(5) var<storage, read> residual: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

fn activate(v: f32) -> f32 {
  switch FUNCTION {
    case 1u: {
      let low = select(params.slope * (v - params.threshold), v, v >= params.threshold);
      return min(low, params.maxValue);
    }
    case 2u: { return 1.0 / (1.0 + exp(-v)); }
    case 3u: { return tanh(clamp(v, -15.0, 15.0)); }
    case 4u: { return v / (1.0 + exp(-v)); }
    case 5u: { return clamp(v / 6.0 + 0.5, 0.0, 1.0); }
    case 6u: { return v * clamp(v / 6.0 + 0.5, 0.0, 1.0); }
    default: { return v; }
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = (group.x + group.y * groups.x) * WORKGROUP + local;
  if index >= params.count { return; }
  let outputs = params.channels * params.multiplier;
  let o = index % outputs;
  let c = o / params.multiplier;
  let q = (index / outputs) % params.outWidth;
  let np = index / (outputs * params.outWidth);
  let p = np % params.outHeight;
  let n = np / params.outHeight;
  let firstRow = i32(p * params.strideH) - params.top;
  let firstColumn = i32(q * params.strideW) - params.left;

  var z = 0.0;
  for (var i = 0u; i < params.sizeH; i++) {
    let row = firstRow + i32(i * params.dilationH);
    if row < 0 || row >= i32(params.inHeight) { continue; }
    let line = (n * params.inHeight + u32(row)) * params.inWidth;
    for (var j = 0u; j < params.sizeW; j++) {
      let column = firstColumn + i32(j * params.dilationW);
      if column < 0 || column >= i32(params.inWidth) { continue; }
      z = fma(x[(line + u32(column)) * params.channels + c], w[(i * params.sizeW + j) * outputs + o], z);
    }
  }
  if HAS_SCALE { z *= scale[o]; }
  if HAS_BIAS { z += b[o]; }
  if HAS_RESIDUAL { z += residual[index]; }
  y[index] = activate(z);
}
