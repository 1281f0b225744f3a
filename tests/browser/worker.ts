/** @file A worker that trains and tells the losses. */

import { requestDevice } from "../../runtime/device.js";
import { lossesOn } from "./training.js";

try {
  const { device } = await requestDevice();
  postMessage(await lossesOn(device));
  device.destroy();
} catch (error) {
  postMessage(String(error));
}
