"""Counts the instructions of a review with callgrind on `Bench --cost`.

Only calls from the steps in Sources/Bench/Cost.swift count; the start of valgrind and of the process does not.
"""

import os
import pathlib
import re
import subprocess
import tempfile

# Fixed hash seeds and a fixed environment (its size moves the stack): otherwise counts differ by 0.8%.
ENVIRONMENT = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "SWIFT_DETERMINISTIC_HASHING": "1"}
STEP = re.compile(r"^\$s5Bench\d+(costParse|costEvaluate|costAnswer).*F$")


def count(bench, path, copies, *options, settings=None, seconds=None):
    """Returns the instructions of `copies` reviews by step, as in {"costAnswer": 102000}; None after `seconds`."""
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory, "callgrind.out")
        command = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={out}", "-q"]
        try:
            done = subprocess.run(
                [*command, bench, "--cost", *options, str(copies), path], env=ENVIRONMENT | (settings or {}),
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=seconds, check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode != 0:
            raise SystemExit(f"Bench --cost {path} ended with {done.returncode}: {done.stderr.strip()}")
        return inclusive(out)


def inclusive(path):
    """Returns the inclusive counts of the steps, summed over their calls."""
    names, counts, called = {}, {}, None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith(("fn=", "cfn=")):
                number, _, name = line.partition("=")[2].strip().partition(" ")
                if name:
                    names[number] = name
                if line.startswith("cfn="):
                    called = names[number]
            elif line.startswith("calls="):
                amount = int(next(lines).split()[-1])
                if step := STEP.match(called):
                    counts[step[1]] = counts.get(step[1], 0) + amount
    return counts
