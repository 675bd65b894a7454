"""Shortens the output of `swift test` to one line for each suite; failures, errors and unknown lines are printed in full.

usage: swift test 2>&1 | test-report.py

The summary of the tests is the last line.
"""

import re
import sys
import time

# The build reports each file. One of these lines every ten seconds shows progress.
BUILD = re.compile(r"\[\d+/\d+\] |Building for |Compiling |Emitting |Fetching |Computing |Write |Linking ")
# A test, or a test case, that started or passed. Its arguments can contain line breaks.
EVENT = re.compile(r"[◇✔] (Test|Suite) ")
EVENT_END = re.compile(r" (started|passed after [0-9.]+ seconds( with \d+ known issues?)?)\.$")
SUITE = re.compile(r"✔ Suite .* passed after ")
SUMMARY = re.compile(r"[✔✘] Test run with ")
# Lines that the test tools print in each run: the library's version, and XCTest's report that it has no tests.
NOISE = re.compile(
    r"◇ Test run started|↳ (Testing Library Version|Target Platform):|Test Suite '.*' (started|passed) at |\s*Executed 0 tests, with 0 failures")
SYMBOL = re.compile(r"[◇✔✘↳⚠➜] ?")
ERROR = re.compile(r"\berror:|\bcrashed\b|\*\*\* Signal ", re.IGNORECASE)


def main():
    start = progress = time.monotonic()
    summary = None
    building = True
    # True between the first and the last line of a hidden event.
    hidden = False
    for line in sys.stdin:
        line = line.rstrip("\n")
        if SUMMARY.match(line):
            summary, hidden = line, False
            continue
        building = building and not line.startswith("Build complete!") and not SYMBOL.match(line)
        if NOISE.match(line):
            continue
        if building and BUILD.match(line):
            if time.monotonic() - progress < 10:
                continue
            progress = time.monotonic()
        elif EVENT.match(line):
            hidden = not EVENT_END.search(line)
            if not SUITE.match(line):
                continue
        elif not SYMBOL.match(line) and not ERROR.search(line) and (hidden or EVENT_END.search(line)):
            hidden = hidden and not EVENT_END.search(line)
            continue
        else:
            hidden = False
        print(line, flush=True)
    seconds = round(time.monotonic() - start)
    print(f"The build and the tests took {seconds // 60} min {seconds % 60} s.", flush=True)
    if summary:
        print(summary, flush=True)


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    main()
