"""Runs the commands in docs/pipelines.md, the GitHub action, and the pre-commit hooks.

usage: pipelines-check.py BINARY
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

binary, root = pathlib.Path(sys.argv[1]), pathlib.Path.cwd()
problems = []
work = pathlib.Path(tempfile.mkdtemp(prefix="playbook-pipelines-"))
rules = [rule["id"] for rule in json.loads(subprocess.check_output([binary, "rules", "--format", "json"]))]
levels = {"PLAYBOOK_RULE_" + rule.upper().replace("-", "_"): "off" for rule in rules}
environment = dict(os.environ, PATH=f"{work}/bin:{os.environ['PATH']}", HOME=str(work), GIT_CONFIG_NOSYSTEM="1",
                   **levels | {"PLAYBOOK_RULE_REPLICAS": "deny"})
BAD = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {replicas: 1, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: web}]}}}
"""


def run(command, cwd, code=0, **more):
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=dict(environment, **more))
    if result.returncode != code:
        problems.append(f"{command} ended with {result.returncode}, not {code}:\n{result.stdout}{result.stderr}")
    return result.stdout


def project():
    """Creates a repository with manifests without violations, a chart and an overlay."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=work))
    for name in ["manifests", "recordings", "overlays/production", "charts/shop/templates"]:
        (folder / name).mkdir(parents=True)
    shutil.copy(root / "Tests/Fixtures/manifests/1-checkout-good.yaml", folder / "manifests")
    shutil.copy(root / "Tests/Fixtures/reviews/016-create-deployment-checkout.json", folder / "recordings")
    (folder / "overlays/production/kustomization.yaml").write_text("resources: [deployment.yaml]\n")
    (folder / "overlays/production/deployment.yaml").write_text(BAD.replace("replicas: 1", "replicas: 2"))
    return folder


def page():
    """Runs every shell block of the page, and returns their number."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (root / "docs/pipelines.md").read_text(), re.M | re.S)
    for block in blocks:
        for line in block.splitlines():
            if line.startswith("helm ") and not shutil.which("helm"):
                # The output of helm is replaced by a manifest.
                line = line.replace("helm template charts/shop", "cat overlays/production/deployment.yaml")
            if line.startswith("kubectl "):
                line = line.replace("kubectl", os.environ.get("KUBECTL", "kubectl"), 1)
                if not shutil.which(line.split()[0]):
                    line = "cat overlays/production/deployment.yaml | " + line.split("| ", 1)[1]
            run(["bash", "-euo", "pipefail", "-c", line], folders.setdefault(block, project()))
    return len(blocks)


def action():
    definition = yaml.safe_load((root / "action.yml").read_text())
    step = definition["runs"]["steps"][0]
    inputs = {name: value["default"] for name, value in definition["inputs"].items()}
    for name in inputs:
        if step["env"].get(f"INPUT_{name.upper()}") != f"${{{{ inputs.{name} }}}}":
            problems.append(f"action.yml does not pass on the input {name}")
    folder = project()
    (folder / "manifests/bad.yaml").write_text(BAD)
    script = [str(root / "scripts/action")]
    given = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    given |= {"INPUT_BINARY": str(binary), "INPUT_PATHS": "manifests\n", "INPUT_SARIF": "playbook.sarif",
              "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    output = run(script, folder, 1, **given)
    if not output.startswith("::error file=manifests/bad.yaml,line=4"):
        problems.append(f"the action's annotations are\n{output}")
    if "replicas" not in (folder / "summary.md").read_text() or "2.1.0" not in (folder / "playbook.sarif").read_text():
        problems.append("the action does not write a summary or SARIF")
    run([binary, "check", "--write-baseline", "known.json", "manifests"], folder)
    run(script, folder, 0, **given | {"INPUT_BASELINE": "known.json"})
    # A value must never be run as a command.
    run(script, folder, 2, **given | {"INPUT_PATHS": "$(touch owned); `touch owned`"})
    run(script, folder, 2, **given | {"INPUT_BINARY": ""})
    if (folder / "owned").exists():
        problems.append("an input of the action was run as a command")


def hooks():
    folder = project()
    # The hooks are tested as committed, as their users get them.
    hooks = work / "hooks"
    hooks.mkdir()
    shutil.copy(root / ".pre-commit-hooks.yaml", hooks)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    for place in [hooks, folder]:
        for command in [["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]]:
            run(["git", *identity, *command], place)
    run(["pre-commit", "try-repo", str(hooks), "playbook-check", "--all-files"], folder)
    (folder / "manifests/bad.yaml").write_text(BAD)
    run(["git", "add", "-A"], folder)
    output = run(["pre-commit", "try-repo", str(hooks), "playbook-check", "--all-files"], folder, 1)
    if "spec.replicas is 1" not in output:
        problems.append(f"the hook prints\n{output}")
    run(["pre-commit", "try-repo", str(hooks), "playbook-fix", "--all-files"], folder)


folders = {}
(work / "bin").mkdir()
(work / "bin/playbook").symlink_to(binary)
count = page()
action()
hooks()
shutil.rmtree(work)
for problem in problems:
    print(problem)
print(f"pipelines-check: {count} blocks of docs/pipelines.md, the action and two hooks: {len(problems)} problems")
sys.exit(1 if problems else 0)
