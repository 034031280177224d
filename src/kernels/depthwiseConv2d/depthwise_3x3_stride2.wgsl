// z[n, p, q, c] = sum over i, j < 3 of  x[n, 2p - top + i, 2q - left + j, c] * w[i, j, c]
// y = f(z * scale + b + residual)
//
// 3x3 filters with stride 2, channels in fours. An invocation walks down a strip of `rows` output rows, two columns
// wide, for four channels. Each output row reads three input rows and shares the last one with the next: it is loaded
// once (five vectors), completes one sum and begins the other. The nine taps stay in registers. What lies outside the
// image is loaded from the nearest place inside and replaced by zero, so that nothing branches. Neighbouring
// invocations hold neighbouring channels. The numbers of FUNCTION are those of activation.wgsl.

override WORKGROUP: u32 = 64;
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
  rows: u32, // output rows of a strip
  rowBlocks: u32,
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

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = (group.x + group.y * groups.x) * WORKGROUP + local;
  let c = index % params.channelGroups;
  let block = index / params.channelGroups;
  let q = (block % params.columnBlocks) * 2u;
  let strip = (block / params.columnBlocks) % params.rowBlocks;
  let n = block / (params.columnBlocks * params.rowBlocks);
  if n >= params.batch { return; }
  let w0 = w[c];
  let w1 = w[1u * params.channelGroups + c];
  let w2 = w[2u * params.channelGroups + c];
  let w3 = w[3u * params.channelGroups + c];
  let w4 = w[4u * params.channelGroups + c];
  let w5 = w[5u * params.channelGroups + c];
  let w6 = w[6u * params.channelGroups + c];
  let w7 = w[7u * params.channelGroups + c];
  let w8 = w[8u * params.channelGroups + c];

  var factor = vec4f(1.0);
  var offset = vec4f();
  if HAS_SCALE { factor = scale[c]; }
  if HAS_BIAS { offset = b[c]; }

  // The five input columns: their place within a row, and whether they are inside.
  let lastColumn = i32(params.inWidth) - 1;
  let column = i32(2u * q) - params.left;
  let at0 = u32(clamp(column + 0, 0, lastColumn)) * params.channelGroups + c;
  let at1 = u32(clamp(column + 1, 0, lastColumn)) * params.channelGroups + c;
  let at2 = u32(clamp(column + 2, 0, lastColumn)) * params.channelGroups + c;
  let at3 = u32(clamp(column + 3, 0, lastColumn)) * params.channelGroups + c;
  let at4 = u32(clamp(column + 4, 0, lastColumn)) * params.channelGroups + c;
  let inside0 = column + 0 >= 0 && column + 0 <= lastColumn;
  let inside1 = column + 1 >= 0 && column + 1 <= lastColumn;
  let inside2 = column + 2 >= 0 && column + 2 <= lastColumn;
  let inside3 = column + 3 >= 0 && column + 3 <= lastColumn;
  let inside4 = column + 4 >= 0 && column + 4 <= lastColumn;

  let p = strip * params.rows;
  let rows = min(params.rows, params.outHeight - p);
  let lastRow = i32(params.inHeight) - 1;
  var row = i32(2u * p) - params.top;
  var sum0 = vec4f();
  var sum1 = vec4f();
  // Iteration 0 has only the shared row; iteration t completes output row p + t - 1.
  for (var t = 0u; t <= rows; t++) {
    if t > 0u {
      let inside = row >= 0 && row <= lastRow;
      let line = (n * params.inHeight + u32(clamp(row, 0, lastRow))) * params.inWidth * params.channelGroups;
      let x0 = select(vec4f(), x[line + at0], inside && inside0);
      let x1 = select(vec4f(), x[line + at1], inside && inside1);
      let x2 = select(vec4f(), x[line + at2], inside && inside2);
      let x3 = select(vec4f(), x[line + at3], inside && inside3);
      let x4 = select(vec4f(), x[line + at4], inside && inside4);
      sum0 = fma(x2, w5, fma(x1, w4, fma(x0, w3, sum0)));
      sum1 = fma(x4, w5, fma(x3, w4, fma(x2, w3, sum1)));
      row++;
    }
    let inside = row >= 0 && row <= lastRow;
    let line = (n * params.inHeight + u32(clamp(row, 0, lastRow))) * params.inWidth * params.channelGroups;
    let x0 = select(vec4f(), x[line + at0], inside && inside0);
    let x1 = select(vec4f(), x[line + at1], inside && inside1);
    let x2 = select(vec4f(), x[line + at2], inside && inside2);
    let x3 = select(vec4f(), x[line + at3], inside && inside3);
    let x4 = select(vec4f(), x[line + at4], inside && inside4);
    row++;
    if t > 0u {
      let at = ((n * params.outHeight + p + t - 1u) * params.outWidth + q) * params.channelGroups + c;
      let done0 = fma(x2, w8, fma(x1, w7, fma(x0, w6, sum0)));
      let done1 = fma(x4, w8, fma(x3, w7, fma(x2, w6, sum1)));
      y[at] = finish(done0, factor, offset, at);
      if q + 1u < params.outWidth { y[at + params.channelGroups] = finish(done1, factor, offset, at + params.channelGroups); }
    }
    sum0 = fma(x2, w2, fma(x1, w1, x0 * w0));
    sum1 = fma(x4, w2, fma(x3, w1, x2 * w0));
  }
}
