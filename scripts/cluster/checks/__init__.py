"""What is checked against a real API server, one check a function, in the order in which they are written and imported."""

CHECKS = []


class Skipped(Exception):
    """Why a check cannot be made with this API server."""


def check(function):
    CHECKS.append(function)
    return function


def needs_evaluated_budgets(cluster):
    if cluster.budget_server:
        raise Skipped("this API server has no policy/v1 of its own (from 1.21 on), so no webhook is asked about budgets")


def needs_controllers(cluster):
    if not cluster.has_controllers:
        raise Skipped("there is no kube-controller-manager in the directory that KUBEBUILDER_ASSETS names")


def is_named(rule, message):
    """Whether a denial has a finding of a rule, perhaps with those of others in one."""
    return any(rule in line[2:].split(": ")[0].split(", ") for line in message.splitlines() if line.startswith("- "))


def admitted(answer):
    assert answer.status in (200, 201), answer
    return answer


def denied(answer, *rules):
    """Refused by the webhook for these rules, each named in what people read and in what tools read."""
    assert answer.status == 403 and "denied the request" in answer.message, answer
    for rule in rules:
        assert rule in answer.rules, f"{rule} is not among {sorted(answer.rules)}"
        assert is_named(rule, answer.message), f"{rule} is not in the message: {answer.message}"
    return answer


def warned(answer, *rules):
    """Let through, with a warning for each of these rules."""
    admitted(answer)
    for rule in rules:
        assert any(f"[{rule}" in warning for warning in answer.warnings), f"no warning about {rule} in {answer.warnings}"
    return answer
