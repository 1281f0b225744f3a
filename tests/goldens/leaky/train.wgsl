struct Plan {
  _B: u32,
  T: u32,
  s0_xs: u32,
  s1_ys: u32,
  s2_gradients: u32,
  s3_loss: u32,
  s4_v: u32,
  s5_h: u32,
  s6_v: u32,
  s7_v: u32,
  s8_v: u32,
  s9_v: u32,
  s10_partials: u32,
  s11_gradNorm: u32,
}
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
@compute @workgroup_size(64)
fn k0_map(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let element_0 = ((group * 64u) + thread);
  let leaky_a_1 = params[element_0];
  let v_2 = seq_sigmoid(leaky_a_1);
  if ((element_0 < 3u)) {
    arena[(plan.s4_v + element_0)] = v_2;
  }
}

// scan over T: states %6; 4 rows a workgroup
@compute @workgroup_size(32)
fn k1_scan(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let first_row_0 = (group * 4u);
  let row_1 = min(first_row_0, (plan._B - 1u));
  let valid_2 = (first_row_0 < plan._B);
  let place_3 = (first_row_0 + 1u);
  let row_4 = min(place_3, (plan._B - 1u));
  let valid_5 = (place_3 < plan._B);
  let place_6 = (first_row_0 + 2u);
  let row_7 = min(place_6, (plan._B - 1u));
  let valid_8 = (place_6 < plan._B);
  let place_9 = (first_row_0 + 3u);
  let row_10 = min(place_9, (plan._B - 1u));
  let valid_11 = (place_9 < plan._B);
  var state_12 = 0.0f;
  var state_13 = 0.0f;
  var state_14 = 0.0f;
  var state_15 = 0.0f;
  let x_22 = arena[(plan.s4_v + thread)];
  let v_24 = (1.0f - x_22);
  for (var step_16 = 0u; step_16 < plan.T; step_16 += 1u) {
    let parity_17 = (step_16 % 2u);
    let now_18 = state_12;
    let now_19 = state_13;
    let now_20 = state_14;
    let now_21 = state_15;
    let v_23 = (x_22 * now_18);
    let xs_25 = arena[(plan.s0_xs + ((((row_1 * plan.T) + step_16) * 3u) + thread))];
    let v_26 = (v_24 * xs_25);
    let h__27 = (v_23 + v_26);
    let v_28 = (x_22 * now_19);
    let xs_29 = arena[(plan.s0_xs + ((((row_4 * plan.T) + step_16) * 3u) + thread))];
    let v_30 = (v_24 * xs_29);
    let h__31 = (v_28 + v_30);
    let v_32 = (x_22 * now_20);
    let xs_33 = arena[(plan.s0_xs + ((((row_7 * plan.T) + step_16) * 3u) + thread))];
    let v_34 = (v_24 * xs_33);
    let h__35 = (v_32 + v_34);
    let v_36 = (x_22 * now_21);
    let xs_37 = arena[(plan.s0_xs + ((((row_10 * plan.T) + step_16) * 3u) + thread))];
    let v_38 = (v_24 * xs_37);
    let h__39 = (v_36 + v_38);
    if ((thread < 3u)) {
      state_12 = h__27;
      if (valid_2) {
        arena[(plan.s5_h + ((((row_1 * plan.T) + step_16) * 3u) + thread))] = h__27;
      }
      state_13 = h__31;
      if (valid_5) {
        arena[(plan.s5_h + ((((row_4 * plan.T) + step_16) * 3u) + thread))] = h__31;
      }
      state_14 = h__35;
      if (valid_8) {
        arena[(plan.s5_h + ((((row_7 * plan.T) + step_16) * 3u) + thread))] = h__35;
      }
      state_15 = h__39;
      if (valid_11) {
        arena[(plan.s5_h + ((((row_10 * plan.T) + step_16) * 3u) + thread))] = h__39;
      }
    }
  }
}

