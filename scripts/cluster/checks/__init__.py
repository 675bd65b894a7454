"""The checks against a real API server: one function for each, in the order of the files."""

CHECKS = []


class Skipped(Exception):
    """The reason why a check cannot run with this API server."""


def check(function):
    CHECKS.append(function)
    return function


def needs_evaluated_budgets(cluster):
    if cluster.budget_server:
        raise Skipped("this API server has no policy/v1 (1.21 and later have it), so webhooks do not receive PodDisruptionBudgets")


def needs_controllers(cluster):
    if not cluster.has_controllers:
        raise Skipped("there is no kube-controller-manager in the directory that KUBEBUILDER_ASSETS names")


def is_named(rule, message):
    """True if a denial names the rule, alone or together with other rules."""
    return any(rule in line[2:].split(": ")[0].split(", ") for line in message.splitlines() if line.startswith("- "))


def admitted(answer):
    assert answer.status in (200, 201), answer
    return answer


def denied(answer, *rules):
    """Denied by the webhook because of these rules, which the message and the status details name."""
    assert answer.status == 403 and "denied the request" in answer.message, answer
    for rule in rules:
        assert rule in answer.rules, f"{rule} is not among {sorted(answer.rules)}"
        assert is_named(rule, answer.message), f"{rule} is not in the message: {answer.message}"
    return answer


def warned(answer, *rules):
    """Allowed, with a warning for each of these rules."""
    admitted(answer)
    for rule in rules:
        assert any(f"[{rule}" in warning for warning in answer.warnings), f"no warning about {rule} in {answer.warnings}"
    return answer
