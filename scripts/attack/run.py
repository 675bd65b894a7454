"""Sends hostile reviews to a server and prints the cost of each; see scripts/attack/run.

usage: run.py PLAYBOOK BENCH [--quick] [--files] [--instructions] [--growth] [SHAPE]...
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import instructions
import shapes
from server import Server

REVIEWS = [("CREATE", "empty"), ("UPDATE", "one-new")]
ENDPOINTS = ["validate", "mutate"]
MILLISECONDS = 50
INSTRUCTIONS = 150_000_000
# A review that takes longer than this is over every limit.
SECONDS = 20
# Files of 30,000 violations: the shape, its elements, and the number of objects.
FILES = [
    ("containers", 1, 3000), ("containers-broken", 1000, 2), ("env-secrets", 30_000, 1), ("data-passwords", 30_000, 1),
    ("data-passwords", 1, 30_000), ("volumes-host-path", 30_000, 1), ("tolerations-blanket", 30_000, 1), ("role-rules", 30_000, 1),
    ("subjects-admin", 30_000, 1), ("network-peers", 30_000, 1), ("ingress-routes", 30_000, 1), ("http-host-names", 30_000, 1),
]
FILE_SECONDS = 5
# The limit for the time of an element among 100,000, as a multiple of its time among 10,000.
GROWTH = 1.5


def texts(shape, size=shapes.SIZE):
    """Yields the reviews of a shape: operation, oldObject, number of elements, text."""
    for operation, old in REVIEWS:
        count = shapes.count_within(shape, size, operation, old)
        yield operation, old, count, shapes.review(shape, count, operation, old, "last")


def processor_time(server, names, rounds):
    """Prints the milliseconds of each review; returns the slowest, those over the limit and the decisions that change with size."""
    worst, over, changed = (0, "none"), [], []
    for name in names:
        shape = shapes.SHAPES[name]
        for operation, old, count, text in texts(shape):
            few = shapes.review(shape, 10, operation, old, "last")
            for endpoint in ENDPOINTS:
                answers = [server.post(endpoint, text, SECONDS) for _ in range(rounds)]
                milliseconds = min(answer.milliseconds for answer in answers)
                label = f"{name} {operation} /{endpoint}"
                # The decision must not depend on the number of elements.
                decision, expected = answers[0].decision, server.post(endpoint, few, SECONDS).decision
                mark = ""
                if milliseconds > MILLISECONDS:
                    over.append(label)
                    mark = "OVER"
                if decision != expected:
                    changed.append(f"{label}: {decision}, with 10 elements {expected}")
                    mark += " CHANGED"
                worst = max(worst, (milliseconds, label))
                print(f"{name:28} {operation:6} /{endpoint:8} {count:8} {milliseconds:9.1f} ms  {decision:8} {mark}", flush=True)
    return worst, over, changed


def command_time(playbook, arguments, path):
    """Returns the CPU seconds of a command, which is stopped after a minute."""
    environment = {"PATH": os.environ["PATH"]} | shapes.SETTINGS
    process = subprocess.Popen(
        ["prlimit", "--cpu=60", playbook, *arguments, path], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, process.returncode, usage = os.wait4(process.pid, 0)
    return usage.ru_utime + usage.ru_stime


def of_files(playbook):
    """Prints the time of check and fix for large files, and returns the longest."""
    longest = (0, "none")
    for name, elements, objects in FILES:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            file.write(shapes.manifest(shapes.SHAPES[name], elements, objects))
            file.flush()
            for arguments in (["check"], ["fix"]):
                seconds = command_time(playbook, arguments, file.name)
                mark = "OVER" if seconds > FILE_SECONDS else ""
                label = f"{arguments[0]} {name}, {elements} elements, {objects} objects"
                longest = max(longest, (seconds, label))
                print(f"{label:60} {seconds:8.2f} s  {mark}", flush=True)
    return longest


def counted(bench, text, endpoint):
    """Returns the instructions of a review; infinite if counting takes too long."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        options = ["--answer"] + (["--mutate"] if endpoint == "mutate" else [])
        steps = instructions.count(bench, file.name, 1, *options, settings=shapes.SETTINGS, seconds=SECONDS * 6)
    return steps["costAnswer"] if steps else float("inf")


def of_size(bench, name):
    """Returns the instructions of the shape's reviews of 3 MiB."""
    shape = shapes.SHAPES[name]
    return [
        (name, operation, endpoint, count, counted(bench, text, endpoint))
        for operation, _, count, text in texts(shape)
        for endpoint in ENDPOINTS
    ]


def growth(bench, name):
    """Compares the cost of a byte in the last nine tenths of a large review with that in a review of a tenth of its elements."""
    shape = shapes.SHAPES[name]
    top = min(100_000, shape.most or 100_000, shape.count(4 * shapes.SIZE))
    points = []
    for count in (top // 100, top // 10, top):
        text = shapes.review(shape, max(count, 1), "CREATE", "empty", "last")
        points.append((len(text), counted(bench, text, "validate")))
    (first, few), (second, many), (third, most) = points
    if most == float("inf"):
        return name, top, most, most
    before, after = (many - few) / (second - first), (most - many) / (third - second)
    return name, top, most, after / max(before, 1)


def every(function, bench, names):
    """Calls a function for each shape, on all CPUs, and yields the results in order."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda name: function(bench, name), names)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("playbook")
    parser.add_argument("bench")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--files", action="store_true")
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", default=[])
    options = parser.parse_intermixed_args()
    names = options.shapes or list(shapes.SHAPES)
    for name in set(names) - set(shapes.SHAPES):
        parser.error(f"there is no shape {name}; see shapes.py --list")
    failures = []
    if options.files:
        seconds, label = of_files(options.playbook)
        print(json.dumps({"seconds": round(seconds, 2), "label": label}))
        if seconds > FILE_SECONDS:
            failures.append(f"{label} takes {seconds:.1f} s")
    if options.instructions:
        for results in every(of_size, options.bench, names):
            for name, operation, endpoint, count, amount in results:
                mark = "OVER" if amount > INSTRUCTIONS else ""
                if mark:
                    failures.append(f"{name} {operation} /{endpoint}: {amount:,} instructions")
                print(f"{name:28} {operation:6} /{endpoint:8} {count:8} {amount / 1e6:9.1f} million instructions  {mark}", flush=True)
    if options.growth:
        for name, count, amount, factor in every(growth, options.bench, names):
            mark = "OVER" if factor > GROWTH else ""
            if mark:
                failures.append(f"{name}: the last of {count} elements take {factor:.1f} times as much as the first")
            print(f"{name:28} {count:8} elements {amount / 1e6:9.1f} million instructions, growth {factor:5.2f}  {mark}", flush=True)
    if not (options.files or options.instructions or options.growth):
        with Server(pathlib.Path(options.playbook), shapes.SETTINGS) as server:
            worst, over, changed = processor_time(server, names, 1 if options.quick else 3)
        failures += changed
        print(json.dumps({"shapes": len(names), "worst": round(worst[0], 1), "label": worst[1], "over": len(over), "changed": len(changed)}))
    for failure in failures:
        print(f"attack: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
