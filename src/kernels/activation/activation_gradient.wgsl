// dx[i] = dy[i] * f'(x[i]) * scale[i mod channels]
//
// `saved` is y where f' can be written with y alone (relu without slope or threshold, sigmoid, tanh, elu), else x:
// see activation.ts, which decides it, so that x need not be kept. `scale` is the per-channel factor of a frozen
// batch normalization below the activation; it is 1 unless SCALED. One invocation computes four elements.
// The numbers of FUNCTION are those of activation.wgsl.

override WORKGROUP: u32 = 64;
override FUNCTION: u32 = 1;
override SCALED: bool = false;

struct Params {
  count: u32,
  channels: u32,
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> saved: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

fn erf(v: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * abs(v));
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(v) * (1.0 - p * exp(-v * v));
}

fn slopeAt(v: f32) -> f32 {
  switch FUNCTION {
    case 1u: {
      // Works on x and, for slope 0 and threshold 0, on y just as well: 0 < y < max exactly where 0 < x < max.
      return select(select(params.slope, 1.0, v > params.threshold), 0.0, v >= params.maxValue);
    }
    case 2u: { return v * (1.0 - v); }
    case 3u: { return 1.0 - v * v; }
    case 4u: {
      let s = 1.0 / (1.0 + exp(-v));
      return s * (1.0 + v * (1.0 - s));
    }
    case 5u: { return select(0.0, 1.0 / 6.0, abs(v) < 3.0); }
    case 6u: { return select(select(v / 3.0 + 0.5, 1.0, v >= 3.0), 0.0, v <= -3.0); }
    case 7u: { return 0.5 * (1.0 + erf(v * 0.7071067811865476)) + v * 0.3989422804014327 * exp(-0.5 * v * v); }
    case 8u: {
      let u = 0.7978845608028654 * (v + 0.044715 * v * v * v);
      let t = tanh(clamp(u, -15.0, 15.0));
      return 0.5 * (1.0 + t) + 0.5 * v * (1.0 - t * t) * 0.7978845608028654 * (1.0 + 0.134145 * v * v);
    }
    case 9u: { return select(v + params.slope, 1.0, v > 0.0); }
    case 10u: { return 1.0 / (1.0 + exp(-v)); }
    default: { return 1.0; }
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = ((group.x + group.y * groups.x) * WORKGROUP + local) * 4u;
  for (var i = first; i < min(first + 4u, params.count); i++) {
    var d = dy[i] * slopeAt(saved[i]);
    if SCALED { d *= scale[i % params.channels]; }
    dx[i] = d;
  }
}
