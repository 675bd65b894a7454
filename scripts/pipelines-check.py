"""Runs the commands and the scheduled workflow in docs/pipelines.md, the GitHub action, and the pre-commit hooks.

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
                # A manifest replaces the output of helm.
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
    upload = definition["runs"]["steps"][1]
    if upload["with"]["sarif_file"] != f"${{{{ steps.{step['id']}.outputs.sarif }}}}":
        problems.append("action.yml does not upload the SARIF file of its first step")
    temporary = {"INPUT_SARIF": "", "RUNNER_TEMP": str(folder), "GITHUB_OUTPUT": str(folder / "output")}
    for wanted in ["true", "false"]:
        (folder / "output").write_text("")
        run(script, folder, 1, **given | temporary | {"INPUT_UPLOAD": wanted})
        expected = f"sarif={folder}/playbook.sarif\n" if wanted == "true" else ""
        if (folder / "output").read_text() != expected:
            problems.append(f"with upload: {wanted}, the action's output is {(folder / 'output').read_text()!r}")
    run([binary, "check", "--write-baseline", "known.json", "manifests"], folder)
    run(script, folder, 0, **given | {"INPUT_BASELINE": "known.json"})
    # A value must never be run as a command.
    run(script, folder, 2, **given | {"INPUT_PATHS": "$(touch owned); `touch owned`"})
    run(script, folder, 2, **given | {"INPUT_BINARY": ""})
    if (folder / "owned").exists():
        problems.append("an input of the action was run as a command")


def commit(folder):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    for command in [["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]]:
        run(["git", *identity, *command], folder)


def origin(folder):
    """Creates a remote repository with the contents of a directory, and returns its path."""
    commit(folder)
    remote = pathlib.Path(tempfile.mkdtemp(dir=work))
    run(["git", "clone", "-q", "--bare", str(folder), str(remote)], work)
    run(["git", "remote", "add", "origin", str(remote)], folder)
    return remote


def settings():
    """Checks that the action warns about a change to the file with its own settings."""
    folder = project()
    (folder / ".playbook.env").write_text("PLAYBOOK_CONTACT=the platform team\n")
    origin(folder)
    given = {"INPUT_BINARY": str(binary), "INPUT_PATHS": "manifests", "GITHUB_BASE_REF": "main"}
    script = [str(root / "scripts/action")]
    warning = "::warning file=.playbook.env::playbook: this change edits the settings of this check"
    unchanged = run(script, folder, **given)
    if "settings read from .playbook.env" not in unchanged or "::warning" in unchanged:
        problems.append(f"with unchanged settings the action prints\n{unchanged}")
    (folder / ".playbook.env").write_text("PLAYBOOK_CONTACT=team\n")
    run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-a", "-m", "edit"], folder)
    if warning not in (changed := run(script, folder, **given)):
        problems.append(f"with changed settings the action prints\n{changed}")
    if "could not be compared with gone" not in (lost := run(script, folder, **given | {"GITHUB_BASE_REF": "gone"})):
        problems.append(f"without the base branch the action prints\n{lost}")


def schedule():
    """Runs the scheduled workflow: each rule with a fix gets a branch and a pull request."""
    text = re.search(r"^```yaml\n(name: playbook fix\n.*?)^```$", (root / "docs/pipelines.md").read_text(), re.M | re.S)[1]
    step = yaml.safe_load(text)["jobs"]["fix"]["steps"][-1]
    folder = project()
    (folder / "manifests/bad.yaml").write_text(BAD)
    remote = origin(folder)
    # gh lists the pull requests that it has created.
    requests = work / "requests"
    requests.write_text("")
    tool = work / "bin/gh"
    tool.write_text(f"""#!/bin/bash
case $2 in
    list) grep -Fx -- "$4" {requests} || true ;;
    create) echo "$4" >>{requests}; test -s "$8" ;;
esac
""")
    tool.chmod(0o755)
    on = {"PLAYBOOK_RULE_TOPOLOGY_SPREAD": "deny", "PLAYBOOK_RULE_CPU_REQUEST": "warn", "RUNNER_TEMP": str(work)}
    for _ in range(2):
        run(["bash", "-e", "-c", step["run"]], folder, **on)
        run(["git", "checkout", "-q", "main"], folder)
    branches = run(["git", "for-each-ref", "--format=%(refname:short)", "refs/heads"], remote).split()
    if branches != ["main", "playbook-fix/topology-spread"] or requests.read_text() != "playbook-fix/topology-spread\n":
        problems.append(f"the scheduled workflow created {branches} and {requests.read_text()!r}")
    changed = run(["git", "diff", "--name-only", "main", branches[-1]], remote).split()
    if changed != ["manifests/bad.yaml"]:
        problems.append(f"the scheduled workflow changed {changed}")
    tool.unlink()


def hooks():
    folder = project()
    # The hooks are tested as committed, as their users get them.
    hooks = work / "hooks"
    hooks.mkdir()
    shutil.copy(root / ".pre-commit-hooks.yaml", hooks)
    for place in [hooks, folder]:
        commit(place)
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
settings()
schedule()
hooks()
shutil.rmtree(work)
for problem in problems:
    print(problem)
print(f"pipelines-check: {count} blocks and a workflow of docs/pipelines.md, the action and two hooks: {len(problems)} problems")
sys.exit(1 if problems else 0)
