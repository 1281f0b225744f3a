// train
//   map_0: %34 over [3]
//   scan_0: scan over T: states %6; a channel a thread
//   alongside_0: %23 over [_B, T]; %47 over [_B, T, 3]
//   tree_0: %27, loss [] by trees over [_B, T]
//   scan_1: scan reverse over T: states %51, %89, %95; a channel a thread
//   tree_1: %94, %100, %77 [3] by trees over [_B]
//   squares_0: squares of all gradients, added up in parts
//   adamw_0: clip by the global norm, then AdamW

// evaluate
//   map_0: %34 over [3]
//   scan_0: scan over T: states %6; a channel a thread
//   map_1: %23 over [_B, T]
//   tree_0: %27, loss [] by trees over [_B, T]

// predict
//   map_0: %34 over [3]
//   scan_0: scan over T: states %6; a channel a thread

// step
//   map_0: %34 over [3]
//   scan_2: scan over T: states %6; a channel a thread

@group(0) @binding(0) var<uniform> plan: Plan;
@group(0) @binding(1) var<storage, read> params: array<f32>;
@group(0) @binding(2) var<storage, read_write> arena: array<f32>;
@group(0) @binding(3) var<storage, read_write> params_rw: array<f32>;
@group(0) @binding(4) var<storage, read_write> moments: array<f32>;
struct Hyper {
  lr: f32,
  beta1: f32,
  beta2: f32,
  eps: f32,
  weightDecay: f32,
  clipNorm: f32,
  correction1: f32,
  correction2: f32,
}
@group(0) @binding(5) var<uniform> hyper: Hyper;
fn seq_sigmoid(x: f32) -> f32 {
  return 1.0 / (1.0 + exp(-max(x, -80.0)));
}

// %34 over [3]
struct Plan { params_0: u32, s4_v: u32 }
@compute @workgroup_size(64)
fn map_0(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let element_0 = ((group * 64u) + thread);
  let leaky_a_1 = params[(plan.params_0 + element_0)];
  let v_2 = seq_sigmoid(leaky_a_1);
  if ((element_0 < 3u)) {
    arena[(plan.s4_v + element_0)] = v_2;
  }
}

// scan over T: states %6; a channel a thread
struct Plan { _B: u32, s4_v: u32, T: u32, s0_xs: u32, s5_h: u32 }
@compute @workgroup_size(64)
fn scan_0(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let channel_0 = ((group * 64u) + thread);
  let valid_1 = (channel_0 < (plan._B * 3u));
  let channel_2 = min(channel_0, ((plan._B * 3u) - 1u));
  let row_3 = (channel_2 / 3u);
  let place_4 = (channel_2 % 3u);
  var state_5 = 0.0f;
  let x_8 = arena[(plan.s4_v + place_4)];
  let v_10 = (1.0f - x_8);
  for (var step_6 = 0u; step_6 < plan.T; step_6 += 1u) {
    let now_7 = state_5;
    let v_9 = (x_8 * now_7);
    let xs_11 = arena[(plan.s0_xs + ((((row_3 * plan.T) + step_6) * 3u) + place_4))];
    let v_12 = (v_10 * xs_11);
    let h__13 = (v_9 + v_12);
    state_5 = h__13;
    if (valid_1) {
      arena[(plan.s5_h + ((((row_3 * plan.T) + step_6) * 3u) + place_4))] = h__13;
    }
  }
}

