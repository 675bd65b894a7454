"""Checks what the schemas of workflows do not; see scripts/workflows-check."""

import json
import pathlib
import re
import subprocess
import sys

import ruamel.yaml

problems = []
build_image = re.search(r"^ARG SWIFT=(.*)$", pathlib.Path("Dockerfile").read_text(), re.M)[1]
for number, line in enumerate(pathlib.Path("Dockerfile").read_text().splitlines(), 1):
    if re.match(r"ARG (SWIFT|BASE)=", line) and not re.search(r"@sha256:[0-9a-f]{64}$", line):
        problems.append(f"Dockerfile:{number}: pin the base image by digest")

for path in [*sorted(pathlib.Path(".github/workflows").glob("*.yml")), pathlib.Path("action.yml")]:
    text = path.read_text()
    value = ruamel.yaml.YAML(typ="safe").load(text)
    for number, line in enumerate(text.splitlines(), 1):
        if "uses:" in line and not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line):
            problems.append(f"{path}:{number}: pin the action by commit, with its version as a comment: uses: OWNER/NAME@COMMIT # v1.2.3")
    jobs = value.get("jobs", {"action": value.get("runs", {})})
    if "jobs" in value and "permissions" not in value:
        problems.append(f"{path}: set permissions at the top, so that a job has only what it names")
    for name, job in jobs.items():
        container = job.get("container", build_image)
        image = container if isinstance(container, str) else container["image"]
        if image != build_image:
            problems.append(f"{path}: the image of job {name} differs from ARG SWIFT in the Dockerfile")
        for step in job["steps"]:
            command = step.get("run")
            if command is None:
                continue
            if not re.match(r'(scripts/|\.ci/|"\$ACTION_PATH/scripts/)', command.strip("'")):
                problems.append(f"{path}: {command!r} is not a script of this repository")
            if "${{" in command:
                problems.append(f"{path}: {command!r} contains an expression; pass it as a variable")
            checked = subprocess.run(["shellcheck", "--shell=bash", "-"], input=command, capture_output=True, text=True)
            if checked.returncode != 0:
                problems.append(f"{path}: {command!r}:\n{checked.stdout}")
# Renovate updates the tools from PyPI that its pattern finds in a script.
pattern = json.loads(pathlib.Path("renovate.json").read_text())["customManagers"][0]["matchStrings"][0].replace("(?<", "(?P<")
for path in sorted(path for path in pathlib.Path("scripts").iterdir() if path.is_file()):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if "pip install" in line and line.lstrip().startswith("python3"):
            words = re.sub(r"--target \S+|>\S+", "", line.partition("pip install ")[2]).split()
            for word in words:
                if not word.startswith(("-", '"$')) and not re.fullmatch(pattern, word):
                    problems.append(f"{path}:{number}: pin {word} so that Renovate can update it: 'NAME==1.2.3'")

for problem in problems:
    print(f"workflows-check: {problem}")
sys.exit(1 if problems else 0)
