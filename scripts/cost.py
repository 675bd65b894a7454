"""Compares the instructions of ten reviews, by step, with a table: cost.py BENCH [--record | TABLE]

A figure is the difference between many copies and one copy, divided by the number of additional copies, so that one-time work is excluded.
"""

import pathlib
import platform
import subprocess
import sys
import tempfile

import instructions
import shapes

TABLE = pathlib.Path(__file__).with_name("cost.tsv")
FIXTURES = pathlib.Path("Tests/Fixtures/reviews")
ALLOWED = 1.01
# CPU features by which libc selects its functions, and that valgrind supports.
FEATURES = ("avx", "avx2", "bmi1", "bmi2", "erms", "f16c", "fma", "fsrm", "movbe", "rdrand", "rdseed")


def recording(number):
    return next(FIXTURES.glob(f"{number}-*.json")).read_text(encoding="utf-8")


def large():
    path = next(FIXTURES.glob("016-*.json"))
    command = [sys.executable, "scripts/figures/large-review.py", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def attack(name, count):
    return shapes.review(shapes.SHAPES[name], count, "CREATE", "empty", "last")


# Each: the name, the review, the number of copies, and more options.
REVIEWS = [
    ("small", lambda: recording("002"), 100, []),
    ("9 KB", lambda: recording("016"), 100, []),
    ("60 KB", large, 100, []),
    ("UPDATE", lambda: recording("160"), 100, []),
    ("DELETE", lambda: recording("187"), 100, []),
    ("denied", lambda: recording("023"), 100, []),
    ("1,000 findings", lambda: attack("data-passwords", 1000), 5, []),
    ("ConfigMap", lambda: recording("067"), 100, []),
    ("ClusterRoleBinding", lambda: recording("074"), 100, []),
    ("/mutate", lambda: recording("023"), 100, ["--mutate"]),
]


def measure(bench, text, copies, options):
    """Returns the instructions of one review: for parsing, evaluating and writing."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        many = instructions.count(bench, file.name, copies, *options)
        one = instructions.count(bench, file.name, 1, *options)
    each = {step: (many[step] - one[step]) / (copies - 1) for step in many}
    parse = each["costParse"] - each["costEvaluate"]
    evaluate = each["costEvaluate"]
    return {"parse": parse, "evaluate": evaluate, "write": each["costAnswer"] - parse - evaluate, "all": each["costAnswer"]}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0].strip()


def machine():
    """Returns the properties of the machine that change the counts."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        flags = next((line.split() for line in lines if line.lower().startswith(("flags", "features"))), [])
    return {
        "swift": output("swift", "--version").partition("Swift version ")[2],
        "valgrind": output("valgrind", "--version"),
        "libc": " ".join(platform.libc_ver()),
        "processor": " ".join([platform.machine(), *(flag for flag in FEATURES if flag in flags)]),
    }


def read(path):
    """Returns the machine of the table, and its figures by review and step."""
    recorded, figures = {}, {}
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = line.split("\t")
        if line.startswith("# ") and len(cells) == 2:
            recorded[cells[0][2:]] = cells[1]
        elif not line.startswith("#"):
            figures[cells[0], cells[1]] = int(cells[2])
    return recorded, figures


def write(path, measured):
    lines = ["# Instructions of a review, by step. scripts/cost compares with it, scripts/cost --record writes it."]
    lines += [f"# {name}\t{value}" for name, value in machine().items()]
    lines += [f"{name}\t{step}\t{round(value)}" for name, steps in measured.items() for step, value in steps.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def compare(measured, figures):
    """Prints all figures, and returns a message for each that is too high."""
    failures = []
    print(f"{'review':20} {'step':9} {'table':>10} {'measured':>10} {'':>8}")
    for name, steps in measured.items():
        for step, value in steps.items():
            bar = figures.get((name, step))
            change = f"{value / bar - 1:+.2%}" if bar else "new"
            print(f"{name:20} {step:9} {bar or 0:10} {round(value):10} {change:>8}")
            # The smallest steps take a few hundred instructions; 1% of that is too strict.
            if bar is not None and value > max(bar * ALLOWED, bar + 100):
                failures.append(f"{name}: {step} takes {round(value)} instructions, {change} compared with {bar} in the table")
    return failures


def main():
    bench, *arguments = sys.argv[1:]
    is_recording = arguments == ["--record"]
    table = TABLE if is_recording or not arguments else pathlib.Path(arguments[0])
    if not is_recording:
        recorded, figures = read(table)
        different = [f"{name} is {value}, not {recorded.get(name)}" for name, value in machine().items() if value != recorded.get(name)]
        if different:
            print(f"cost: SKIPPED: the table was recorded on a different machine: {'; '.join(different)}")
            return
    measured = {name: measure(bench, text(), copies, options) for name, text, copies, options in REVIEWS}
    if is_recording:
        write(table, measured)
        return
    failures = compare(measured, figures)
    for failure in failures:
        print(f"cost: {failure}", file=sys.stderr)
    if failures:
        print("cost: if this is intended, run scripts/cost --record and commit the table with the reason", file=sys.stderr)
        sys.exit(1)
    print(f"cost: ten reviews, none more than {ALLOWED - 1:.0%} above the table")


if __name__ == "__main__":
    main()
