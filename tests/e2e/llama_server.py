"""llama.cpp's own server, out of a wheel, with the tiny model: `python llama_server.py MODEL PORT`."""

from __future__ import annotations

import sys
import time

import xllamacpp

if __name__ == "__main__":
    parameters = xllamacpp.CommonParams()
    parameters.model.path = sys.argv[1]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = int(sys.argv[2])
    parameters.n_parallel = 2
    parameters.n_ctx = 2048
    parameters.cpuparams.n_threads = 1
    parameters.warmup = False
    server = xllamacpp.Server(parameters)
    while True:
        time.sleep(3600)