// %23 over [_B, T]
// %47 over [_B, T, 3]
struct Plan { _B: u32, T: u32, s5_h: u32, s1_ys: u32, s6_v: u32, s7_v: u32 }
@compute @workgroup_size(64)
fn alongside_0(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let end_0 = (((plan._B * plan.T) + 63u) / 64u);
  if ((group < end_0)) {
    let group = group;
    let element_0 = ((group * 64u) + thread);
    if ((element_0 < (plan._B * plan.T))) {
      var sum_1 = 0.0f;
      for (var k_2 = 0u; k_2 < 3u; k_2 += 1u) {
        let h_3 = arena[(plan.s5_h + ((element_0 * 3u) + k_2))];
        let ys_4 = arena[(plan.s1_ys + ((element_0 * 3u) + k_2))];
        let v_5 = (h_3 - ys_4);
        let v_6 = (v_5 * v_5);
        sum_1 = (sum_1 + v_6);
      }
      arena[(plan.s6_v + element_0)] = sum_1;
    }
  }
  let end_1 = (end_0 + ((((plan._B * plan.T) * 3u) + 63u) / 64u));
  if (((group >= end_0) && (group < end_1))) {
    let group = (group - end_0);
    let element_0 = ((group * 64u) + thread);
    let v_1 = i32(plan._B);
    let v_2 = f32(v_1);
    let v_3 = i32(plan.T);
    let v_4 = f32(v_3);
    let v_5 = (v_2 * v_4);
    let v_6 = (1.0f / v_5);
    let v_7 = (v_6 / 3.0f);
    let h_8 = arena[(plan.s5_h + element_0)];
    let ys_9 = arena[(plan.s1_ys + element_0)];
    let v_10 = (h_8 - ys_9);
    let v_11 = (v_7 * v_10);
    if ((element_0 < ((plan._B * plan.T) * 3u))) {
      arena[(plan.s7_v + element_0)] = v_11;
    }
  }
}

// %27, loss [] by trees over [_B, T]
struct Plan { _B: u32, T: u32, s6_v: u32, s3_loss: u32 }
var<workgroup> tree_partial_0: array<f32, 256>;
@compute @workgroup_size(256)
fn tree_0(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  var partial_0 = 0.0f;
  for (var term_1 = thread; term_1 < (plan._B * plan.T); term_1 += 256u) {
    let x_2 = arena[(plan.s6_v + term_1)];
    let v_3 = (x_2 / 3.0f);
    partial_0 = (partial_0 + v_3);
  }
  tree_partial_0[thread] = partial_0;
  workgroupBarrier();
  if ((thread < 128u)) {
    let part_4 = tree_partial_0[thread];
    let part_5 = tree_partial_0[(thread + 128u)];
    tree_partial_0[thread] = (part_4 + part_5);
  }
  workgroupBarrier();
  if ((thread < 64u)) {
    let part_6 = tree_partial_0[thread];
    let part_7 = tree_partial_0[(thread + 64u)];
    tree_partial_0[thread] = (part_6 + part_7);
  }
  workgroupBarrier();
  if ((thread < 32u)) {
    let part_8 = tree_partial_0[thread];
    let part_9 = tree_partial_0[(thread + 32u)];
    tree_partial_0[thread] = (part_8 + part_9);
  }
  workgroupBarrier();
  if ((thread < 16u)) {
    let part_10 = tree_partial_0[thread];
    let part_11 = tree_partial_0[(thread + 16u)];
    tree_partial_0[thread] = (part_10 + part_11);
  }
  workgroupBarrier();
  if ((thread < 8u)) {
    let part_12 = tree_partial_0[thread];
    let part_13 = tree_partial_0[(thread + 8u)];
    tree_partial_0[thread] = (part_12 + part_13);
  }
  workgroupBarrier();
  if ((thread < 4u)) {
    let part_14 = tree_partial_0[thread];
    let part_15 = tree_partial_0[(thread + 4u)];
    tree_partial_0[thread] = (part_14 + part_15);
  }
  workgroupBarrier();
  if ((thread < 2u)) {
    let part_16 = tree_partial_0[thread];
    let part_17 = tree_partial_0[(thread + 2u)];
    tree_partial_0[thread] = (part_16 + part_17);
  }
  workgroupBarrier();
  if ((thread < 1u)) {
    let part_18 = tree_partial_0[thread];
    let part_19 = tree_partial_0[(thread + 1u)];
    tree_partial_0[thread] = (part_18 + part_19);
  }
  let v_21 = i32(plan._B);
  let v_22 = f32(v_21);
  let v_23 = i32(plan.T);
  let v_24 = f32(v_23);
  let v_25 = (v_22 * v_24);
  if ((thread == 0u)) {
    let total_20 = tree_partial_0[thread];
    let loss_26 = (total_20 / v_25);
    arena[plan.s3_loss] = loss_26;
  }
}

