// train
//   map_0: %34 over [3]
//   scan_0: scan over T: states %6; a channel a thread
//   alongside_0: %23 over [_B, T]; %47 over [_B, T, 3]
//   tree_0: %27, loss [] by trees over [_B, T]
//   scan_1: scan reverse over T: states %51, %89, %95; a channel a thread
//   tree_1: %94, %100, %77 [3] by trees over [_B]

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
struct Plan { _B: u32, T: u32, s4_v: u32, s0_xs: u32, s5_h: u32, _spans: u32, s10_spans: u32 }
@compute @workgroup_size(64)
fn scan_0(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let channel_0 = ((group * 64u) + thread);
  let channel_1 = min(channel_0, ((plan._B * 3u) - 1u));
  let place_2 = (channel_1 % 3u);
  let row_3 = (channel_1 / 3u);
  let valid_4 = (channel_0 < (plan._B * 3u));
  var state_5 = 0.0f;
  let units_6 = ((plan.T + 3u) / 4u);
  let first_7 = min(0u, plan.T);
  let end_8 = min((units_6 * 4u), plan.T);
  let x_12 = arena[(plan.s4_v + place_2)];
  let v_14 = (1.0f - x_12);
  let at_15 = ((row_3 * plan.T) * 3u);
  let at_17 = ((plan.s0_xs + at_15) + place_2);
  let at_21 = ((plan.s5_h + at_15) + place_2);
  for (var step_9 = 0u; step_9 < (end_8 - first_7); step_9 += 1u) {
    let t_10 = (first_7 + step_9);
    let now_11 = state_5;
    let v_13 = (x_12 * now_11);
    let at_16 = (t_10 * 3u);
    let xs_18 = arena[(at_17 + at_16)];
    let v_19 = (v_14 * xs_18);
    let h__20 = (v_13 + v_19);
    state_5 = h__20;
    if (valid_4) {
      arena[(at_21 + at_16)] = h__20;
    }
  }
}

// scan over T: states %6; a channel and span a thread
struct Plan { _B: u32, T: u32, s4_v: u32, s0_xs: u32, s5_h: u32, _spans: u32, s10_spans: u32 }
@compute @workgroup_size(64)
fn scan_0_spans(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let channel_0 = ((group * 64u) + thread);
  let channel_1 = min(channel_0, (((plan._B * 3u) * plan._spans) - 1u));
  let span_2 = (channel_1 / (plan._B * 3u));
  let rest_3 = (channel_1 % (plan._B * 3u));
  let place_4 = (rest_3 % 3u);
  let row_5 = (rest_3 / 3u);
  let valid_6 = (channel_0 < ((plan._B * 3u) * plan._spans));
  var state_7 = arena[(plan.s10_spans + (((span_2 * 2u) * (plan._B * 3u)) + ((row_5 * 3u) + place_4)))];
  let units_8 = ((plan.T + 3u) / 4u);
  let each_9 = ((units_8 + (plan._spans - 1u)) / plan._spans);
  let from_10 = min((span_2 * each_9), units_8);
  let to_11 = min((from_10 + each_9), units_8);
  let first_12 = min((from_10 * 4u), plan.T);
  let end_13 = min((to_11 * 4u), plan.T);
  let x_17 = arena[(plan.s4_v + place_4)];
  let v_19 = (1.0f - x_17);
  let at_20 = ((row_5 * plan.T) * 3u);
  let at_22 = ((plan.s0_xs + at_20) + place_4);
  let at_26 = ((plan.s5_h + at_20) + place_4);
  for (var step_14 = 0u; step_14 < (end_13 - first_12); step_14 += 1u) {
    let t_15 = (first_12 + step_14);
    let now_16 = state_7;
    let v_18 = (x_17 * now_16);
    let at_21 = (t_15 * 3u);
    let xs_23 = arena[(at_22 + at_21)];
    let v_24 = (v_19 * xs_23);
    let h__25 = (v_18 + v_24);
    state_7 = h__25;
    if (valid_6) {
      arena[(at_26 + at_21)] = h__25;
    }
  }
}

