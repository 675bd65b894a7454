"""Checks that the HTML report works in a browser and is accessible.

usage: html-check.py BINARY [DIRECTORY FOR SCREENSHOTS]
"""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import websocket

sys.path.insert(0, "scripts/cluster")
from certificate import self_signed
from scripted_apiserver import ScriptedAPIServer

binary = sys.argv[1]
screenshots = sys.argv[2] if len(sys.argv) > 2 else ""
HOSTILE = "</script><img src=x onerror='window.broken=1'>\\\" <!--<script>"

# Returns accessibility problems: keyboard, screen reader, contrast, size.
ACCESSIBILITY = """(() => {
    const wrong = [];
    if (!document.documentElement.lang || !document.title) wrong.push("no language or title");
    const levels = [...document.querySelectorAll("h1,h2,h3,h4")].map(h => +h.tagName[1]);
    if (levels[0] !== 1 || levels.some((l, i) => i && l > levels[i - 1] + 1)) wrong.push("headings " + levels);
    for (const field of document.querySelectorAll("input,select"))
        if (!field.labels.length || !field.labels[0].textContent.trim()) wrong.push("no label: " + field.id);
    for (const button of document.querySelectorAll("button,a,summary"))
        if (!button.textContent.trim()) wrong.push("no name: " + button.outerHTML);
    for (const head of document.querySelectorAll("th")) if (!head.scope) wrong.push("no scope: " + head.textContent);
    const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
    if (new Set(ids).size !== ids.length) wrong.push("ids are not unique");
    if (!document.querySelector("main")) wrong.push("no main");
    const luminance = color => {
        const [r, g, b] = color.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
    };
    const parse = text => text.match(/[\\d.]+/g).map(Number);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const seen = new Set();
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || seen.has(element) || ["SCRIPT", "NOSCRIPT"].includes(element.tagName)) continue;
        seen.add(element);
        let behind = element;
        while (behind && parse(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
        const back = behind ? parse(getComputedStyle(behind).backgroundColor) : [255, 255, 255];
        const [a, b] = [luminance(parse(getComputedStyle(element).color).slice(0, 3)), luminance(back.slice(0, 3))];
        const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (contrast < 4.5) wrong.push("contrast " + contrast.toFixed(1) + ": " + element.textContent.slice(0, 40));
    }
    if (document.scrollingElement.scrollWidth > innerWidth) wrong.push("wider than the window");
    for (const control of document.querySelectorAll("button:not(:disabled),input,select")) {
        const box = control.getBoundingClientRect();
        if (box.width && (box.height < 23.5)) wrong.push("too low to touch: " + control.textContent.slice(0, 40));
    }
    return wrong.slice(0, 10);
})()"""