// scan reverse over T: states %51, %89, %95; a channel a thread
struct Plan { _B: u32, s4_v: u32, T: u32, s7_v: u32, s0_xs: u32, s5_h: u32, s8_v: u32, s9_v: u32 }
@compute @workgroup_size(64)
fn scan_1(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let channel_0 = ((group * 64u) + thread);
  let valid_1 = (channel_0 < (plan._B * 3u));
  let channel_2 = min(channel_0, ((plan._B * 3u) - 1u));
  let row_3 = (channel_2 / 3u);
  let place_4 = (channel_2 % 3u);
  var state_5 = 0.0f;
  var state_6 = 0.0f;
  var state_7 = 0.0f;
  let x_16 = arena[(plan.s4_v + place_4)];
  for (var step_8 = 0u; step_8 < plan.T; step_8 += 1u) {
    let t_9 = ((plan.T - 1u) - step_8);
    let now_10 = state_5;
    let now_11 = state_6;
    let now_12 = state_7;
    let x_13 = arena[(plan.s7_v + ((((row_3 * plan.T) + t_9) * 3u) + place_4))];
    let v_14 = (x_13 + x_13);
    let v_15 = (now_10 + v_14);
    let v_17 = (v_15 * x_16);
    let xs_18 = arena[(plan.s0_xs + ((((row_3 * plan.T) + t_9) * 3u) + place_4))];
    let v_19 = (v_15 * xs_18);
    let v_20 = (now_11 + v_19);
    let h_21 = arena[(plan.s5_h + ((((row_3 * plan.T) + (t_9 - 1u)) * 3u) + place_4))];
    let v_22 = select(0.0f, h_21, ((t_9 - 1u) < plan.T));
    let v_23 = (v_15 * v_22);
    let v_24 = (now_12 + v_23);
    state_5 = v_17;
    state_6 = v_20;
    state_7 = v_24;
  }
  if (valid_1) {
    arena[(plan.s8_v + ((row_3 * 3u) + place_4))] = state_6;
    arena[(plan.s9_v + ((row_3 * 3u) + place_4))] = state_7;
  }
}

// %94, %100, %77 [3] by trees over [_B]
struct Plan { _B: u32, s8_v: u32, s9_v: u32, s4_v: u32, s2_gradients: u32 }
var<workgroup> tree_partial_0: array<f32, 256>;
var<workgroup> tree_partial_1: array<f32, 256>;
@compute @workgroup_size(256)
fn tree_1(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  var partial_0 = 0.0f;
  var partial_1 = 0.0f;
  for (var term_2 = thread; term_2 < plan._B; term_2 += 256u) {
    let x_3 = arena[(plan.s8_v + ((term_2 * 3u) + group))];
    partial_0 = (partial_0 + x_3);
    let x_4 = arena[(plan.s9_v + ((term_2 * 3u) + group))];
    partial_1 = (partial_1 + x_4);
  }
  tree_partial_0[thread] = partial_0;
  tree_partial_1[thread] = partial_1;
  workgroupBarrier();
  if ((thread < 128u)) {
    let part_5 = tree_partial_0[thread];
    let part_6 = tree_partial_0[(thread + 128u)];
    tree_partial_0[thread] = (part_5 + part_6);
    let part_7 = tree_partial_1[thread];
    let part_8 = tree_partial_1[(thread + 128u)];
    tree_partial_1[thread] = (part_7 + part_8);
  }
  workgroupBarrier();
  if ((thread < 64u)) {
    let part_9 = tree_partial_0[thread];
    let part_10 = tree_partial_0[(thread + 64u)];
    tree_partial_0[thread] = (part_9 + part_10);
    let part_11 = tree_partial_1[thread];
    let part_12 = tree_partial_1[(thread + 64u)];
    tree_partial_1[thread] = (part_11 + part_12);
  }
  workgroupBarrier();
  if ((thread < 32u)) {
    let part_13 = tree_partial_0[thread];
    let part_14 = tree_partial_0[(thread + 32u)];
    tree_partial_0[thread] = (part_13 + part_14);
    let part_15 = tree_partial_1[thread];
    let part_16 = tree_partial_1[(thread + 32u)];
    tree_partial_1[thread] = (part_15 + part_16);
  }
  workgroupBarrier();
  if ((thread < 16u)) {
    let part_17 = tree_partial_0[thread];
    let part_18 = tree_partial_0[(thread + 16u)];
    tree_partial_0[thread] = (part_17 + part_18);
    let part_19 = tree_partial_1[thread];
    let part_20 = tree_partial_1[(thread + 16u)];
    tree_partial_1[thread] = (part_19 + part_20);
  }
  workgroupBarrier();
  if ((thread < 8u)) {
    let part_21 = tree_partial_0[thread];
    let part_22 = tree_partial_0[(thread + 8u)];
    tree_partial_0[thread] = (part_21 + part_22);
    let part_23 = tree_partial_1[thread];
    let part_24 = tree_partial_1[(thread + 8u)];
    tree_partial_1[thread] = (part_23 + part_24);
  }
  workgroupBarrier();
  if ((thread < 4u)) {
    let part_25 = tree_partial_0[thread];
    let part_26 = tree_partial_0[(thread + 4u)];
    tree_partial_0[thread] = (part_25 + part_26);
    let part_27 = tree_partial_1[thread];
    let part_28 = tree_partial_1[(thread + 4u)];
    tree_partial_1[thread] = (part_27 + part_28);
  }
  workgroupBarrier();
  if ((thread < 2u)) {
    let part_29 = tree_partial_0[thread];
    let part_30 = tree_partial_0[(thread + 2u)];
    tree_partial_0[thread] = (part_29 + part_30);
    let part_31 = tree_partial_1[thread];
    let part_32 = tree_partial_1[(thread + 2u)];
    tree_partial_1[thread] = (part_31 + part_32);
  }
  workgroupBarrier();
  if ((thread < 1u)) {
    let part_33 = tree_partial_0[thread];
    let part_34 = tree_partial_0[(thread + 1u)];
    tree_partial_0[thread] = (part_33 + part_34);
    let part_35 = tree_partial_1[thread];
    let part_36 = tree_partial_1[(thread + 1u)];
    tree_partial_1[thread] = (part_35 + part_36);
  }
  let x_40 = arena[(plan.s4_v + group)];
  let v_41 = (1.0f - x_40);
  let v_42 = (x_40 * v_41);
  if ((thread == 0u)) {
    let total_37 = tree_partial_0[thread];
    let total_38 = tree_partial_1[thread];
    let v_39 = (total_38 - total_37);
    let v_43 = (v_39 * v_42);
    arena[(plan.s2_gradients + group)] = v_43;
  }
}