// what each span of T does to %6: a channel and span a thread
struct Plan { _B: u32, T: u32, s4_v: u32, s0_xs: u32, s5_h: u32, _spans: u32, s10_spans: u32 }
@compute @workgroup_size(64)
fn scan_0_summary(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let thread_0 = ((group * 64u) + thread);
  let channel_1 = (thread_0 % (plan._B * 3u));
  let span_2 = (thread_0 / (plan._B * 3u));
  let row_3 = (channel_1 / 3u);
  let place_4 = (channel_1 % 3u);
  let units_7 = ((plan.T + 3u) / 4u);
  let each_8 = ((units_7 + (plan._spans - 1u)) / plan._spans);
  let from_9 = min((span_2 * each_8), units_7);
  let to_10 = min((from_9 + each_8), units_7);
  let first_11 = min((from_9 * 4u), plan.T);
  let end_12 = min((to_10 * 4u), plan.T);
  let x_16 = arena[(plan.s4_v + place_4)];
  let v_18 = (1.0f - x_16);
  let at_19 = ((row_3 * plan.T) * 3u);
  let at_21 = ((plan.s0_xs + at_19) + place_4);
  let at_26 = ((span_2 * 2u) * (plan._B * 3u));
  let at_27 = (row_3 * 3u);
  let at_28 = (plan._B * 3u);
  if ((thread_0 < ((plan._B * 3u) * plan._spans))) {
    var state_5 = 0.0f;
    var factor_6 = 1.0f;
    for (var step_13 = 0u; step_13 < (end_12 - first_11); step_13 += 1u) {
      let t_14 = (first_11 + step_13);
      let now_15 = state_5;
      let v_17 = (x_16 * now_15);
      let at_20 = (t_14 * 3u);
      let xs_22 = arena[(at_21 + at_20)];
      let v_23 = (v_18 * xs_22);
      let h__24 = (v_17 + v_23);
      state_5 = h__24;
      let factor_25 = factor_6;
      factor_6 = clamp((x_16 * factor_25), -3.0000000054977558e+38f, 3.0000000054977558e+38f);
    }
    arena[(((plan.s10_spans + at_26) + at_27) + place_4)] = state_5;
    arena[((((plan.s10_spans + at_26) + at_28) + at_27) + place_4)] = factor_6;
  }
}

