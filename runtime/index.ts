/** @file What `seqc/runtime` offers: everything a generated module and its user need. No Node in here. */

export type { Batches, BatchSource } from "./batches.js";
export type { CheckpointExtra } from "./checkpoint.js";
export type { CheckpointStore } from "./checkpoint-store.js";
export { BrowserCheckpointStore } from "./checkpoint-store.js";
export type { AdapterDescription, DeviceOptions, RequestedDevice } from "./device.js";
export { describeAdapter, requestDevice, requiredLimits } from "./device.js";
export type { Best, EarlyStopping } from "./early-stopping.js";
export { DeviceError, DeviceLostError, NonFiniteError } from "./errors.js";
export type { Fit, FitControl } from "./fit-control.js";
export type {
  EpochRecord,
  FitCallbacks,
  FitOptions,
  History,
  StepRecord,
  ValidationRecord,
} from "./fit-options.js";
export type { GenerateOptions } from "./generate.js";
export type { LastingFitOptions } from "./lasting-fit.js";
export { fitThroughLosses } from "./lasting-fit.js";
export type { LiveObjects } from "./live-objects.js";
export { liveObjects } from "./live-objects.js";
export type { Manifest, ParameterSpec, Port, Program } from "./manifest.js";
export type { Evaluation } from "./metrics.js";
export type { AnyInputs, AnyLength, AnyOutputs, EvaluateOptions, ModelOptions, Sizes } from "./model.js";
export { Model } from "./model.js";
export type { Adam, AdamW, Lion, Muon, MuonAdamW, Optimizer, OptimizerOptions, RmsProp, Sgd } from "./optimizer.js";
export type { ParameterSettings, ParametersOptions } from "./parameter-settings.js";
export type { ProbedValue } from "./probe.js";
export type { Checkpoint, Tensor } from "./safetensors.js";
export { decodeSafetensors, encodeSafetensors } from "./safetensors.js";
export type { SamplingOptions } from "./sampler.js";
export type { LearningRate, Schedule } from "./schedules.js";
export { learningRateAt } from "./schedules.js";
export type { SelfTestFault, SelfTestReport, TestedKernel } from "./self-test.js";
export type { Summary } from "./self-test-rule.js";
export { Stream } from "./stream.js";
export type { TrainStep } from "./train-step.js";
export { Trainer } from "./trainer.js";
export type { NonFinitePolicy, TrainingOptions } from "./training-options.js";
export type { TuningCache } from "./tuner-cache.js";
export type { InputArray } from "./validate.js";
