"""One model trained in Python, driven by lines of JSON: a request a line on stdin, an answer a line on stdout.

open       {framework, model, parameters, batch, optimizer} -> {adapter}
run        {steps} -> {loss}: whole steps, the batch handed over in each
parameters {} -> {values}: float32 in base64, in the order given
figures    {} -> {peakBytes} or {}

An answer with `error` says why there is none.
"""

import base64
import importlib
import json
import sys

import numpy as np


def array(data, dtype=np.float32):
    return np.frombuffer(base64.b64decode(data["values"]), dtype).reshape(data["shape"])


def main():
    session = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            match request["op"]:
                case "open":
                    framework = importlib.import_module(request["framework"])
                    parameters = {p["name"]: array(p) for p in request["parameters"]}
                    decays = {p["name"]: p["decays"] for p in request["parameters"]}
                    batch = {d["name"]: array(d, np.int32 if "classes" in d else np.float32) for d in request["batch"]}
                    session = framework.Session(request["model"], parameters, decays, batch, request["optimizer"])
                    answer = {"adapter": session.adapter}
                case "run":
                    answer = {"loss": session.run(request["steps"])}
                case "parameters":
                    values = [np.ascontiguousarray(p, np.float32) for p in session.parameters()]
                    answer = {"values": [base64.b64encode(v.tobytes()).decode() for v in values]}
                case "figures":
                    answer = session.figures()
        except Exception as error:  # the harness prints the reason and goes on with the next system
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
