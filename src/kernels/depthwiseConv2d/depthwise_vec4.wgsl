// z[n, p, q, c] = sum over i, j of  x[n, p*sh - top + i*dh, q*sw - left + j*dw, c] * w[i, j, c]
// y = f(z * scale + b + residual)
//
// Any filter size, stride and dilation, channels in fours. An invocation computes four output columns for four
// channels. With a column stride of 1 (SLIDING) the four columns lie dw apart, so that tap j of column k and tap j - 1
// of column k + 1 read the same place: each tap then needs one new load, and the others are handed on. Otherwise the
// four columns are neighbours and each tap loads four times. Neighbouring invocations hold neighbouring channels.
//
// FLIPPED reads the taps backwards: with x = dy and the pads counted from the other side it is the gradient with
// respect to the image (stride 1). The numbers of FUNCTION are those of activation.wgsl.

override WORKGROUP: u32 = 64;
override FLIPPED: bool = false;
override SLIDING: bool = true;
override SIZE_H: u32 = 3;
override SIZE_W: u32 = 3;
override STRIDE_H: u32 = 1;
override STRIDE_W: u32 = 1;
override DILATION_H: u32 = 1;
override DILATION_W: u32 = 1;
override HAS_SCALE: bool = false;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
override FUNCTION: u32 = 0;

struct Params {
  batch: u32,
  channelGroups: u32, // channels / 4
  inHeight: u32,
  inWidth: u32,
  outHeight: u32,
  outWidth: u32,
  columnBlocks: u32,
  top: i32,
  left: i32,
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<vec4f>;
@group(0) @binding(3) var<storage, read> b: array<vec4f>;
@group(0) @binding(4) var<storage, read> scale: array<vec4f>;
@group(0) @binding(5) var<storage, read> residual: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;

fn activate(v: vec4f) -> vec4f {
  switch FUNCTION {
    case 1u: {
      let low = select(params.slope * (v - params.threshold), v, v >= vec4f(params.threshold));
      return min(low, vec4f(params.maxValue));
    }
    case 2u: { return 1.0 / (1.0 + exp(-v)); }
    case 3u: { return tanh(clamp(v, vec4f(-15.0), vec4f(15.0))); }
    case 4u: { return v / (1.0 + exp(-v)); }
    case 5u: { return clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    case 6u: { return v * clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    default: { return v; }
  }
}

fn finish(sum: vec4f, factor: vec4f, offset: vec4f, at: u32) -> vec4f {
  var z = sum * factor + offset;
  if HAS_RESIDUAL { z += residual[at]; }
  return activate(z);
}

fn load(line: u32, column: i32, c: u32) -> vec4f {
  let last = i32(params.inWidth) - 1;
  let v = x[(line + u32(clamp(column, 0, last))) * params.channelGroups + c];
  return select(vec4f(), v, column >= 0 && column <= last);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = (group.x + group.y * groups.x) * WORKGROUP + local;
  let c = index % params.channelGroups;
  let block = index / params.channelGroups;
  let blockColumn = block % params.columnBlocks;
  let p = (block / params.columnBlocks) % params.outHeight;
  let n = block / (params.columnBlocks * params.outHeight);
  if n >= params.batch { return; }
  var factor = vec4f(1.0);
  var offset = vec4f();
  if HAS_SCALE { factor = scale[c]; }
  if HAS_BIAS { offset = b[c]; }
  let apart = select(1u, DILATION_W, SLIDING); // from one of the four columns to the next
  let q = (blockColumn / apart) * 4u * apart + blockColumn % apart;
  let column = i32(q * STRIDE_W) - params.left;
  let step = i32(apart * STRIDE_W); // the same in columns of x

  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  for (var i = 0u; i < SIZE_H; i++) {
    let row = i32(p * STRIDE_H + i * DILATION_H) - params.top;
    if row < 0 || row >= i32(params.inHeight) { continue; }
    let line = (n * params.inHeight + u32(row)) * params.inWidth;
    var x0 = vec4f();
    var x1 = vec4f();
    var x2 = vec4f();
    if SLIDING {
      x0 = load(line, column, c);
      x1 = load(line, column + step, c);
      x2 = load(line, column + 2 * step, c);
    }
    for (var j = 0u; j < SIZE_W; j++) {
      let tap = select(i * SIZE_W + j, SIZE_H * SIZE_W - 1u - i * SIZE_W - j, FLIPPED);
      let weight = w[tap * params.channelGroups + c];
      let from0 = column + i32(j * DILATION_W);
      if !SLIDING {
        x0 = load(line, from0, c);
        x1 = load(line, from0 + step, c);
        x2 = load(line, from0 + 2 * step, c);
      }
      let x3 = load(line, from0 + 3 * step, c);
      sum0 = fma(x0, weight, sum0);
      sum1 = fma(x1, weight, sum1);
      sum2 = fma(x2, weight, sum2);
      sum3 = fma(x3, weight, sum3);
      x0 = x1;
      x1 = x2;
      x2 = x3;
    }
  }
  let at = ((n * params.outHeight + p) * params.outWidth + q) * params.channelGroups + c;
  let next = apart * params.channelGroups;
  if q < params.outWidth { y[at] = finish(sum0, factor, offset, at); }
  if q + apart < params.outWidth { y[at + next] = finish(sum1, factor, offset, at + next); }
  if q + 2u * apart < params.outWidth { y[at + 2u * next] = finish(sum2, factor, offset, at + 2u * next); }
  if q + 3u * apart < params.outWidth { y[at + 3u * next] = finish(sum3, factor, offset, at + 3u * next); }
}