// %23 over [_B, T]
@compute @workgroup_size(64)
fn k2_map(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
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

// %27, loss [] by trees over [_B, T]
var<workgroup> k3_tree_partial_0: array<f32, 256>;
@compute @workgroup_size(256)
fn k3_tree(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  var partial_0 = 0.0f;
  for (var term_1 = thread; term_1 < (plan._B * plan.T); term_1 += 256u) {
    let x_2 = arena[(plan.s6_v + term_1)];
    let v_3 = (x_2 / 3.0f);
    partial_0 = (partial_0 + v_3);
  }
  k3_tree_partial_0[thread] = partial_0;
  workgroupBarrier();
  if ((thread < 128u)) {
    let part_4 = k3_tree_partial_0[thread];
    let part_5 = k3_tree_partial_0[(thread + 128u)];
    k3_tree_partial_0[thread] = (part_4 + part_5);
  }
  workgroupBarrier();
  if ((thread < 64u)) {
    let part_6 = k3_tree_partial_0[thread];
    let part_7 = k3_tree_partial_0[(thread + 64u)];
    k3_tree_partial_0[thread] = (part_6 + part_7);
  }
  workgroupBarrier();
  if ((thread < 32u)) {
    let part_8 = k3_tree_partial_0[thread];
    let part_9 = k3_tree_partial_0[(thread + 32u)];
    k3_tree_partial_0[thread] = (part_8 + part_9);
  }
  workgroupBarrier();
  if ((thread < 16u)) {
    let part_10 = k3_tree_partial_0[thread];
    let part_11 = k3_tree_partial_0[(thread + 16u)];
    k3_tree_partial_0[thread] = (part_10 + part_11);
  }
  workgroupBarrier();
  if ((thread < 8u)) {
    let part_12 = k3_tree_partial_0[thread];
    let part_13 = k3_tree_partial_0[(thread + 8u)];
    k3_tree_partial_0[thread] = (part_12 + part_13);
  }
  workgroupBarrier();
  if ((thread < 4u)) {
    let part_14 = k3_tree_partial_0[thread];
    let part_15 = k3_tree_partial_0[(thread + 4u)];
    k3_tree_partial_0[thread] = (part_14 + part_15);
  }
  workgroupBarrier();
  if ((thread < 2u)) {
    let part_16 = k3_tree_partial_0[thread];
    let part_17 = k3_tree_partial_0[(thread + 2u)];
    k3_tree_partial_0[thread] = (part_16 + part_17);
  }
  workgroupBarrier();
  if ((thread < 1u)) {
    let part_18 = k3_tree_partial_0[thread];
    let part_19 = k3_tree_partial_0[(thread + 1u)];
    k3_tree_partial_0[thread] = (part_18 + part_19);
  }
  let v_21 = i32(plan._B);
  let v_22 = f32(v_21);
  let v_23 = i32(plan.T);
  let v_24 = f32(v_23);
  let v_25 = (v_22 * v_24);
  if ((thread == 0u)) {
    let total_20 = k3_tree_partial_0[thread];
    let loss_26 = (total_20 / v_25);
    arena[plan.s3_loss] = loss_26;
  }
}

// %47 over [_B, T, 3]
@compute @workgroup_size(64)
fn k4_map(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
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

// scan reverse over T: states %51, %89, %95; 4 rows a workgroup
@compute @workgroup_size(32)
fn k5_scan(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  let first_row_0 = (group * 4u);
  let row_1 = min(first_row_0, (plan._B - 1u));
  let valid_2 = (first_row_0 < plan._B);
  let place_3 = (first_row_0 + 1u);
  let row_4 = min(place_3, (plan._B - 1u));
  let valid_5 = (place_3 < plan._B);
  let place_6 = (first_row_0 + 2u);
  let row_7 = min(place_6, (plan._B - 1u));
  let valid_8 = (place_6 < plan._B);
  let place_9 = (first_row_0 + 3u);
  let row_10 = min(place_9, (plan._B - 1u));
  let valid_11 = (place_9 < plan._B);
  var state_12 = 0.0f;
  var state_13 = 0.0f;
  var state_14 = 0.0f;
  var state_15 = 0.0f;
  var state_16 = 0.0f;
  var state_17 = 0.0f;
  var state_18 = 0.0f;
  var state_19 = 0.0f;
  var state_20 = 0.0f;
  var state_21 = 0.0f;
  var state_22 = 0.0f;
  var state_23 = 0.0f;
  let x_42 = arena[(plan.s4_v + thread)];
  for (var step_24 = 0u; step_24 < plan.T; step_24 += 1u) {
    let t_25 = ((plan.T - 1u) - step_24);
    let parity_26 = (step_24 % 2u);
    let now_27 = state_12;
    let now_28 = state_13;
    let now_29 = state_14;
    let now_30 = state_15;
    let now_31 = state_16;
    let now_32 = state_17;
    let now_33 = state_18;
    let now_34 = state_19;
    let now_35 = state_20;
    let now_36 = state_21;
    let now_37 = state_22;
    let now_38 = state_23;
    let x_39 = arena[(plan.s7_v + ((((row_1 * plan.T) + t_25) * 3u) + thread))];
    let v_40 = (x_39 + x_39);
    let v_41 = (now_27 + v_40);
    let v_43 = (v_41 * x_42);
    let xs_44 = arena[(plan.s0_xs + ((((row_1 * plan.T) + t_25) * 3u) + thread))];
    let v_45 = (v_41 * xs_44);
    let v_46 = (now_31 + v_45);
    let h_47 = arena[(plan.s5_h + ((((row_1 * plan.T) + (t_25 - 1u)) * 3u) + thread))];
    let v_48 = select(0.0f, h_47, ((t_25 - 1u) < plan.T));
    let v_49 = (v_41 * v_48);
    let v_50 = (now_35 + v_49);
    let x_51 = arena[(plan.s7_v + ((((row_4 * plan.T) + t_25) * 3u) + thread))];
    let v_52 = (x_51 + x_51);
    let v_53 = (now_28 + v_52);
    let v_54 = (v_53 * x_42);
    let xs_55 = arena[(plan.s0_xs + ((((row_4 * plan.T) + t_25) * 3u) + thread))];
    let v_56 = (v_53 * xs_55);
    let v_57 = (now_32 + v_56);
    let h_58 = arena[(plan.s5_h + ((((row_4 * plan.T) + (t_25 - 1u)) * 3u) + thread))];
    let v_59 = select(0.0f, h_58, ((t_25 - 1u) < plan.T));
    let v_60 = (v_53 * v_59);
    let v_61 = (now_36 + v_60);
    let x_62 = arena[(plan.s7_v + ((((row_7 * plan.T) + t_25) * 3u) + thread))];
    let v_63 = (x_62 + x_62);
    let v_64 = (now_29 + v_63);
    let v_65 = (v_64 * x_42);
    let xs_66 = arena[(plan.s0_xs + ((((row_7 * plan.T) + t_25) * 3u) + thread))];
    let v_67 = (v_64 * xs_66);
    let v_68 = (now_33 + v_67);
    let h_69 = arena[(plan.s5_h + ((((row_7 * plan.T) + (t_25 - 1u)) * 3u) + thread))];
    let v_70 = select(0.0f, h_69, ((t_25 - 1u) < plan.T));
    let v_71 = (v_64 * v_70);
    let v_72 = (now_37 + v_71);
    let x_73 = arena[(plan.s7_v + ((((row_10 * plan.T) + t_25) * 3u) + thread))];
    let v_74 = (x_73 + x_73);
    let v_75 = (now_30 + v_74);
    let v_76 = (v_75 * x_42);
    let xs_77 = arena[(plan.s0_xs + ((((row_10 * plan.T) + t_25) * 3u) + thread))];
    let v_78 = (v_75 * xs_77);
    let v_79 = (now_34 + v_78);
    let h_80 = arena[(plan.s5_h + ((((row_10 * plan.T) + (t_25 - 1u)) * 3u) + thread))];
    let v_81 = select(0.0f, h_80, ((t_25 - 1u) < plan.T));
    let v_82 = (v_75 * v_81);
    let v_83 = (now_38 + v_82);
    if ((thread < 3u)) {
      state_12 = v_43;
      state_16 = v_46;
      state_20 = v_50;
      state_13 = v_54;
      state_17 = v_57;
      state_21 = v_61;
      state_14 = v_65;
      state_18 = v_68;
      state_22 = v_72;
      state_15 = v_76;
      state_19 = v_79;
      state_23 = v_83;
    }
  }
  if ((thread < 3u)) {
    if (valid_2) {
      arena[(plan.s8_v + ((row_1 * 3u) + thread))] = state_16;
    }
    if (valid_5) {
      arena[(plan.s8_v + ((row_4 * 3u) + thread))] = state_17;
    }
    if (valid_8) {
      arena[(plan.s8_v + ((row_7 * 3u) + thread))] = state_18;
    }
    if (valid_11) {
      arena[(plan.s8_v + ((row_10 * 3u) + thread))] = state_19;
    }
  }
  if ((thread < 3u)) {
    if (valid_2) {
      arena[(plan.s9_v + ((row_1 * 3u) + thread))] = state_20;
    }
    if (valid_5) {
      arena[(plan.s9_v + ((row_4 * 3u) + thread))] = state_21;
    }
    if (valid_8) {
      arena[(plan.s9_v + ((row_7 * 3u) + thread))] = state_22;
    }
    if (valid_11) {
      arena[(plan.s9_v + ((row_10 * 3u) + thread))] = state_23;
    }
  }
}

// %94, %100, %77 [3] by trees over [_B]
var<workgroup> k6_tree_partial_0: array<f32, 256>;
var<workgroup> k6_tree_partial_1: array<f32, 256>;
@compute @workgroup_size(256)
fn k6_tree(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
  let group = place.y * extent.x + place.x;
  var partial_0 = 0.0f;
  var partial_1 = 0.0f;
  for (var term_2 = thread; term_2 < plan._B; term_2 += 256u) {
    let x_3 = arena[(plan.s8_v + ((term_2 * 3u) + group))];
    partial_0 = (partial_0 + x_3);
    let x_4 = arena[(plan.s9_v + ((term_2 * 3u) + group))];
    partial_1 = (partial_1 + x_4);
  }
  k6_tree_partial_0[thread] = partial_0;
  k6_tree_partial_1[thread] = partial_1;
  workgroupBarrier();
  if ((thread < 128u)) {
    let part_5 = k6_tree_partial_0[thread];
    let part_6 = k6_tree_partial_0[(thread + 128u)];
    k6_tree_partial_0[thread] = (part_5 + part_6);
    let part_7 = k6_tree_partial_1[thread];
    let part_8 = k6_tree_partial_1[(thread + 128u)];
    k6_tree_partial_1[thread] = (part_7 + part_8);
  }
  workgroupBarrier();
  if ((thread < 64u)) {
    let part_9 = k6_tree_partial_0[thread];
    let part_10 = k6_tree_partial_0[(thread + 64u)];
    k6_tree_partial_0[thread] = (part_9 + part_10);
    let part_11 = k6_tree_partial_1[thread];
    let part_12 = k6_tree_partial_1[(thread + 64u)];
    k6_tree_partial_1[thread] = (part_11 + part_12);
  }
  workgroupBarrier();
  if ((thread < 32u)) {
    let part_13 = k6_tree_partial_0[thread];
    let part_14 = k6_tree_partial_0[(thread + 32u)];
    k6_tree_partial_0[thread] = (part_13 + part_14);
    let part_15 = k6_tree_partial_1[thread];
    let part_16 = k6_tree_partial_1[(thread + 32u)];
    k6_tree_partial_1[thread] = (part_15 + part_16);
  }
  workgroupBarrier();
  if ((thread < 16u)) {
    let part_17 = k6_tree_partial_0[thread];
    let part_18 = k6_tree_partial_0[(thread + 16u)];
    k6_tree_partial_0[thread] = (part_17 + part_18);
    let part_19 = k6_tree_partial_1[thread];
    let part_20 = k6_tree_partial_1[(thread + 16u)];
    k6_tree_partial_1[thread] = (part_19 + part_20);
  }
  workgroupBarrier();
  if ((thread < 8u)) {
    let part_21 = k6_tree_partial_0[thread];
    let part_22 = k6_tree_partial_0[(thread + 8u)];
    k6_tree_partial_0[thread] = (part_21 + part_22);
    let part_23 = k6_tree_partial_1[thread];
    let part_24 = k6_tree_partial_1[(thread + 8u)];
    k6_tree_partial_1[thread] = (part_23 + part_24);
  }
  workgroupBarrier();
  if ((thread < 4u)) {
    let part_25 = k6_tree_partial_0[thread];
    let part_26 = k6_tree_partial_0[(thread + 4u)];
    k6_tree_partial_0[thread] = (part_25 + part_26);
    let part_27 = k6_tree_partial_1[thread];
    let part_28 = k6_tree_partial_1[(thread + 4u)];
    k6_tree_partial_1[thread] = (part_27 + part_28);
  }
  workgroupBarrier();
  if ((thread < 2u)) {
    let part_29 = k6_tree_partial_0[thread];
    let part_30 = k6_tree_partial_0[(thread + 2u)];
    k6_tree_partial_0[thread] = (part_29 + part_30);
    let part_31 = k6_tree_partial_1[thread];
    let part_32 = k6_tree_partial_1[(thread + 2u)];
    k6_tree_partial_1[thread] = (part_31 + part_32);
  }
  workgroupBarrier();
  if ((thread < 1u)) {
    let part_33 = k6_tree_partial_0[thread];
    let part_34 = k6_tree_partial_0[(thread + 1u)];
    k6_tree_partial_0[thread] = (part_33 + part_34);
    let part_35 = k6_tree_partial_1[thread];
    let part_36 = k6_tree_partial_1[(thread + 1u)];
    k6_tree_partial_1[thread] = (part_35 + part_36);
  }
  let x_40 = arena[(plan.s4_v + group)];
  let v_41 = (1.0f - x_40);
  let v_42 = (x_40 * v_41);
  if ((thread == 0u)) {
    let total_37 = k6_tree_partial_0[thread];
    let total_38 = k6_tree_partial_1[thread];
    let v_39 = (total_38 - total_37);
    let v_43 = (v_39 * v_42);
    arena[(plan.s2_gradients + group)] = v_43;
  }
}

// squares of all gradients, added up in parts
var<workgroup> squares_sum: array<f32, 64>;
@compute @workgroup_size(64)
fn squares(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
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
@compute @workgroup_size(64)
fn adamw(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {
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