class Browser:
    """A page in headless Chromium, controlled with the DevTools protocol."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
             "--remote-allow-origins=*", "--no-first-run", "--disable-extensions", f"--user-data-dir={folder}/profile", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = pathlib.Path(folder, "profile/DevToolsActivePort")
        for _ in range(600):
            if port.exists() and len(port.read_text().splitlines()) == 2:
                break
            time.sleep(0.1)
        number, path = port.read_text().splitlines()
        self.socket = websocket.create_connection(f"ws://127.0.0.1:{number}{path}", timeout=60)
        self.count, self.session, self.complaints, self.requests, self.loaded = 0, None, [], [], False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]
            self.hear(answer)

    def hear(self, event):
        method, parameters = event.get("method"), event.get("params", {})
        if method in ("Runtime.exceptionThrown", "Log.entryAdded") or (
                method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert")):
            self.complaints.append(parameters)
        if method == "Network.requestWillBeSent" and not parameters["request"]["url"].startswith(("file:", "data:")):
            self.requests.append(parameters["request"]["url"])
        if method == "Page.loadEventFired":
            self.loaded = True

    def open(self, file):
        self.loaded = False
        self.call("Page.navigate", url=pathlib.Path(file).as_uri())
        while not self.loaded:
            self.hear(json.loads(self.socket.recv()))

    def run(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def look(self, width, height, scheme, media="screen"):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def photograph(self, name):
        if screenshots:
            picture = self.call("Page.captureScreenshot", format="png")["data"]
            pathlib.Path(screenshots, f"{name}.png").write_bytes(base64.b64decode(picture))


# Sets a field as a user does, and returns the status text of the page.
def set_field(browser, field, value):
    return browser.run(
        f"(() => {{ const f = document.getElementById('{field}'); f.value = {json.dumps(value)};"
        " f.dispatchEvent(new Event('input', {bubbles: true})); return document.getElementById('status').textContent; })()")


def column(browser, name):
    return browser.run(f"[...document.querySelectorAll('#rows .{name}')].map(e => e.textContent)")


def report(arguments, text=None, **environment):
    environment["PLAYBOOK_DOCS_URL"] = "https://docs.example/rules.md"
    run = subprocess.run([binary, *arguments], input=text, env=environment, capture_output=True)
    assert run.returncode in (0, 1), run.stderr
    return run.stdout


# Returns words of names that are broken: a line ends within letters and digits.
BROKEN = r"""[...document.querySelectorAll("th, td, th button")].flatMap(cell => {
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), words = [], range = document.createRange();
    while (walker.nextNode()) {
        // Suggested changes are code in closed details.
        if (walker.currentNode.parentElement.closest("pre")) continue;
        for (const match of walker.currentNode.data.matchAll(/[\p{L}\p{N}]+/gu)) {
            range.setStart(walker.currentNode, match.index);
            range.setEnd(walker.currentNode, match.index + match[0].length);
            if (new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1) words.push(match[0]);
        }
    }
    return words;
})"""


def look_at(browser, page, name):
    """Checks the accessibility of a page at two widths, light and dark."""
    for width, height in [(360, 800), (1600, 1000)]:
        for scheme in ["light", "dark"]:
            browser.look(width, height, scheme)
            browser.open(page)
            browser.photograph(f"{name}-{width}-{scheme}")
            wrong = browser.run(ACCESSIBILITY)
            assert not wrong, (name, width, scheme, wrong)
            broken = browser.run(BROKEN)
            assert not broken, (name, width, "broken in mid-word", broken[:5])
            browser.run("document.getElementById('findings').scrollIntoView()")
            browser.photograph(f"{name}-{width}-{scheme}-list")


def check_small(browser, folder):
    page = pathlib.Path(folder, "small.html")
    page.write_bytes(report(["check", "--format", "html", "--mode", "dry-run", "Tests/Fixtures/manifests"]))
    look_at(browser, page, "check")
    total = int(browser.run("document.getElementById('status').textContent").split(" of ")[1].split()[0])
    assert total > 50 and len(column(browser, "rule")) == min(total, 100)

    links = browser.run("[...document.querySelectorAll('#rows a')].map(e => e.href)")
    assert len(links) == len(column(browser, "rule")) and links[0].startswith("https://docs.example/rules.md#"), links[:3]

    set_field(browser, "rule", "replicas")
    assert set(column(browser, "rule")) == {"replicas"}
    set_field(browser, "rule", "")
    assert set_field(browser, "search", "catalogue REPLICAS").split()[0] != "0"
    assert all("catalogue" in text for text in column(browser, "object"))
    assert set_field(browser, "search", "no such thing").startswith("0 of ")
    browser.run("document.querySelector('[type=reset]').click()")
    browser.run("new Promise(done => setTimeout(done, 50))")
    assert len(column(browser, "rule")) == min(total, 100)

    for _ in range(2):
        browser.run("document.querySelector('[data-sort=rule]').click()")
    rules = column(browser, "rule")
    assert rules == sorted(rules, reverse=True) and len(set(rules)) > 10
    assert browser.run("document.querySelector('[aria-sort=descending]').textContent") == "Rule"

    # One button filters the findings that would be denied in enforce mode.
    browser.run("document.querySelector('.tomorrow [data-filter]').click(); new Promise(done => setTimeout(done, 50))")
    assert browser.run("document.getElementById('because').value") == "dry-run"
    assert 0 < int(browser.run("document.getElementById('status').textContent").split()[0]) < total
    assert browser.run("document.activeElement.id") == "findings"

    # With the keyboard, the first focus stop is the link to the findings.
    browser.open(page)
    for kind in ["keyDown", "keyUp"]:
        browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert browser.run("document.activeElement.className") == "skip"
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") != "none"

    browser.look(1000, 1000, "light", media="print")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("getComputedStyle(document.getElementById('filters')).display") == "none"
    assert browser.run("document.querySelectorAll('details:not([open])').length") == 0
    browser.photograph("print")
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run("document.querySelectorAll('details[open]').length") == 0
    return total


def recording(number):
    """Returns a recording of a Deployment without a liveness probe, and for some numbers without a readiness probe."""
    name, namespace = f"web-{number}", f"team-{number % 9}"
    finding = {"rule": "liveness-probe", "path": "containers[app].livenessProbe", "effect": "deny",
               "place": "/spec/template/spec/containers/0/livenessProbe"}
    denied = number % 7 == 0
    container = {"name": "app", "image": "a:1"}
    if number * number % 11 % 3:
        container["readinessProbe"] = {"httpGet": {"path": "/ready", "port": 80}}
    return json.dumps({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": str(number), "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "resource": {"group": "apps", "version": "v1", "resource": "deployments"}, "name": name, "namespace": namespace,
            "operation": "CREATE", "userInfo": {"username": ["ci", "admin", "argocd"][number % 3]},
            "object": {
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": name, "namespace": namespace, "labels": {"team": ["red", "blue"][number % 2]}},
                "spec": {"template": {"spec": {"containers": [container]}}}}},
        "recording": {
            "version": "1", "time": f"2026-11-{1 + number % 23:02}T{number % 24:02}:00:00Z", "mode": "enforce",
            "decision": "deny" if denied else "allow", "findings": [finding] if denied else [], "notEvaluated": [],
            "companions": []}})


def check_replay(browser, folder):
    page = pathlib.Path(folder, "replay.html")
    lines = "\n".join(recording(number) for number in range(400))
    lines += "\n" + recording(7).replace("liveness-probe", "gone-rule")
    page.write_bytes(report(["replay", "--format", "html", "--level", "readiness-probe=deny", "-"], lines.encode(),
                            PLAYBOOK_RULES_DEFAULT="off"))
    look_at(browser, page, "replay")
    assert browser.run("document.querySelectorAll('.chart > span').length") == 23
    assert column(browser, "effect")[0] == "deny" and "none" in column(browser, "effect")
    set_field(browser, "effect", "none")
    assert set(column(browser, "rule")) == {"liveness-probe", "gone-rule"}
    # Each button shows findings.
    for rule in ["readiness-probe", "gone-rule"]:
        browser.run(f"document.querySelector('[data-filter=rule][data-value={rule}]').click(); new Promise(done => setTimeout(done, 50))")
        assert set(column(browser, "rule")) == {rule}
    links = browser.run("document.querySelectorAll('#rows a').length")
    assert links == 0, "a rule that no longer exists must not have a link"


def check_audit(browser, folder):
    key, certificate = self_signed(folder, "api")
    api = ScriptedAPIServer(certificate, key, token=None)
    api.start()
    for number in range(30):
        namespace = f"team-{number % 4}"
        api.put("/apis/apps/v1/deployments", {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": f"web-{number}", "namespace": namespace},
            "spec": {"replicas": number % 3, "template": {"metadata": {"labels": {"team": f"{number % 2}"}}, "spec": {
                "containers": [{"name": "app", "image": "nginx:latest"}]}}}}, namespace)
    kubeconfig = pathlib.Path(folder, "kubeconfig")
    kubeconfig.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": {}}],
        "clusters": [{"name": "c", "cluster": {
            "server": f"https://127.0.0.1:{api.port}", "certificate-authority": str(certificate)}}]}))
    page = pathlib.Path(folder, "audit.html")
    page.write_bytes(report(["audit", "--format", "html", "--kubeconfig", str(kubeconfig)]))
    api.stop()
    look_at(browser, page, "audit")
    # Objects in a cluster have no file to count or filter by.
    assert browser.run("document.getElementById('file').offsetParent === null")
    headings = browser.run("[...document.querySelectorAll('h2')].map(e => e.textContent)")
    assert "By team" in headings and "By file" not in headings, headings
    assert set_field(browser, "team", "1").split()[0] not in ("0", "30")


def check_hostile(browser, folder):
    text = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: "{HOSTILE}", namespace: "{HOSTILE}"}}
spec: {{replicas: 1, template: {{spec: {{containers: [{{name: "{HOSTILE}", image: "{HOSTILE}"}}]}}}}}}
"""
    page = pathlib.Path(folder, "hostile.html")
    page.write_bytes(report(["check", "--format", "html", "-"], text.encode()))
    browser.look(1600, 1000, "light")
    browser.open(page)
    assert browser.run("window.broken === undefined && document.images.length === 0")
    assert HOSTILE.replace("\\", "") in column(browser, "object")[0]
    browser.run("document.querySelector('[data-filter=namespace]').click(); new Promise(done => setTimeout(done, 50))")
    assert column(browser, "object") and browser.run("document.getElementById('namespace').selectedIndex") == 1


