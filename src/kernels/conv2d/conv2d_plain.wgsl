// y[n, r, c, o] = f(z * scale[o] + b[o] + residual[n, r, c, o]),
// z = sum over ky, kx, d of x[n, r * sy + ky * dy - top, c * sx + kx * dx - left, g * depth + d] * w[ky, kx, d, o]
//
// The definition of the convolution, without tiles: strides s, dilation d, zeros around the image, and groups, of which
// g = o / filtersEach is the one that filter o belongs to. One invocation computes one element of y, neighbours along o.
// Taps beside the image are left out of the sum. The launch is one-dimensional, folded into y where it is long.
// The numbers of FUNCTION are those of activation.wgsl.

override WORKGROUP: u32 = 64;
override HAS_SCALE: bool = false;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
override FUNCTION: u32 = 0;

struct Params {
  count: u32, // elements of the result
  batch: u32,
  inRows: u32,
  inColumns: u32,
  channels: u32,
  outRows: u32,
  outColumns: u32,
  filters: u32,
  depth: u32, // channels / groups
  filtersEach: u32, // filters / groups
  filterRows: u32,
  filterColumns: u32,
  strideRows: u32,
  strideColumns: u32,
  dilationRows: u32,
  dilationColumns: u32,
  top: u32,
  left: u32,
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<f32>;
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
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let o = i % params.filters;
  let position = i / params.filters;
  let column = position % params.outColumns;
  let row = position / params.outColumns % params.outRows;
  let image = position / (params.outColumns * params.outRows);
  let firstChannel = o / params.filtersEach * params.depth;

  var sum = 0.0;
  for (var ky = 0u; ky < params.filterRows; ky++) {
    // Above the image the subtraction wraps around to a huge number, so that one comparison finds both edges.
    let inRow = row * params.strideRows + ky * params.dilationRows - params.top;
    if inRow >= params.inRows { continue; }
    for (var kx = 0u; kx < params.filterColumns; kx++) {
      let inColumn = column * params.strideColumns + kx * params.dilationColumns - params.left;
      if inColumn >= params.inColumns { continue; }
      let xAt = ((image * params.inRows + inRow) * params.inColumns + inColumn) * params.channels + firstChannel;
      var wAt = (ky * params.filterColumns + kx) * params.depth * params.filters + o;
      for (var d = 0u; d < params.depth; d++) {
        sum = fma(x[xAt + d], w[wAt], sum);
        wAt += params.filters;
      }
    }
  }

  if HAS_SCALE { sum *= scale[o]; }
  if HAS_BIAS { sum += b[o]; }
  if HAS_RESIDUAL { sum += residual[i]; }
  y[i] = activate(sum);
}