// squares of all gradients, added up in parts
struct Plan { s2_gradients: u32, s10_partials: u32 }
var<workgroup> squares_sum: array<f32, 64>;
@compute @workgroup_size(64)
fn squares_0(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  var total_0 = 0.0f;
  for (var i_1 = ((group * 64u) + thread); i_1 < 3u; i_1 += 64u) {
    let g_2 = arena[(plan.s2_gradients + i_1)];
    total_0 = (total_0 + (g_2 * g_2));
  }
  squares_sum[thread] = total_0;
  workgroupBarrier();
  if ((thread < 32u)) {
    let part_3 = squares_sum[thread];
    let part_4 = squares_sum[(thread + 32u)];
    squares_sum[thread] = (part_3 + part_4);
  }
  workgroupBarrier();
  if ((thread < 16u)) {
    let part_5 = squares_sum[thread];
    let part_6 = squares_sum[(thread + 16u)];
    squares_sum[thread] = (part_5 + part_6);
  }
  workgroupBarrier();
  if ((thread < 8u)) {
    let part_7 = squares_sum[thread];
    let part_8 = squares_sum[(thread + 8u)];
    squares_sum[thread] = (part_7 + part_8);
  }
  workgroupBarrier();
  if ((thread < 4u)) {
    let part_9 = squares_sum[thread];
    let part_10 = squares_sum[(thread + 4u)];
    squares_sum[thread] = (part_9 + part_10);
  }
  workgroupBarrier();
  if ((thread < 2u)) {
    let part_11 = squares_sum[thread];
    let part_12 = squares_sum[(thread + 2u)];
    squares_sum[thread] = (part_11 + part_12);
  }
  workgroupBarrier();
  if ((thread < 1u)) {
    let part_13 = squares_sum[thread];
    let part_14 = squares_sum[(thread + 1u)];
    squares_sum[thread] = (part_13 + part_14);
  }
  if ((thread == 0u)) {
    let sum_15 = squares_sum[0u];
    arena[(plan.s10_partials + group)] = sum_15;
  }
}