// where each span of T starts: %6; a channel a thread
struct Plan { _B: u32, T: u32, s4_v: u32, s0_xs: u32, s5_h: u32, _spans: u32, s10_spans: u32 }
@compute @workgroup_size(64)
fn scan_0_carry(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let thread_0 = ((group * 64u) + thread);
  let channel_1 = (thread_0 % (plan._B * 3u));
  let span_2 = (thread_0 / (plan._B * 3u));
  let row_3 = (channel_1 / 3u);
  let place_4 = (channel_1 % 3u);
  let at_9 = (row_3 * 3u);
  let at_10 = ((plan.s10_spans + at_9) + place_4);
  let at_12 = (plan._B * 3u);
  let at_13 = (((plan.s10_spans + at_12) + at_9) + place_4);
  if ((thread_0 < (plan._B * 3u))) {
    var state_5 = 0.0f;
    for (var span_6 = 0u; span_6 < plan._spans; span_6 += 1u) {
      let start_7 = state_5;
      let at_8 = ((span_6 * 2u) * (plan._B * 3u));
      let offset_11 = arena[(at_10 + at_8)];
      let factor_14 = arena[(at_13 + at_8)];
      let next_15 = (offset_11 + (factor_14 * start_7));
      arena[(at_10 + at_8)] = start_7;
      state_5 = next_15;
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
    let at_3 = (element_0 * 3u);
    let at_4 = (plan.s5_h + at_3);
    let at_6 = (plan.s1_ys + at_3);
    if ((element_0 < (plan._B * plan.T))) {
      var sum_1 = 0.0f;
      for (var k_2 = 0u; k_2 < 3u; k_2 += 1u) {
        let h_5 = arena[(at_4 + k_2)];
        let ys_7 = arena[(at_6 + k_2)];
        let v_8 = (h_5 - ys_7);
        let v_9 = (v_8 * v_8);
        sum_1 = (sum_1 + v_9);
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
struct Plan { _B: u32, T: u32, s7_v: u32, s4_v: u32, s0_xs: u32, s5_h: u32, s8_v: u32, s9_v: u32, _spans: u32, s11_spans: u32, s12_parts: u32 }
@compute @workgroup_size(64)
fn scan_1(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let channel_0 = ((group * 64u) + thread);
  let channel_1 = min(channel_0, ((plan._B * 3u) - 1u));
  let place_2 = (channel_1 % 3u);
  let row_3 = (channel_1 / 3u);
  let valid_4 = (channel_0 < (plan._B * 3u));
  var state_5 = 0.0f;
  var state_6 = 0.0f;
  var state_7 = 0.0f;
  let units_8 = ((plan.T + 3u) / 4u);
  let first_9 = min(0u, plan.T);
  let end_10 = min((units_8 * 4u), plan.T);
  let at_16 = ((row_3 * plan.T) * 3u);
  let at_18 = ((plan.s7_v + at_16) + place_2);
  let x_22 = arena[(plan.s4_v + place_2)];
  let at_24 = ((plan.s0_xs + at_16) + place_2);
  let at_29 = ((plan.s5_h + at_16) + place_2);
  for (var step_11 = 0u; step_11 < (end_10 - first_9); step_11 += 1u) {
    let t_12 = ((end_10 - 1u) - step_11);
    let now_13 = state_5;
    let now_14 = state_6;
    let now_15 = state_7;
    let at_17 = (t_12 * 3u);
    let x_19 = arena[(at_18 + at_17)];
    let v_20 = (x_19 + x_19);
    let v_21 = (now_13 + v_20);
    let v_23 = (v_21 * x_22);
    let xs_25 = arena[(at_24 + at_17)];
    let v_26 = (v_21 * xs_25);
    let v_27 = (now_14 + v_26);
    let at_28 = ((t_12 - 1u) * 3u);
    let h_30 = arena[(at_29 + at_28)];
    let v_31 = select(0.0f, h_30, ((t_12 - 1u) < plan.T));
    let v_32 = (v_21 * v_31);
    let v_33 = (now_15 + v_32);
    state_5 = v_23;
    state_6 = v_27;
    state_7 = v_33;
  }
  let at_34 = (row_3 * 3u);
  if (valid_4) {
    arena[((plan.s8_v + at_34) + place_2)] = state_6;
    arena[((plan.s9_v + at_34) + place_2)] = state_7;
  }
}

// scan reverse over T: states %51, %89, %95; a channel and span a thread
struct Plan { _B: u32, T: u32, s7_v: u32, s4_v: u32, s0_xs: u32, s5_h: u32, s8_v: u32, s9_v: u32, _spans: u32, s11_spans: u32, s12_parts: u32 }
@compute @workgroup_size(64)
fn scan_1_spans(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let channel_0 = ((group * 64u) + thread);
  let channel_1 = min(channel_0, (((plan._B * 3u) * plan._spans) - 1u));
  let span_2 = (channel_1 / (plan._B * 3u));
  let rest_3 = (channel_1 % (plan._B * 3u));
  let place_4 = (rest_3 % 3u);
  let row_5 = (rest_3 / 3u);
  let valid_6 = (channel_0 < ((plan._B * 3u) * plan._spans));
  var state_7 = arena[(plan.s11_spans + (((span_2 * 2u) * (plan._B * 3u)) + ((row_5 * 3u) + place_4)))];
  var state_8 = select(0.0f, 0.0f, (span_2 == 0u));
  var state_9 = select(0.0f, 0.0f, (span_2 == 0u));
  let units_10 = ((plan.T + 3u) / 4u);
  let each_11 = ((units_10 + (plan._spans - 1u)) / plan._spans);
  let from_12 = min((span_2 * each_11), units_10);
  let to_13 = min((from_12 + each_11), units_10);
  let first_14 = min(((units_10 - to_13) * 4u), plan.T);
  let end_15 = min(((units_10 - from_12) * 4u), plan.T);
  let at_21 = ((row_5 * plan.T) * 3u);
  let at_23 = ((plan.s7_v + at_21) + place_4);
  let x_27 = arena[(plan.s4_v + place_4)];
  let at_29 = ((plan.s0_xs + at_21) + place_4);
  let at_34 = ((plan.s5_h + at_21) + place_4);
  for (var step_16 = 0u; step_16 < (end_15 - first_14); step_16 += 1u) {
    let t_17 = ((end_15 - 1u) - step_16);
    let now_18 = state_7;
    let now_19 = state_8;
    let now_20 = state_9;
    let at_22 = (t_17 * 3u);
    let x_24 = arena[(at_23 + at_22)];
    let v_25 = (x_24 + x_24);
    let v_26 = (now_18 + v_25);
    let v_28 = (v_26 * x_27);
    let xs_30 = arena[(at_29 + at_22)];
    let v_31 = (v_26 * xs_30);
    let v_32 = (now_19 + v_31);
    let at_33 = ((t_17 - 1u) * 3u);
    let h_35 = arena[(at_34 + at_33)];
    let v_36 = select(0.0f, h_35, ((t_17 - 1u) < plan.T));
    let v_37 = (v_26 * v_36);
    let v_38 = (now_20 + v_37);
    state_7 = v_28;
    state_8 = v_32;
    state_9 = v_38;
  }
  let at_39 = ((span_2 * 2u) * (plan._B * 3u));
  let at_40 = (row_5 * 3u);
  let at_41 = (plan._B * 3u);
  if (valid_6) {
    arena[(((plan.s12_parts + at_39) + at_40) + place_4)] = state_8;
    arena[((((plan.s12_parts + at_39) + at_41) + at_40) + place_4)] = state_9;
  }
}

// what each span of T does to %51, backwards: a channel and span a thread
struct Plan { _B: u32, T: u32, s7_v: u32, s4_v: u32, s0_xs: u32, s5_h: u32, s8_v: u32, s9_v: u32, _spans: u32, s11_spans: u32, s12_parts: u32 }
@compute @workgroup_size(64)
fn scan_1_summary(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let thread_0 = ((group * 64u) + thread);
  let channel_1 = (thread_0 % (plan._B * 3u));
  let span_2 = (thread_0 / (plan._B * 3u));
  let row_3 = (channel_1 / 3u);
  let place_4 = (channel_1 % 3u);
  let units_7 = ((plan.T + 3u) / 4u);
  let each_8 = ((units_7 + (plan._spans - 1u)) / plan._spans);
  let from_9 = min((span_2 * each_8), units_7);
  let to_10 = min((from_9 + each_8), units_7);
  let first_11 = min(((units_7 - to_10) * 4u), plan.T);
  let end_12 = min(((units_7 - from_9) * 4u), plan.T);
  let at_16 = ((row_3 * plan.T) * 3u);
  let at_18 = ((plan.s7_v + at_16) + place_4);
  let x_22 = arena[(plan.s4_v + place_4)];
  let at_25 = ((span_2 * 2u) * (plan._B * 3u));
  let at_26 = (row_3 * 3u);
  let at_27 = (plan._B * 3u);
  if ((thread_0 < ((plan._B * 3u) * plan._spans))) {
    var state_5 = 0.0f;
    var factor_6 = 1.0f;
    for (var step_13 = 0u; step_13 < (end_12 - first_11); step_13 += 1u) {
      let t_14 = ((end_12 - 1u) - step_13);
      let now_15 = state_5;
      let at_17 = (t_14 * 3u);
      let x_19 = arena[(at_18 + at_17)];
      let v_20 = (x_19 + x_19);
      let v_21 = (now_15 + v_20);
      let v_23 = (v_21 * x_22);
      state_5 = v_23;
      let factor_24 = factor_6;
      factor_6 = clamp((x_22 * factor_24), -3.0000000054977558e+38f, 3.0000000054977558e+38f);
    }
    arena[(((plan.s11_spans + at_25) + at_26) + place_4)] = state_5;
    arena[((((plan.s11_spans + at_25) + at_27) + at_26) + place_4)] = factor_6;
  }
}

// where each span of T starts: %51; a channel a thread
struct Plan { _B: u32, T: u32, s7_v: u32, s4_v: u32, s0_xs: u32, s5_h: u32, s8_v: u32, s9_v: u32, _spans: u32, s11_spans: u32, s12_parts: u32 }
@compute @workgroup_size(64)
fn scan_1_carry(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let thread_0 = ((group * 64u) + thread);
  let channel_1 = (thread_0 % (plan._B * 3u));
  let span_2 = (thread_0 / (plan._B * 3u));
  let row_3 = (channel_1 / 3u);
  let place_4 = (channel_1 % 3u);
  let at_9 = (row_3 * 3u);
  let at_10 = ((plan.s11_spans + at_9) + place_4);
  let at_12 = (plan._B * 3u);
  let at_13 = (((plan.s11_spans + at_12) + at_9) + place_4);
  if ((thread_0 < (plan._B * 3u))) {
    var state_5 = 0.0f;
    for (var span_6 = 0u; span_6 < plan._spans; span_6 += 1u) {
      let start_7 = state_5;
      let at_8 = ((span_6 * 2u) * (plan._B * 3u));
      let offset_11 = arena[(at_10 + at_8)];
      let factor_14 = arena[(at_13 + at_8)];
      let next_15 = (offset_11 + (factor_14 * start_7));
      arena[(at_10 + at_8)] = start_7;
      state_5 = next_15;
    }
  }
}

// sums of what the spans of T have added up; a channel a thread
struct Plan { _B: u32, T: u32, s7_v: u32, s4_v: u32, s0_xs: u32, s5_h: u32, s8_v: u32, s9_v: u32, _spans: u32, s11_spans: u32, s12_parts: u32 }
@compute @workgroup_size(64)
fn scan_1_sums(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let thread_0 = ((group * 64u) + thread);
  let channel_1 = (thread_0 % (plan._B * 3u));
  let span_2 = (thread_0 / (plan._B * 3u));
  let row_3 = (channel_1 / 3u);
  let place_4 = (channel_1 % 3u);
  let at_9 = (row_3 * 3u);
  let at_10 = ((plan.s12_parts + at_9) + place_4);
  let at_12 = (plan._B * 3u);
  let at_13 = (((plan.s12_parts + at_12) + at_9) + place_4);
  if ((thread_0 < (plan._B * 3u))) {
    var total_5 = 0.0f;
    var total_6 = 0.0f;
    for (var span_7 = 0u; span_7 < plan._spans; span_7 += 1u) {
      let at_8 = ((span_7 * 2u) * (plan._B * 3u));
      let part_11 = arena[(at_10 + at_8)];
      total_5 = (total_5 + part_11);
      let part_14 = arena[(at_13 + at_8)];
      total_6 = (total_6 + part_14);
    }
    arena[((plan.s8_v + at_9) + place_4)] = total_5;
    arena[((plan.s9_v + at_9) + place_4)] = total_6;
  }
}

// %94, %100, %77 [3] by trees over [_B]
struct Plan { s8_v: u32, s9_v: u32, _B: u32, s4_v: u32, s2_gradients: u32 }
var<workgroup> tree_partial_0: array<f32, 256>;
var<workgroup> tree_partial_1: array<f32, 256>;
@compute @workgroup_size(256)
fn tree_1(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  var partial_0 = 0.0f;
  var partial_1 = 0.0f;
  let at_4 = (plan.s8_v + group);
  let at_6 = (plan.s9_v + group);
  for (var term_2 = thread; term_2 < plan._B; term_2 += 256u) {
    let at_3 = (term_2 * 3u);
    let x_5 = arena[(at_4 + at_3)];
    partial_0 = (partial_0 + x_5);
    let x_7 = arena[(at_6 + at_3)];
    partial_1 = (partial_1 + x_7);
  }
  tree_partial_0[thread] = partial_0;
  tree_partial_1[thread] = partial_1;
  workgroupBarrier();
  if ((thread < 128u)) {
    let part_8 = tree_partial_0[thread];
    let part_9 = tree_partial_0[(thread + 128u)];
    tree_partial_0[thread] = (part_8 + part_9);
    let part_10 = tree_partial_1[thread];
    let part_11 = tree_partial_1[(thread + 128u)];
    tree_partial_1[thread] = (part_10 + part_11);
  }
  workgroupBarrier();
  if ((thread < 64u)) {
    let part_12 = tree_partial_0[thread];
    let part_13 = tree_partial_0[(thread + 64u)];
    tree_partial_0[thread] = (part_12 + part_13);
    let part_14 = tree_partial_1[thread];
    let part_15 = tree_partial_1[(thread + 64u)];
    tree_partial_1[thread] = (part_14 + part_15);
  }
  workgroupBarrier();
  if ((thread < 32u)) {
    let part_16 = tree_partial_0[thread];
    let part_17 = tree_partial_0[(thread + 32u)];
    tree_partial_0[thread] = (part_16 + part_17);
    let part_18 = tree_partial_1[thread];
    let part_19 = tree_partial_1[(thread + 32u)];
    tree_partial_1[thread] = (part_18 + part_19);
  }
  workgroupBarrier();
  if ((thread < 16u)) {
    let part_20 = tree_partial_0[thread];
    let part_21 = tree_partial_0[(thread + 16u)];
    tree_partial_0[thread] = (part_20 + part_21);
    let part_22 = tree_partial_1[thread];
    let part_23 = tree_partial_1[(thread + 16u)];
    tree_partial_1[thread] = (part_22 + part_23);
  }
  workgroupBarrier();
  if ((thread < 8u)) {
    let part_24 = tree_partial_0[thread];
    let part_25 = tree_partial_0[(thread + 8u)];
    tree_partial_0[thread] = (part_24 + part_25);
    let part_26 = tree_partial_1[thread];
    let part_27 = tree_partial_1[(thread + 8u)];
    tree_partial_1[thread] = (part_26 + part_27);
  }
  workgroupBarrier();
  if ((thread < 4u)) {
    let part_28 = tree_partial_0[thread];
    let part_29 = tree_partial_0[(thread + 4u)];
    tree_partial_0[thread] = (part_28 + part_29);
    let part_30 = tree_partial_1[thread];
    let part_31 = tree_partial_1[(thread + 4u)];
    tree_partial_1[thread] = (part_30 + part_31);
  }
  workgroupBarrier();
  if ((thread < 2u)) {
    let part_32 = tree_partial_0[thread];
    let part_33 = tree_partial_0[(thread + 2u)];
    tree_partial_0[thread] = (part_32 + part_33);
    let part_34 = tree_partial_1[thread];
    let part_35 = tree_partial_1[(thread + 2u)];
    tree_partial_1[thread] = (part_34 + part_35);
  }
  workgroupBarrier();
  if ((thread < 1u)) {
    let part_36 = tree_partial_0[thread];
    let part_37 = tree_partial_0[(thread + 1u)];
    tree_partial_0[thread] = (part_36 + part_37);
    let part_38 = tree_partial_1[thread];
    let part_39 = tree_partial_1[(thread + 1u)];
    tree_partial_1[thread] = (part_38 + part_39);
  }
  let x_43 = arena[(plan.s4_v + group)];
  let v_44 = (1.0f - x_43);
  let v_45 = (x_43 * v_44);
  if ((thread == 0u)) {
    let total_40 = tree_partial_0[thread];
    let total_41 = tree_partial_1[thread];
    let v_42 = (total_41 - total_40);
    let v_46 = (v_42 * v_45);
    arena[(plan.s2_gradients + group)] = v_46;
  }
}

// %23 over [_B, T]
struct Plan { s4_h: u32, s1_ys: u32, _B: u32, T: u32, s5_v: u32 }
@compute @workgroup_size(64)
fn map_1(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let element_0 = ((group * 64u) + thread);
  let at_3 = (element_0 * 3u);
  let at_4 = (plan.s4_h + at_3);
  let at_6 = (plan.s1_ys + at_3);
  if ((element_0 < (plan._B * plan.T))) {
    var sum_1 = 0.0f;
    for (var k_2 = 0u; k_2 < 3u; k_2 += 1u) {
      let h_5 = arena[(at_4 + k_2)];
      let ys_7 = arena[(at_6 + k_2)];
      let v_8 = (h_5 - ys_7);
      let v_9 = (v_8 * v_8);
      sum_1 = (sum_1 + v_9);
    }
    arena[(plan.s5_v + element_0)] = sum_1;
  }
}

// scan over T: states %6; a channel a thread
struct Plan { _B: u32, s1_leaky_h: u32, T: u32, s4_v: u32, s0_xs: u32, s2_smooth: u32, s3_leaky_h: u32, _spans: u32, s5_spans: u32 }
@compute @workgroup_size(64)
fn scan_2(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let channel_0 = ((group * 64u) + thread);
  let channel_1 = min(channel_0, ((plan._B * 3u) - 1u));
  let place_2 = (channel_1 % 3u);
  let row_3 = (channel_1 / 3u);
  let valid_4 = (channel_0 < (plan._B * 3u));
  let at_5 = (row_3 * 3u);
  let leaky_h_6 = arena[((plan.s1_leaky_h + at_5) + place_2)];
  var state_7 = leaky_h_6;
  let units_8 = ((plan.T + 3u) / 4u);
  let first_9 = min(0u, plan.T);
  let end_10 = min((units_8 * 4u), plan.T);
  let x_14 = arena[(plan.s4_v + place_2)];
  let v_16 = (1.0f - x_14);
  let at_17 = ((row_3 * plan.T) * 3u);
  let at_19 = ((plan.s0_xs + at_17) + place_2);
  let at_23 = ((plan.s2_smooth + at_17) + place_2);
  for (var step_11 = 0u; step_11 < (end_10 - first_9); step_11 += 1u) {
    let t_12 = (first_9 + step_11);
    let now_13 = state_7;
    let v_15 = (x_14 * now_13);
    let at_18 = (t_12 * 3u);
    let xs_20 = arena[(at_19 + at_18)];
    let v_21 = (v_16 * xs_20);
    let h__22 = (v_15 + v_21);
    state_7 = h__22;
    if (valid_4) {
      arena[(at_23 + at_18)] = h__22;
    }
  }
  if (valid_4) {
    arena[((plan.s3_leaky_h + at_5) + place_2)] = state_7;
  }
}

// scan over T: states %6; a channel and span a thread
struct Plan { _B: u32, s1_leaky_h: u32, T: u32, s4_v: u32, s0_xs: u32, s2_smooth: u32, s3_leaky_h: u32, _spans: u32, s5_spans: u32 }
@compute @workgroup_size(64)
fn scan_2_spans(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let channel_0 = ((group * 64u) + thread);
  let channel_1 = min(channel_0, (((plan._B * 3u) * plan._spans) - 1u));
  let span_2 = (channel_1 / (plan._B * 3u));
  let rest_3 = (channel_1 % (plan._B * 3u));
  let place_4 = (rest_3 % 3u);
  let row_5 = (rest_3 / 3u);
  let valid_6 = (channel_0 < ((plan._B * 3u) * plan._spans));
  var state_7 = arena[(plan.s5_spans + (((span_2 * 2u) * (plan._B * 3u)) + ((row_5 * 3u) + place_4)))];
  let units_8 = ((plan.T + 3u) / 4u);
  let each_9 = ((units_8 + (plan._spans - 1u)) / plan._spans);
  let from_10 = min((span_2 * each_9), units_8);
  let to_11 = min((from_10 + each_9), units_8);
  let first_12 = min((from_10 * 4u), plan.T);
  let end_13 = min((to_11 * 4u), plan.T);
  let x_17 = arena[(plan.s4_v + place_4)];
  let v_19 = (1.0f - x_17);
  let at_20 = ((row_5 * plan.T) * 3u);
  let at_22 = ((plan.s0_xs + at_20) + place_4);
  let at_26 = ((plan.s2_smooth + at_20) + place_4);
  for (var step_14 = 0u; step_14 < (end_13 - first_12); step_14 += 1u) {
    let t_15 = (first_12 + step_14);
    let now_16 = state_7;
    let v_18 = (x_17 * now_16);
    let at_21 = (t_15 * 3u);
    let xs_23 = arena[(at_22 + at_21)];
    let v_24 = (v_19 * xs_23);
    let h__25 = (v_18 + v_24);
    state_7 = h__25;
    if (valid_6) {
      arena[(at_26 + at_21)] = h__25;
    }
  }
  let at_27 = (row_5 * 3u);
  if (valid_6) {
    if ((span_2 == (plan._spans - 1u))) {
      arena[((plan.s3_leaky_h + at_27) + place_4)] = state_7;
    }
  }
}

// what each span of T does to %6: a channel and span a thread
struct Plan { _B: u32, s1_leaky_h: u32, T: u32, s4_v: u32, s0_xs: u32, s2_smooth: u32, s3_leaky_h: u32, _spans: u32, s5_spans: u32 }
@compute @workgroup_size(64)
fn scan_2_summary(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let thread_0 = ((group * 64u) + thread);
  let channel_1 = (thread_0 % (plan._B * 3u));
  let span_2 = (thread_0 / (plan._B * 3u));
  let row_3 = (channel_1 / 3u);
  let place_4 = (channel_1 % 3u);
  let units_7 = ((plan.T + 3u) / 4u);
  let each_8 = ((units_7 + (plan._spans - 1u)) / plan._spans);
  let from_9 = min((span_2 * each_8), units_7);
  let to_10 = min((from_9 + each_8), units_7);
  let first_11 = min((from_9 * 4u), plan.T);
  let end_12 = min((to_10 * 4u), plan.T);
  let x_16 = arena[(plan.s4_v + place_4)];
  let v_18 = (1.0f - x_16);
  let at_19 = ((row_3 * plan.T) * 3u);
  let at_21 = ((plan.s0_xs + at_19) + place_4);
  let at_26 = ((span_2 * 2u) * (plan._B * 3u));
  let at_27 = (row_3 * 3u);
  let at_28 = (plan._B * 3u);
  if ((thread_0 < ((plan._B * 3u) * plan._spans))) {
    var state_5 = 0.0f;
    var factor_6 = 1.0f;
    for (var step_13 = 0u; step_13 < (end_12 - first_11); step_13 += 1u) {
      let t_14 = (first_11 + step_13);
      let now_15 = state_5;
      let v_17 = (x_16 * now_15);
      let at_20 = (t_14 * 3u);
      let xs_22 = arena[(at_21 + at_20)];
      let v_23 = (v_18 * xs_22);
      let h__24 = (v_17 + v_23);
      state_5 = h__24;
      let factor_25 = factor_6;
      factor_6 = clamp((x_16 * factor_25), -3.0000000054977558e+38f, 3.0000000054977558e+38f);
    }
    arena[(((plan.s5_spans + at_26) + at_27) + place_4)] = state_5;
    arena[((((plan.s5_spans + at_26) + at_28) + at_27) + place_4)] = factor_6;
  }
}

// where each span of T starts: %6; a channel a thread
struct Plan { _B: u32, s1_leaky_h: u32, T: u32, s4_v: u32, s0_xs: u32, s2_smooth: u32, s3_leaky_h: u32, _spans: u32, s5_spans: u32 }
@compute @workgroup_size(64)
fn scan_2_carry(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let thread_0 = ((group * 64u) + thread);
  let channel_1 = (thread_0 % (plan._B * 3u));
  let span_2 = (thread_0 / (plan._B * 3u));
  let row_3 = (channel_1 / 3u);
  let place_4 = (channel_1 % 3u);
  let at_5 = (row_3 * 3u);
  let leaky_h_6 = arena[((plan.s1_leaky_h + at_5) + place_4)];
  let at_11 = ((plan.s5_spans + at_5) + place_4);
  let at_13 = (plan._B * 3u);
  let at_14 = (((plan.s5_spans + at_13) + at_5) + place_4);
  if ((thread_0 < (plan._B * 3u))) {
    var state_7 = leaky_h_6;
    for (var span_8 = 0u; span_8 < plan._spans; span_8 += 1u) {
      let start_9 = state_7;
      let at_10 = ((span_8 * 2u) * (plan._B * 3u));
      let offset_12 = arena[(at_11 + at_10)];
      let factor_15 = arena[(at_14 + at_10)];
      let next_16 = (offset_12 + (factor_15 * start_9));
      arena[(at_11 + at_10)] = start_9;
      state_7 = next_16;
    }
  }
}
