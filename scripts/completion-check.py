"""Checks the completions of three shells for a few command lines, and that the manual page is well-formed.

usage: completion-check.py BINARY
"""

import multiprocessing
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import time

binary = sys.argv[1]
# Each: the typed text, and a word that must be among the completions.
CASES = [
    ("playbook rev", "review"),
    ("playbook explain liveness-", "liveness-probe"),
    ("playbook review --for", "--format"),
    ("playbook review --format res", "response"),
    ("playbook review --mode d", "dry-run"),
    ("playbook review --level replic", "replicas"),
    ("playbook review --level replicas=d", "deny"),
    ("playbook review --companions somew", "somewhere.yaml"),
    ("playbook review somew", "somewhere.yaml"),
    ("playbook completion z", "zsh"),
    ("playbook check -o gitl", "gitlab"),
    ("playbook check --fail-on nev", "never"),
    ("playbook check --only image-t", "image-tag"),
    ("playbook rules --profile str", "strict"),
    ("playbook help expl", "explain"),
]


def generated(*arguments):
    return subprocess.run([binary, *arguments], check=True, capture_output=True, text=True).stdout


def fish(script, line):
    run = subprocess.run(
        ["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"], check=True, capture_output=True, text=True)
    return [text.split("\t")[0] for text in run.stdout.splitlines()]


def bash(script, line):
    return interactive(["bash", "--norc", "-i"], f"source {script}", line)


def zsh(_, line):
    return interactive(["zsh", "-f", "-i"], "fpath=($PWD $fpath); autoload compinit; compinit -u -D", line)


def interactive(shell, setup, line):
    """Returns the words on the command line of an interactive shell after the tab key."""
    child, terminal = pty.fork()
    if child == 0:
        environment = dict(os.environ, TERM="dumb", PS1="$ ", HISTFILE="/dev/null", HOME=os.getcwd())
        os.execvpe(shell[0], shell, environment)
    output = ""

    def read_until(word, limit=20):
        nonlocal output
        end = time.monotonic() + limit
        while word not in output and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                output += os.read(terminal, 4096).decode(errors="replace")
        if word not in output:
            sys.exit(f"{shell[0]} printed {output!r}; expected {word!r}")

    # The shell joins the two parts of the word, so the echo of the line does not match.
    os.write(terminal, f"{setup}; echo rea''dy\n".encode())
    read_until("ready\r\n")
    output = ""
    # Ctrl-A and `echo`: the completed line is printed instead of run.
    os.write(terminal, f"{line}\t".encode())
    # A shell prints nothing if there are no completions, so wait.
    time.sleep(1.5)
    os.write(terminal, b"\x01echo \x05 | sed s/^/'<do''ne> '/\n")
    read_until("<done> ")
    read_until("\n", 5)
    os.close(terminal)
    os.waitpid(child, 0)
    return re.search(r"<done> (.*)", output)[1].split()


def attempt(shell, script, line, word):
    """Returns a problem if a shell does not offer the word; otherwise nothing."""
    answer = shell(script, line)
    # Some shells treat a rule and its level as one word.
    if not any(word in (part, *part.split("=")) for part in answer):
        return f"{shell.__name__}: {line!r} completes to {answer}; expected {word!r}"


def main():
    problems = []
    folder = pathlib.Path(tempfile.mkdtemp(prefix="playbook-completion-"))
    os.chdir(folder)
    pathlib.Path("somewhere.yaml").touch()
    for shell, name in [("bash", "playbook.bash"), ("zsh", "_playbook"), ("fish", "playbook.fish")]:
        pathlib.Path(name).write_text(generated("completion", shell))
    subprocess.run(["shellcheck", "--shell=bash", "playbook.bash"], check=True)
    tries = [(shell, f"./playbook.{shell.__name__}", line, word) for line, word in CASES for shell in (bash, zsh, fish)]
    with multiprocessing.Pool(8) as pool:
        problems += filter(None, pool.starmap(attempt, tries, chunksize=1))
    pathlib.Path("playbook.1").write_text(generated("man"))
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "error", "playbook.1"], capture_output=True, text=True)
    if lint.returncode != 0:
        problems.append(lint.stdout + lint.stderr)
    for problem in problems:
        print(problem)
    print(f"{len(CASES)} command lines in three shells and the manual page: {len(problems)} problems")
    sys.exit(1 if problems else 0)


main()