// clip by the global norm, then AdamW
struct Plan { s10_partials: u32, s11_gradNorm: u32, s2_gradients: u32 }
@compute @workgroup_size(64)
fn adamw_0(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  var total_0 = 0.0f;
  for (var i_1 = 0u; i_1 < 1u; i_1 += 1u) {
    let part_2 = arena[(plan.s10_partials + i_1)];
    total_0 = (total_0 + part_2);
  }
  let norm_3 = sqrt(total_0);
  let scale_4 = select(min(1.0f, (hyper.clipNorm / (norm_3 + 9.999999974752427e-7f))), 1.0f, (hyper.clipNorm == 0.0f));
  let first_5 = ((group * 512u) + thread);
  if ((first_5 == 0u)) {
    arena[plan.s11_gradNorm] = norm_3;
  }
  let end_6 = min((first_5 + 512u), 3u);
  let decay_11 = (hyper.lr * hyper.weightDecay);
  for (var i_7 = first_5; i_7 < end_6; i_7 += 64u) {
    let g_8 = (arena[(plan.s2_gradients + i_7)] * scale_4);
    let moment_9 = ((hyper.beta1 * moments[i_7]) + ((1.0f - hyper.beta1) * g_8));
    let moment_10 = ((hyper.beta2 * moments[(i_7 + 3u)]) + ((1.0f - hyper.beta2) * (g_8 * g_8)));
    let p_12 = ((params_rw[i_7] * (1.0f - select(0.0f, decay_11, (i_7 < 3u)))) - (hyper.lr * ((moment_9 / hyper.correction1) / (sqrt((moment_10 / hyper.correction2)) + hyper.eps))));
    moments[i_7] = moment_9;
    moments[(i_7 + 3u)] = moment_10;
    params_rw[i_7] = p_12;
  }
}

// %23 over [_B, T]
struct Plan { _B: u32, T: u32, s4_h: u32, s1_ys: u32, s5_v: u32 }
@compute @workgroup_size(64)
fn map_1(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let element_0 = ((group * 64u) + thread);
  if ((element_0 < (plan._B * plan.T))) {
    var sum_1 = 0.0f;
    for (var k_2 = 0u; k_2 < 3u; k_2 += 1u) {
      let h_3 = arena[(plan.s4_h + ((element_0 * 3u) + k_2))];
      let ys_4 = arena[(plan.s1_ys + ((element_0 * 3u) + k_2))];
      let v_5 = (h_3 - ys_4);
      let v_6 = (v_5 * v_5);
      sum_1 = (sum_1 + v_6);
    }
    arena[(plan.s5_v + element_0)] = sum_1;
  }
}

// scan over T: states %6; a channel a thread
struct Plan { _B: u32, s1_leaky_h: u32, s4_v: u32, T: u32, s0_xs: u32, s2_smooth: u32, s3_leaky_h: u32 }
@compute @workgroup_size(64)
fn scan_2(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let channel_0 = ((group * 64u) + thread);
  let valid_1 = (channel_0 < (plan._B * 3u));
  let channel_2 = min(channel_0, ((plan._B * 3u) - 1u));
  let row_3 = (channel_2 / 3u);
  let place_4 = (channel_2 % 3u);
  let leaky_h_5 = arena[(plan.s1_leaky_h + ((row_3 * 3u) + place_4))];
  var state_6 = leaky_h_5;
  let x_9 = arena[(plan.s4_v + place_4)];
  let v_11 = (1.0f - x_9);
  for (var step_7 = 0u; step_7 < plan.T; step_7 += 1u) {
    let now_8 = state_6;
    let v_10 = (x_9 * now_8);
    let xs_12 = arena[(plan.s0_xs + ((((row_3 * plan.T) + step_7) * 3u) + place_4))];
    let v_13 = (v_11 * xs_12);
    let h__14 = (v_10 + v_13);
    state_6 = h__14;
    if (valid_1) {
      arena[(plan.s2_smooth + ((((row_3 * plan.T) + step_7) * 3u) + place_4))] = h__14;
    }
  }
  if (valid_1) {
    arena[(plan.s3_leaky_h + ((row_3 * 3u) + place_4))] = state_6;
  }
}