def check_large(browser, folder):
    documents = [f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web-{number}, namespace: team-{number % 40}}}
spec: {{replicas: 1, template: {{spec: {{containers: [{{name: app, image: "nginx:latest"}}]}}}}}}
""" for number in range(1600)]
    page = pathlib.Path(folder, "large.html")
    page.write_bytes(report(["check", "--format", "html", "-"], "---".join(documents).encode()))
    start = time.monotonic()
    browser.open(page)
    seconds = time.monotonic() - start
    total = browser.run("document.getElementById('status').textContent")
    assert int(total.split(" of ")[1].split()[0].replace(",", "")) >= 20_000, total
    assert len(column(browser, "rule")) == 100
    milliseconds = browser.run("""(() => {
        const search = document.getElementById("search"), start = performance.now();
        search.value = "web-14"; search.dispatchEvent(new Event("input", {bubbles: true}));
        document.body.offsetHeight;
        return performance.now() - start;
    })()""")
    browser.run("document.querySelector('[type=reset]').click(); new Promise(done => setTimeout(done, 50))")
    first = column(browser, "place")
    browser.run("document.getElementById('next').click()")
    assert column(browser, "place") != first
    assert browser.run("document.getElementById('page').textContent").startswith("Page 2 of ")
    # The limit allows for slow machines; a page that renders all rows takes far longer.
    assert seconds < 10 and milliseconds < 1000, (seconds, milliseconds)
    return f"{total}, opened in {seconds:.1f} s, filtered in {milliseconds:.0f} ms"


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    browser = Browser(folder)
    try:
        total = check_small(browser, folder)
        check_replay(browser, folder)
        check_audit(browser, folder)
        check_hostile(browser, folder)
        large = check_large(browser, folder)
        assert not browser.complaints, browser.complaints[:3]
        assert not browser.requests, browser.requests[:3]
    finally:
        browser.process.kill()
        browser.process.wait()
print(f"html-check: {total} findings at two widths, light and dark; {large}")
